"""Who works: processes of this machine, or a cluster. Callers hand it on and need not know which."""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeAlias, TypeVar

from onephase.progress import Progress, silent
from onephase.work.cluster import Cluster, in_cluster, workers_in
from onephase.work.one_core import one_core
from onephase.work.processes import in_processes

Workers: TypeAlias = int | Cluster
"""A number of processes of this machine; 1 is this process itself. Or a cluster."""

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def in_order(
    function: Callable[[Item], Answer], items: Sequence[Item], *, workers: Workers, sees: Sequence[Path] = ()
) -> Generator[Answer, None, None]:
    """Yield ``function(item)`` for each item, in their order, whoever computes it.

    Each works on one core: BLAS sums in another order on two, and the bytes must not depend on who works. When
    the leader dies, its workers leave its work too. Close the generator (``contextlib.closing``) where it may be
    left before its end.

    Args:
        function: Importable by name; it and its items and answers can be pickled.
        items: What to work on.
        workers: Who works.
        sees: Files and folders that the work needs; a cluster that does not see what this machine sees is refused.

    Raises:
        WorkerError: If a process is killed again and again, most often for want of memory, or a cluster cannot do
            the work.
        MissingExtraError: If a cluster is asked for and Dask is not installed.
    """
    if isinstance(workers, Cluster):
        yield from in_cluster(function, items, cluster=workers, sees=sees)
    elif workers == 1 or len(items) <= 1:
        with one_core():
            yield from map(function, items)
    else:
        yield from in_processes(function, items, count=min(workers, len(items)))


def all_in_order(
    function: Callable[[Item], Answer],
    items: Sequence[Item],
    *,
    task: str,
    workers: Workers,
    sees: Sequence[Path] = (),
    progress: Progress = silent,
) -> list[Answer]:
    """Return the answers of :func:`in_order`; progress is told of ``task`` before the first and after each."""
    done = list[Answer]()
    progress(task, 0, len(items))
    with closing(in_order(function, items, workers=workers, sees=sees)) as answers:
        for one in answers:
            done.append(one)
            progress(task, len(done), len(items))
    return done


def count_of(workers: Workers) -> int:
    """Return how many work at a time; a cluster is asked.

    Raises:
        WorkerError: If the cluster cannot be reached, or has nobody.
        MissingExtraError: If Dask is not installed.
    """
    return workers_in(workers) if isinstance(workers, Cluster) else workers
