"""What every test shares: seeded properties, and the real data where they are."""

import gc
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

if "PYTEST_XDIST_WORKER" in os.environ:  # each core has a worker of its own: threads would wait for one another
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings
from tests.first_calls import check_anew, check_at_first
from tests.ports import free_port

check_at_first()  # before anything of ours is imported
gc.disable()  # while everything is imported, which stays: until pytest_collection_finish

from onephase.work import cluster as cluster_module  # noqa: E402
from onephase.work.cluster import Cluster  # noqa: E402

settings.register_profile(
    "ci", derandomize=True, deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("night", deadline=None, max_examples=2000)
settings.load_profile("ci")

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, said to be slow or of few tests: one of them at the end is waited for."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    tests = Counter(item.path for item in items)
    items.sort(key=lambda item: (item.path not in slow, tests[item.path], item.path))


def pytest_collection_finish() -> None:
    """Take what has been imported out of what is searched for garbage, a sixth of the time of all tests."""
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def types_are_checked_anew() -> None:
    """Check the first calls of each function in every test."""
    check_anew()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real images and labels, which is not part of the project."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real data (../shared/data beside the checkout) are not here")
    return SHARED_DATA


@pytest.fixture(scope="session")
def tiny_demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `onephase demo` leaves behind, with few cases and one epoch: made once, and each worker has a copy."""
    pytest.importorskip("torch", reason="the train extra is not installed")
    of_all = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        of_all = of_all.parent
    with FileLock(of_all / "demo.lock"):
        if not (of_all / "demo" / "said.txt").exists():
            _make_demo(of_all / "demo")
    return shutil.copytree(of_all / "demo", tmp_path_factory.mktemp("whole-way") / "demo")


def _make_demo(folder: Path) -> None:
    command = [sys.executable, "-m", "onephase.cli", "demo", "--out", str(folder), "--cases", "40", "--epochs", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (folder / "said.txt").write_text(done.stdout)


ORTHANC_DICOMWEB = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
ORTHANC_NAME = "onephase-tests"
ORTHANC_START_SECONDS, ORTHANC_PATIENCE_SECONDS = 120, 60


@dataclass
class Archive:
    """An Orthanc of our own, which can be stopped and started again with what it holds."""

    folder: Path
    http_port: int = field(default_factory=free_port)
    dicom_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def web(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    def start(self) -> None:
        configuration = {
            "Name": ORTHANC_NAME,
            "StorageDirectory": str(self.folder / "storage"),
            "IndexDirectory": str(self.folder / "storage"),
            "HttpPort": self.http_port,
            "DicomPort": self.dicom_port,
            "DicomAet": "ORTHANC",
            "DicomAlwaysAllowStore": False,  # but for known peers: this port listens beyond loopback
            "DicomModalities": {name.lower(): [name, "127.0.0.1", 104] for name in ("STORESCU", "ONEPHASE")},
            "DicomCheckModalityHost": True,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "Plugins": [str(ORTHANC_DICOMWEB)],
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        }
        (self.folder / "orthanc.json").write_text(json.dumps(configuration))
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen(["Orthanc", self.folder / "orthanc.json"], stdout=log, stderr=log)
        latest = time.monotonic() + ORTHANC_START_SECONDS
        while time.monotonic() < latest and self.process.poll() is None:
            try:
                assert self.json("system")["Name"] == ORTHANC_NAME
            except OSError:  # nobody answers yet, or not in time
                time.sleep(0.1)
            else:
                return
        pytest.fail(f"Orthanc did not start:\n{(self.folder / 'log').read_text()[-2000:]}")

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=ORTHANC_PATIENCE_SECONDS)
            self.process = None

    def ask(self, path: str, *, content: bytes | None = None) -> bytes:
        request = urllib.request.Request(f"{self.web}/{path}", content)  # noqa: S310 - http on loopback
        with urllib.request.urlopen(request, timeout=ORTHANC_PATIENCE_SECONDS) as answer:  # noqa: S310 - the same
            return answer.read()

    def json(self, path: str, *, content: bytes | None = None) -> Any:
        return json.loads(self.ask(path, content=content))

    def path_of(self, uid: str) -> str:
        """Return the path of a study or an instance in the archive's own interface."""
        (found,) = self.json("tools/lookup", content=uid.encode())
        return str(found["Path"]).lstrip("/")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """A running Orthanc."""
    if shutil.which("Orthanc") is None or not ORTHANC_DICOMWEB.exists():
        pytest.skip("Orthanc (Debian packages orthanc and orthanc-dicomweb) is not installed")
    archive = Archive(tmp_path_factory.mktemp("orthanc"))
    try:
        archive.start()
        yield archive
    finally:
        archive.stop()


DASK = str(Path(sys.executable).parent / "dask")
DASK_START_SECONDS, DASK_END_SECONDS = 180, 60
ALLOWED_DEATHS = "1"


@contextmanager
def running_dask(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command of Dask, and end it."""
    root = Path(__file__).parents[1]  # so that a worker may import what tests have put in the place of something
    environment = {
        **os.environ,
        "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": ALLOWED_DEATHS,
        "PYTHONPATH": str(root),
    }
    process = subprocess.Popen([DASK, *command], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=DASK_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The file of a Dask scheduler that has nobody yet."""
    pytest.importorskip("distributed", reason="the cluster extra is not installed")
    file = tmp_path_factory.mktemp("dask") / "scheduler.json"
    listening = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard")
    with running_dask("scheduler", *listening, "--scheduler-file", str(file)) as process:
        until = time.monotonic() + DASK_START_SECONDS
        while not (file.exists() and file.read_text().endswith("\n}")):  # it is written where it stands
            assert process.poll() is None, "the scheduler ended"
            assert time.monotonic() < until, "the scheduler did not start"
            time.sleep(0.05)
        yield file


@pytest.fixture(scope="module")
def cluster(scheduler: Path) -> Iterator[Cluster]:
    """The scheduler with two workers."""
    place = ("--no-dashboard", "--local-directory", str(scheduler.parent))
    with (
        running_dask("worker", "--scheduler-file", str(scheduler), "--nworkers", "2", "--nthreads", "1", *place),
        pytest.MonkeyPatch.context() as patch,
    ):
        for patience in ("REACHED_IN_S", "STAFFED_IN_S"):  # a busy machine takes longer to start a worker anew
            patch.setattr(cluster_module, patience, DASK_START_SECONDS)
        wait_for_workers(scheduler, 2)
        yield Cluster(str(scheduler))


def wait_for_workers(scheduler: Path, number: int) -> None:
    """Wait until a scheduler has so many workers."""
    import distributed

    with distributed.Client(scheduler_file=str(scheduler), set_as_default=False, timeout=DASK_START_SECONDS) as client:
        client.wait_for_workers(number, timeout=DASK_START_SECONDS)
