import json

import numpy as np
import pytest

from onephase.errors import StorageError
from onephase.evaluation.case_files import stored, stream_of


def test_what_is_stored_is_made_once_and_anew_when_it_depends_on_something_else(tmp_path):
    path, made = tmp_path / "cases" / "a.json", []

    def make():
        made.append(len(made))
        return {"answer": made[-1]}

    assert [stored(path, ["seed", 1], make)["answer"] for _ in range(3)] == [0, 0, 0]
    assert stored(path, ["seed", 2], make)["answer"] == 1
    assert json.loads(path.read_text())["answer"] == 1
    path.write_text("{")
    with pytest.raises(StorageError, match=r"a\.json is not JSON"):
        stored(path, ["seed", 2], make)


def test_what_fails_leaves_no_file(tmp_path):
    with pytest.raises(ZeroDivisionError):
        stored(tmp_path / "a.json", [], lambda: {"answer": 1 // 0})
    assert not list(tmp_path.iterdir())


def test_streams_are_the_same_for_the_same_name_and_alike_for_no_others():
    names = [(1, "a"), (1, "b"), (2, "a"), (1, "a", "b")]
    drawn = [stream_of(*name).random(3) for name in names]
    np.testing.assert_array_equal(drawn[0], stream_of(1, "a").random(3))
    assert len({tuple(one) for one in drawn}) == len(names)
