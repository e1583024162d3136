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


def test_a_pool_that_breaks_between_two_answers_goes_on(tmp_path: Path):
    """It says that it is broken to whoever gives it work, which is not who waits for an answer."""
    tried = tmp_path / "tried"
    dies_once = f"[__import__('time').sleep(1), __import__('pathlib').Path({str(tried)!r}).touch(exist_ok=False), "
    dies_once = f"5 if __import__('os').path.exists({str(tried)!r}) else {dies_once} __import__('os')._exit(9)]"
    answers = in_order(eval, [dies_once if item == 5 else str(item) for item in range(40)], workers=2)
    assert [next(answers), next(answers)] == [0, 1]
    time.sleep(3)
    assert list(answers) == list(range(2, 40))
    assert tried.exists()


def test_a_killed_worker_loses_nothing(tmp_path: Path):
    """Killed from outside, in the middle of its work, as the kernel does when memory runs out."""
    slow = (
        f"[__import__('time').sleep(0.2), open({str(tmp_path / 'pid')!r}, 'w').write(str(__import__('os').getpid()))]"
    )
    answers = in_order(eval, [f"({item}, {slow})[0]" for item in range(12)], workers=2)
    found = [next(answers)]
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    assert found + list(answers) == list(range(12))


def test_work_that_kills_each_of_its_workers_is_a_sentence():
    answers = in_order(eval, ["__import__('os')._exit(9)" if item == 5 else str(item) for item in range(12)], workers=2)
    with pytest.raises(WorkerError, match="were killed 3 times in a row after 5 of 12 pieces of work, most often for"):
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
