"""Work on a Dask cluster: the only module that knows Dask.

A worker works where the leader does, so that relative paths mean the same: files are on a file system that all
share. What was on a worker that died is done by another. When the leader goes, in whatever way, the scheduler
forgets what waits.
"""

import os
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import onephase
from onephase.errors import MissingExtraError, WorkerError
from onephase.work.one_core import ONE_CORE, environment, one_core
from onephase.work.waiting import submitted

if TYPE_CHECKING:
    from distributed import Client

REACHED_IN_S = 10
STAFFED_IN_S = 30
SAME_EVERYWHERE = ("onephase", "distributed")
"""Packages whose versions must agree: of what computes, and of what carries it."""

Item = TypeVar("Item")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running Dask cluster.

    Attributes:
        scheduler: Its address, such as ``tcp://host:8786``, or the path of the file that
            ``dask scheduler --scheduler-file`` wrote.
    """

    scheduler: str

    def __str__(self) -> str:
        """Return how a message names it."""
        return f"the Dask scheduler {self.scheduler}"


@dataclass(frozen=True, slots=True)
class _Leader:
    """What a worker must agree with; it travels with each task, for workers may come at any time.

    Attributes:
        versions: Of the packages that are the same everywhere.
        home: Where the leader works.
        sees: Further files and folders that the leader sees.
    """

    versions: Mapping[str, str]
    home: Path
    sees: tuple[Path, ...]


def in_cluster(
    function: Callable[[Item], Answer], items: Sequence[Item], *, cluster: Cluster, sees: Sequence[Path]
) -> Generator[Answer, None, None]:
    """Yield the answers of a cluster; see :func:`onephase.work.workers.in_order`.

    Raises:
        WorkerError: If the cluster cannot be reached, is of another version, does not see the files, or loses a
            case again and again.
        MissingExtraError: If Dask is not installed.
    """
    if not items:
        return
    with _staffed(cluster) as client:
        from distributed import CancelledError, KilledWorker
        from distributed.comm import CommClosedError

        seen = tuple(path.absolute() for path in sees if path.exists())
        leader, done = _Leader(_versions(), Path.cwd(), seen), 0
        _refuse_blind(client, leader)
        submit = partial(client.submit, partial(_at_worker, function, leader), pure=False)
        try:
            for promise in submitted(submit, items, count=lambda: max(1, len(client.nthreads()))):
                yield promise.result()
                done += 1
        except KilledWorker:
            message = (
                f"several workers of {cluster} died on the same piece of work after {done} of {len(items)}, most often "
                "for want of memory: give each more (dask worker --memory-limit), and start again"
            )
            raise WorkerError(message) from None
        except (CancelledError, CommClosedError):
            message = f"{cluster} was lost after {done} of {len(items)} pieces of work: start both again"
            raise WorkerError(message) from None


def workers_in(cluster: Cluster) -> int:
    """Return how many workers a cluster has now.

    Raises:
        WorkerError: If it cannot be reached, is of another version, or has none.
        MissingExtraError: If Dask is not installed.
    """
    with _staffed(cluster) as client:
        return len(client.nthreads())


@contextmanager
def _staffed(cluster: Cluster) -> Iterator["Client"]:
    """Yield a client of a cluster that can do our work; what still waits at the end is cancelled."""
    try:
        from distributed import Client
    except ImportError:
        message = (
            "--scheduler needs the extra 'cluster', which is not installed: pip install '.[cluster]' in the checkout"
        )
        raise MissingExtraError(message) from None
    named_by = "scheduler_file" if Path(cluster.scheduler).is_file() else "address"
    try:
        with warnings.catch_warnings():  # that versions differ is said by _refuse_strangers
            warnings.simplefilter("ignore")
            client = Client(**{named_by: cluster.scheduler}, timeout=REACHED_IN_S, set_as_default=False)
    except (OSError, ValueError) as fault:
        message = (
            f"{cluster} cannot be reached ({str(fault).splitlines()[0]}): start one (dask scheduler), and give its "
            "address as tcp://host:8786, or the file that it wrote"
        )
        raise WorkerError(message) from None
    with client:
        try:
            client.wait_for_workers(1, timeout=STAFFED_IN_S)
        except TimeoutError:
            option = "" if named_by == "address" else "--scheduler-file "
            message = f"{cluster} has no worker: start some (dask worker {option}{cluster.scheduler} --nthreads 1)"
            raise WorkerError(message) from None
        _refuse_strangers(client)
        yield client


def _refuse_strangers(client: "Client") -> None:
    """Refuse a scheduler or worker of another version, and a worker of several threads."""
    found = client.get_versions(packages=list(SAME_EVERYWHERE))
    wanted = {package: found["client"]["packages"][package] for package in SAME_EVERYWHERE}
    others = {"the scheduler": found["scheduler"], **{f"worker {name}": one for name, one in found["workers"].items()}}
    for who, one in others.items():
        _refuse_version(who, one["packages"], wanted)
    for name, threads in client.nthreads().items():
        _refuse_several(name, threads)


def _versions() -> dict[str, str]:
    import distributed

    return {"onephase": onephase.__version__, "distributed": distributed.__version__}


def _refuse_version(who: str, found: Mapping[str, str | None], wanted: Mapping[str, str]) -> None:
    for package, version in wanted.items():
        if found.get(package) != version:
            has = "has no" if found.get(package) is None else f"has version {found[package]} of"
            message = f"{who} {has} {package}, the command has {version}: start it from the same environment"
            raise WorkerError(message)


def _refuse_several(worker: str, threads: int) -> None:
    if threads != 1:
        message = f"worker {worker} has {threads} threads, and each shall have one core: start it with --nthreads 1"
        raise WorkerError(message)


def _refuse_blind(client: "Client", leader: _Leader) -> None:
    for name, absent in client.run(_absent, leader, on_error="ignore").items():
        if absent:
            raise _blind(name, absent[0])


def _absent(leader: _Leader) -> list[Path]:
    return [path for path in (leader.home, *leader.sees) if not path.exists()]


def _blind(worker: str, path: Path) -> WorkerError:
    message = (
        f"worker {worker} does not see {path}: all machines need the same files under the same paths, on a shared "
        "file system"
    )
    return WorkerError(message)


def _at_worker(function: Callable[[Item], Answer], leader: _Leader, item: Item) -> Answer:
    """Do the work of one item on one core, where the leader stands.

    Raises:
        WorkerError: If this worker, which may have come after the others were asked, cannot do it.
    """
    from distributed import get_worker

    worker = get_worker()
    _refuse_version(f"worker {worker.address}", _versions(), leader.versions)
    _refuse_several(worker.address, worker.state.nthreads)
    if absent := _absent(leader):
        raise _blind(worker.address, absent[0])
    try:
        os.chdir(leader.home)
    except OSError as fault:
        message = f"worker {worker.address} cannot work in {leader.home} ({fault.strerror}): start it as the same user"
        raise WorkerError(message) from None
    with environment(ONE_CORE), one_core():  # what is loaded for the item as well as what is there
        return function(item)
