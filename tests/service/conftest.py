"""Real servers that the tests start: PostgreSQL for a shared work list."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="the pacs extra is not installed")

import psycopg

START_S, STOP_S = 120, 60


def server_program(name: str) -> str | None:
    """Return a program of the PostgreSQL server, which Debian keeps out of the path."""
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(debian[-1]) if debian else shutil.which(name)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL server of our own; it listens on a socket in a temporary folder only."""
    initdb, server = server_program("initdb"), server_program("postgres")
    if initdb is None or server is None:
        pytest.skip("the PostgreSQL server (Debian package postgresql) is not installed")
    as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    folder = Path(tempfile.mkdtemp(prefix="onephase-postgres-"))  # pytest's own folders are closed to other users
    try:
        if as_user:
            shutil.chown(folder, "postgres", "postgres")
        made = [*as_user, initdb, "--auth=trust", "--username=postgres", "--no-sync", "-D", str(folder / "data")]
        subprocess.run(made, check=True, capture_output=True, cwd=folder)
        kept = ["-c", "listen_addresses=", "-c", "fsync=off"]  # nothing of this outlives the tests
        command = [*as_user, server, "-D", folder / "data", "-k", folder, *kept]
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        try:
            wait_for(folder, process)
            yield f"postgresql+psycopg://postgres@/postgres?host={folder}"
        finally:
            process.send_signal(signal.SIGINT)  # ends at once, whoever is still connected
            process.wait(timeout=STOP_S)
    finally:
        shutil.rmtree(folder)


def wait_for(folder: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until the server lets somebody in: its socket is there before, and who comes then is refused."""
    latest = time.monotonic() + START_S
    while True:
        try:
            psycopg.connect(host=str(folder), user="postgres", dbname="postgres").close()
        except psycopg.OperationalError as refused:
            said = f"{refused}\n{(folder / 'log').read_text()[-2000:]}"
            assert process.poll() is None, f"PostgreSQL did not start: {said}"
            assert time.monotonic() < latest, f"PostgreSQL did not start in time: {said}"
            time.sleep(0.05)
        else:
            return
