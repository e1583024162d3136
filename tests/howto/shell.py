"""A shell in which what a page prints is run; only addresses, ports and the key of a study are exchanged."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.ports import free_port

EXCHANGED = {
    "127.0.0.1:8042": "127.0.0.1:{web}",
    "archive.example 104": "127.0.0.1 {dicom}",
    "ARCHIVE@10.0.0.9:104": "ARCHIVE@127.0.0.1:{dicom}",
    "onephase node ": "onephase node --port {node} --metrics-port {metrics} --quiet-s 5 ",  # 30 without it
    "127.0.0.1 11112": "127.0.0.1 {node}",
    "127.0.0.1:9112": "127.0.0.1:{metrics}",
    "onephase serve ": "onephase serve --port {reader} ",
    "127.0.0.1:8471": "127.0.0.1:{reader}",
    "--host 0.0.0.0": "--host 127.0.0.1",  # no test listens beyond this machine
    "--host 10.0.0.5": "--host 127.0.0.1",
    "*@10.0.0.0/24": "*@127.0.0.0/24",
    "postgresql+psycopg://onephase@db.example/onephase": "'{database}'",
    "/shared/node": "shared-node",
    "3f9a": "{study}",
}
"""What a page prints, and what stands here in its place."""

START_S, WORK_S, END_S, ANSWER_S = 180, 360, 90, 60


class Shell:
    """A folder in which commands are run as somebody types them who has activated the environment."""

    def __init__(self, folder: Path, **addresses: object) -> None:
        self.folder = folder
        self.here = {name: free_port() for name in ("node", "metrics", "reader")} | addresses
        (folder / ".curlrc").write_text("fail-with-body\n")  # so that curl's exit code tells of a refusal
        paths = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.environment = {**os.environ, "PATH": paths, "CURL_HOME": str(folder), "OMP_NUM_THREADS": "1"}

    def run(self, command: str) -> str:
        """Run a command to its end, and return what it said."""
        done = subprocess.run(
            ["bash", "-c", self._exchanged(command)],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False, timeout=WORK_S,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\nleft with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout

    @contextmanager
    def running(self, command: str, *, ready: str, end: signal.Signals) -> Iterator[Callable[[], str]]:
        """Start a server, wait until it says that it is ready, and end it; what is yielded tells what it has said."""
        log = self.folder / f"{command.split()[1]}.log"
        with log.open("w") as said:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {self._exchanged(command)}"],
                cwd=self.folder, env=self.environment, stdout=said, stderr=said,
            )  # fmt: skip
        try:
            wait_until(lambda: ready in log.read_text() or process.poll() is not None, log.read_text, seconds=START_S)
            assert process.poll() is None, f"{command}\nended:\n{log.read_text()}"
            yield log.read_text
            process.send_signal(end)
            assert process.wait(timeout=END_S) == 0, f"{command}\nleft with {process.returncode}:\n{log.read_text()}"
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()

    def node(self, command: str):
        """Start a node."""
        return self.running(command, ready="node ready", end=signal.SIGTERM)

    def reader(self, command: str):
        """Start the reader page, which Ctrl-C closes."""
        return self.running(command, ready="Ctrl-C closes it", end=signal.SIGINT)

    def _exchanged(self, command: str) -> str:
        for there, here in EXCHANGED.items():
            if there in command:
                command = command.replace(there, here.format(**self.here))
        return command


def wait_until(true: Callable[[], bool], said: Callable[[], str], *, seconds: float = WORK_S) -> None:
    latest = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < latest, f"waited {seconds} s in vain:\n{said()[-3000:]}"
        time.sleep(0.1)


def answer_of(address: str, **headers: str) -> tuple[int, str]:
    """Return the status and the text that an address answers with."""
    try:
        request = urllib.request.Request(address, headers=headers)  # noqa: S310 - http on loopback
        with urllib.request.urlopen(request, timeout=ANSWER_S) as answer:  # noqa: S310 - the same
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()
