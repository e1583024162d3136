"""Work on many cases in several processes, answers in the order of the cases.

Processes are spawned and never forked, because SimpleITK and BLAS hold threads. Each works on one
core, so that workers do not stand in each other's way.
"""

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import connection, get_context, parent_process
from typing import TypeVar

from threadpoolctl import threadpool_limits

from onephase.errors import CohortError

ONE_CORE = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"), "1"
)
AHEAD = 3
"""Cases in work or waiting for their turn, per worker: enough to stay busy, few enough for memory."""

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def in_order(
    function: Callable[[Item], Answer], items: Sequence[Item], *, workers: int
) -> Generator[Answer, None, None]:
    """Yield ``function(item)`` for each item, in their order, computed by ``workers`` processes.

    One worker means this process itself, on one core as well: BLAS sums in another order on two, and the
    bytes must not depend on the number of workers. When the leader dies, its workers leave too. Close the
    generator (``contextlib.closing``) where it may be left before its end.

    Args:
        function: Importable by name; it and its items and answers can be pickled.
        items: What to work on.
        workers: Number of processes.

    Raises:
        CohortError: If a worker was killed, most often for want of memory.
    """
    if workers == 1 or len(items) <= 1:
        with threadpool_limits(1):
            yield from map(function, items)
        return
    with _one_core_each(), _pool(min(workers, len(items))) as pool:
        waiting: deque[Future[Answer]] = deque()
        upcoming = iter(items)
        for done in range(len(items)):
            for item in upcoming:
                waiting.append(pool.submit(function, item))
                if len(waiting) == AHEAD * workers:
                    break
            try:
                yield waiting.popleft().result()
            except BrokenProcessPool:
                message = (
                    f"a worker process was killed after {done} of {len(items)} cases, most often for want of memory: "
                    "start again with fewer workers, and it goes on where it stopped"
                )
                raise CohortError(message) from None


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Start a pool; on an error or Ctrl-C, drop what waits instead of finishing it."""
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_follow_the_leader)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _one_core_each() -> Iterator[None]:
    """Set the environment that spawned processes inherit, before they load any library."""
    before = {name: os.environ.get(name) for name in ONE_CORE}
    os.environ.update(ONE_CORE)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _follow_the_leader() -> None:
    """Leave Ctrl-C to the leader, and leave when it is gone, even by ``kill -9``."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    leader = parent_process()
    if leader is not None:
        threading.Thread(target=_leave_after, args=(leader.sentinel,), daemon=True).start()


def _leave_after(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)  # the thread cannot raise in the main thread, which may wait for work forever
