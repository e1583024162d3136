"""One core for each who works: BLAS sums in another order on two, and workers would stand in each other's way."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

ITK_THREADS = "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"
ONE_CORE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", ITK_THREADS), "1")
"""Environment of a process that has not loaded any of these libraries yet."""


@contextmanager
def one_core() -> Iterator[None]:
    """Keep this process to one core within the block: BLAS, OpenMP, and ITK, which asks neither.

    ITK reads its environment once, at its first filter: one that is loaded within the block stays at one thread.
    """
    with environment({ITK_THREADS: "1"}), threadpool_limits(1), _one_thread_of_itk():
        yield


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables of the environment within the block; processes that start there inherit them."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _one_thread_of_itk() -> Iterator[None]:
    """Tell an ITK that is loaded already; it is not loaded for this."""
    itk = sys.modules.get("SimpleITK")
    if itk is None:
        yield
        return
    before = itk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    itk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    try:
        yield
    finally:
        itk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)
