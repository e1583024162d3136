"""One core within the block and as many as before after it, for BLAS and for ITK, which is not loaded for that."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
import SimpleITK
from threadpoolctl import threadpool_info, threadpool_limits

from onephase.work.one_core import ITK_THREADS, environment, one_core
from onephase.work.workers import in_order

LATE = """
import sys
from onephase.work.one_core import one_core

with one_core():
    assert "SimpleITK" not in sys.modules
    import SimpleITK
    print(SimpleITK.MeanImageFilter().GetNumberOfThreads())
"""


def itk_threads(_: int) -> int:
    return SimpleITK.MeanImageFilter().GetNumberOfThreads()


def blas_threads() -> int:
    return max(library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas")


@pytest.fixture
def three_threads() -> Iterator[None]:
    """ITK takes three threads, and what it took before after the test."""
    before = SimpleITK.ProcessObject.GetGlobalDefaultNumberOfThreads()
    SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(3)
    yield
    SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(before)


def test_blas_and_itk_have_one_thread_within_and_as_many_as_before_after(three_threads: None) -> None:
    with threadpool_limits(2, user_api="blas"):
        with one_core():
            assert (itk_threads(0), blas_threads()) == (1, 1)
        assert (itk_threads(0), blas_threads()) == (3, 2)


def test_one_worker_has_one_thread_of_itk_even_where_an_error_ends_its_work(three_threads: None) -> None:
    assert list(in_order(itk_threads, [0, 1], workers=1)) == [1, 1]
    with pytest.raises(TypeError):
        list(in_order(abs, ["no number"], workers=1))
    assert itk_threads(0) == 3


def test_an_itk_that_is_loaded_within_has_one_thread() -> None:
    free = {**os.environ, ITK_THREADS: "3"}
    done = subprocess.run([sys.executable, "-c", LATE], env=free, capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"


def test_the_environment_is_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME", "old")
    monkeypatch.delenv("OTHER", raising=False)
    with environment({"SOME": "new", "OTHER": "new"}):
        assert (os.environ["SOME"], os.environ["OTHER"]) == ("new", "new")
    assert os.environ["SOME"] == "old"
    assert "OTHER" not in os.environ
