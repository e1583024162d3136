"""Work on a real Dask cluster: the same bytes as here; what happens when workers die, are strangers or see nothing."""

import gc
import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from tests.conftest import DASK_END_SECONDS, running_dask

from onephase.cohort.preparation import prepare
from onephase.errors import WorkerError
from onephase.imaging.geometry import Grid
from onephase.settings import ImagingSettings, Settings
from onephase.work import cluster as module
from onephase.work.cluster import Cluster
from onephase.work.workers import count_of, in_order
from onephase.writers.volume_file import write_array

distributed = pytest.importorskip("distributed", reason="the cluster extra is not installed")

CASES = 16
SMALL = Settings(imaging=ImagingSettings(patch_voxels=(8, 10, 12), spacing_mm=2.0))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A cohort of noise with a bright ball each."""
    rng = np.random.default_rng(3)
    shape = (14, 30, 26)
    axes = np.meshgrid(*[np.arange(size) - size / 2 for size in shape], indexing="ij")
    ball = sum(axis**2 for axis in axes) < 25
    grid = Grid.axial(shape, (2.0, 1.2, 1.0), origin_mm=(0.0, 0.0, 0.0))
    rows = ["case_id,image,mask,er"]
    write_array(tmp_path / "mask.nii.gz", ball.astype(np.uint8), grid)
    for number in range(CASES):
        write_array(tmp_path / f"{number}.nii.gz", (rng.normal(100, 5, shape) + 150 * ball).astype(np.float32), grid)
        rows.append(f"c{number},{number}.nii.gz,mask.nii.gz,{number % 2}")
    (tmp_path / "cohort.csv").write_text("\n".join(rows) + "\n")
    return tmp_path / "cohort.csv"


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name != ".lock"}


def pids(cluster: Cluster) -> list[int]:
    with distributed.Client(scheduler_file=cluster.scheduler, set_as_default=False) as client:
        return list(client.run(os.getpid).values())


def test_a_scheduler_without_workers_is_a_sentence(scheduler: Path, monkeypatch) -> None:
    monkeypatch.setattr(module, "STAFFED_IN_S", 0.2)
    with pytest.raises(
        WorkerError, match=r"the Dask scheduler .*scheduler.json has no worker: start some .*--scheduler-file /"
    ):
        count_of(Cluster(str(scheduler)))


def test_answers_come_in_the_order_of_the_items(cluster: Cluster) -> None:
    assert list(in_order(abs, list(range(-20, 0)), workers=cluster)) == list(range(20, 0, -1))
    assert list(in_order(abs, [], workers=cluster)) == []


def test_a_worker_killed_in_the_middle_loses_nothing_and_the_bytes_are_the_same(
    cluster: Cluster, table: Path, monkeypatch
) -> None:
    monkeypatch.chdir(table.parent)  # a relative path means the same to a worker, which was started elsewhere
    victims = pids(cluster)

    def kill(task: str, done: int, total: int) -> None:
        if task == "preparing" and done == 3:
            os.kill(victims[0], signal.SIGKILL)

    prepare([Path("cohort.csv")], Path("far"), SMALL, workers=cluster, progress=kill)
    until = time.monotonic() + DASK_END_SECONDS
    while Path(f"/proc/{victims[0]}").exists():  # until its nanny has looked after it
        assert time.monotonic() < until, "the worker lives"
        time.sleep(0.02)
    prepare([Path("cohort.csv")], Path("near"), SMALL)
    assert bytes_of(Path("far")) == bytes_of(Path("near"))


def test_a_case_that_kills_every_worker_is_a_sentence(cluster: Cluster) -> None:
    with pytest.raises(WorkerError, match=r"several workers .* died on the same piece of work after 0 of 1, most"):
        list(in_order(os._exit, [1], workers=cluster))


def test_what_waits_is_cancelled_when_the_leader_leaves(cluster: Cluster) -> None:
    with closing(in_order(time.sleep, [0.01, *[0.5] * 200], workers=cluster)) as slept:
        next(slept)
    started = time.monotonic()
    assert list(in_order(abs, [-1], workers=cluster)) == [1]
    assert time.monotonic() - started < 45  # and not the 50 s that two workers would sleep


def test_a_worker_that_does_not_see_the_files_is_a_sentence(cluster: Cluster) -> None:
    ours = Path(f"/proc/self/task/{os.getpid()}")  # every process sees its own threads there, and no other's
    with pytest.raises(WorkerError, match=rf"worker tcp://.* does not see {ours}: all machines need the same files"):
        list(in_order(abs, [-1], workers=cluster, sees=[ours.parent, ours]))


def test_a_worker_that_comes_later_is_checked_as_well(cluster: Cluster, tmp_path: Path) -> None:
    with distributed.Client(scheduler_file=cluster.scheduler, set_as_default=False) as client:
        same = module._versions()

        def asked_of_it(home: Path, versions: dict[str, str], *sees: Path) -> int:
            leader = module._Leader(versions, home, sees)
            return client.submit(module._at_worker, abs, leader, -1, pure=False).result()

        assert asked_of_it(tmp_path, same) == 1
        for package in same:
            with pytest.raises(
                WorkerError, match=rf"worker tcp://.* has version .* of {package}, the command has 0.0.1: start it from"
            ):
                asked_of_it(tmp_path, {**same, package: "0.0.1"})
        with pytest.raises(WorkerError, match=r"worker tcp://.* does not see .*/gone: all machines need the same"):
            asked_of_it(tmp_path, same, tmp_path / "gone")
        file = tmp_path / "file"
        file.touch()
        with pytest.raises(
            WorkerError, match=r"worker tcp://.* cannot work in .*/file \(Not a directory\): start it as"
        ):
            asked_of_it(file, same)


def test_who_comes_later_without_onephase_leaves_and_with_several_threads_ends_the_work(
    cluster: Cluster, tmp_path: Path
) -> None:
    (tmp_path / "hide.py").write_text("import sys; sys.modules['onephase'] = None")
    come = ("worker", "--scheduler-file", cluster.scheduler, "--no-nanny", "--no-dashboard")
    come = (*come, "--local-directory", str(tmp_path))
    with closing(in_order(time.sleep, [0.1] * 20_000, workers=cluster)) as slept:
        with running_dask(*come, "--nthreads", "1", "--preload", str(tmp_path / "hide.py")) as stranger:
            while stranger.poll() is None:
                next(slept)  # and what it was given is done by others
        with (
            running_dask(*come, "--nthreads", "2"),
            pytest.raises(WorkerError, match=r"worker tcp://.* has 2 threads, and each shall have one core: start it"),
        ):
            list(slept)


def test_another_version_is_a_sentence(cluster: Cluster, monkeypatch) -> None:
    monkeypatch.setattr(module, "SAME_EVERYWHERE", ("distributed", "no-such-package"))
    monkeypatch.setattr("distributed.versions.get_package_info", lambda names: dict.fromkeys(names, "0.0.1"))
    with pytest.raises(
        WorkerError, match=r"the scheduler has version 20.* of distributed, the command has 0.0.1: start it"
    ):
        count_of(cluster)


def test_an_environment_without_onephase_is_a_sentence(cluster: Cluster, monkeypatch) -> None:
    monkeypatch.setattr(module, "SAME_EVERYWHERE", ("no-such-package",))
    monkeypatch.setattr("distributed.versions.get_package_info", lambda names: dict.fromkeys(names, "0.0.1"))
    with pytest.raises(WorkerError, match=r"the scheduler has no no-such-package, the command has 0.0.1"):
        count_of(cluster)


@pytest.fixture
def collected() -> Iterator[None]:
    """Collect a client that never connected, or its end could wait forever for the start of the next one."""
    yield
    gc.collect()


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense", "tcp://no-such-host.invalid:8786"])
def test_an_unreachable_scheduler_is_a_sentence(address: str, collected: None, monkeypatch) -> None:
    monkeypatch.setattr(module, "REACHED_IN_S", 1)
    with pytest.raises(WorkerError, match=rf"the Dask scheduler {address} cannot be reached \(.*\): start one"):
        count_of(Cluster(address))


def test_a_worker_of_several_threads_is_a_sentence(cluster: Cluster, monkeypatch) -> None:
    monkeypatch.setattr(distributed.Client, "nthreads", lambda self: {"tcp://beta:1": 2})
    with pytest.raises(WorkerError, match="tcp://beta:1 has 2 threads, and each shall have one core: start it"):
        count_of(cluster)


def test_a_scheduler_that_is_lost_is_a_sentence(cluster: Cluster) -> None:  # the last one, for it is gone then
    with distributed.Client(scheduler_file=cluster.scheduler, set_as_default=False) as client:
        scheduler = client.run_on_scheduler(os.getpid)
    with closing(in_order(time.sleep, [0.01, *[5.0] * 9], workers=cluster)) as slept:  # none ends before the scheduler
        next(slept)
        os.kill(scheduler, signal.SIGKILL)
        with pytest.raises(WorkerError, match=r"the Dask scheduler .* was lost after 1 of 10 pieces of work: start"):
            list(slept)
