"""The truth table there and back."""

import numpy as np
import pytest

from onephase.errors import StorageError
from onephase.simulation.cases import CaseKey, case_truth
from onephase.simulation.truth import read_truth, write_truth

KEYS = [CaseKey(4, index, "alder") for index in range(5)]


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "truth.csv"
    write_truth(path, keys=KEYS, truths=[case_truth(key) for key in KEYS])
    return path


def test_what_is_written_comes_back_unchanged(table):
    truth = read_truth(table)
    expected = [case_truth(key) for key in KEYS]
    assert truth.case_ids == tuple(key.case_id for key in KEYS)
    assert truth.cell.tolist() == [one.cell for one in expected]
    np.testing.assert_array_equal(truth.phenotype, [one.phenotype for one in expected])
    np.testing.assert_allclose(truth.ki67, [one.ki67 for one in expected], rtol=1e-14)
    np.testing.assert_allclose(truth.ki67_read, [one.ki67_read for one in expected], rtol=1e-14)


def test_rows_are_taken_by_case(table):
    truth = read_truth(table)
    some = truth.of((KEYS[3].case_id, KEYS[1].case_id))
    assert len(some) == 2
    np.testing.assert_array_equal(some.phenotype, truth.phenotype[[3, 1]])
    with pytest.raises(StorageError, match="case other is not in this truth"):
        truth.of(["other"])


@pytest.mark.parametrize(
    ("text", "message"),
    [(None, "is missing: the oracle needs"), ("a,b\n1,2\n", "is not the truth.csv"), ("", "is not the truth.csv")],
)
def test_a_bad_table_is_a_sentence(tmp_path, text, message):
    path = tmp_path / "truth.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(StorageError, match=message):
        read_truth(path)


def test_a_number_that_is_none_is_a_sentence(table):
    table.write_text(table.read_text().replace(",alder,1,", ",alder,yes,").replace(",alder,0,", ",alder,no,"))
    with pytest.raises(StorageError, match="could not convert"):
        read_truth(table)
