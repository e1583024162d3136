"""Answers come in the order of the items, and from one core each, so that the bytes do not depend on the workers."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from onephase.errors import MissingExtraError, WorkerError
from onephase.work.cluster import Cluster
from onephase.work.workers import count_of, in_order

LEADER = """
import time
from onephase.work.workers import in_order
if __name__ == "__main__":
    print(*in_order(time.sleep, [0.01] * 10_000, workers=2))
"""


def blas_threads(_: int) -> int:
    return max(library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas")


def test_one_worker_computes_on_one_core_like_many_do():
    with threadpool_limits(2, user_api="blas"):
        assert blas_threads(0) == 2
        assert list(in_order(blas_threads, [1, 2, 3], workers=1)) == [1, 1, 1]
        assert blas_threads(0) == 2


def test_answers_come_in_the_order_of_the_items():
    assert list(in_order(abs, [-3, 1, -2], workers=2)) == [3, 1, 2]
    assert list(in_order(abs, [], workers=2)) == []


def test_a_pool_that_breaks_between_two_answers_is_a_sentence():
    """It says so to whoever gives it work, which is not who waits for an answer."""
    dies = "__import__('time').sleep(1) or __import__('os')._exit(9)"
    answers = in_order(eval, [dies if item == 5 else str(item) for item in range(40)], workers=2)
    assert [next(answers), next(answers)] == [0, 1]
    time.sleep(3)
    with pytest.raises(WorkerError, match=r"a worker process was killed after [2-5] of 40 pieces of work, most often"):
        list(answers)


def test_without_dask_the_extra_is_named(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtraError, match=r"--scheduler needs the extra 'cluster'.*'\.\[cluster\]'"):
        count_of(Cluster("tcp://127.0.0.1:9"))


@pytest.mark.parametrize("pause_s", [0.1, 0.3])
def test_workers_do_not_hear_ctrl_c_while_they_load(tmp_path, pause_s) -> None:
    (tmp_path / "leader.py").write_text(LEADER)
    with subprocess.Popen(
        [sys.executable, tmp_path / "leader.py"], stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as leader:
        children = Path(f"/proc/{leader.pid}/task/{leader.pid}/children")
        while len(children.read_text().split()) < 3:  # the workers, and who counts their resources
            assert leader.poll() is None
            time.sleep(0.002)
        time.sleep(pause_s)
        os.killpg(leader.pid, signal.SIGINT)
        _, said = leader.communicate(timeout=120)
    assert said.count("Traceback") == 1, said  # of the leader alone
