"""Work in several processes of this machine.

Processes are spawned and never forked, because SimpleITK and BLAS hold threads. Each works on one
core, so that workers do not stand in each other's way.
"""

import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from multiprocessing import connection, get_context, parent_process
from typing import TypeVar

from onephase.errors import WorkerError
from onephase.work.one_core import ONE_CORE, environment
from onephase.work.waiting import submitted

Item = TypeVar("Item")
Answer = TypeVar("Answer")

MOST_BREAKS = 3
"""How often one piece of work may take its process with it, as on a cluster."""


def in_processes(
    function: Callable[[Item], Answer], items: Sequence[Item], *, count: int
) -> Generator[Answer, None, None]:
    """Yield the answers of ``count`` processes; see :func:`onephase.work.workers.in_order`.

    When a process is killed, others are started in place of all of them and go on behind the last answer.

    Raises:
        WorkerError: If processes were killed again and again without an answer between.
    """
    done = breaks = 0
    while True:
        begun = done
        try:  # a pool that breaks says so to whoever waits for an answer, and to whoever gives it work
            with closing(_answers(function, items[begun:], count=count)) as answers:
                for answer in answers:
                    done += 1
                    yield answer
        except BrokenProcessPool:
            breaks = breaks + 1 if done == begun else 1
            if breaks == MOST_BREAKS:
                message = (
                    f"worker processes were killed {MOST_BREAKS} times in a row after {done} of {len(items)} pieces of "
                    "work, most often for want of memory: start again with fewer workers"
                )
                raise WorkerError(message) from None
        else:
            return


def _answers(function: Callable[[Item], Answer], items: Sequence[Item], *, count: int) -> Generator[Answer, None, None]:
    with environment(ONE_CORE), _pool(count) as pool:

        def submit(item: Item) -> Future[Answer]:
            with _ctrl_c_later():
                return pool.submit(function, item)

        for promise in submitted(submit, items, count=lambda: count):
            yield promise.result()


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Start a pool; on an error or Ctrl-C, drop what waits instead of finishing it."""
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_follow_the_leader)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _ctrl_c_later() -> Iterator[None]:
    """Hold Ctrl-C back: a process that is started meanwhile would show a traceback if it were struck while it loads."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _follow_the_leader() -> None:
    """Leave Ctrl-C to the leader, and leave when it is gone, even by ``kill -9``."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    leader = parent_process()
    if leader is not None:
        threading.Thread(target=_leave_after, args=(leader.sentinel,), daemon=True).start()


def _leave_after(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)  # the thread cannot raise in the main thread, which may wait for work forever
