"""Cases that are left out stay out, with a reason; a line that means nothing is an error."""

from collections.abc import Callable
from pathlib import Path

import pytest

from onephase.cohort.table import check_cohort, read_cohort
from onephase.errors import CohortError
from onephase.settings import SplitSettings

ROWS = ("case_id,image,mask,er", *(f"c{n},{n}.nii.gz,m{n}.nii.gz,{n % 2}" for n in range(12)))


@pytest.fixture
def table(write_table: Callable[..., Path]) -> Path:
    return write_table(*ROWS)


def exclude(table: Path, text: str) -> None:
    table.with_name("cohort.excluded.csv").write_text(text)


def test_an_excluded_case_is_left_out_and_counted(table: Path) -> None:
    exclude(table, "case_id,reason,by,date\nc3,wrong phase,reader 1,2026-11-25\nc5,wrong phase,,\n")
    (table.parent / "3.nii.gz").unlink()  # what is left out need not be there
    cohort = read_cohort(table)
    assert [record.case_id for record in cohort.records] == [f"c{n}" for n in range(12) if n not in {3, 5}]
    result = check_cohort([table], SplitSettings(), headers=False)
    assert not result.errors
    assert any("2 cases are left out: wrong phase 2" in problem.problem for problem in result.warnings)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("case_id,reason\nc99,wrong phase\n", "case c99.*excludes a case that the table lacks"),
        ("case_id,reason\nc3,\n", "expected case_id and reason in each line"),
        ("case_id,why\nc3,wrong phase\n", "expected case_id and reason in each line"),
        ("case_id,reason\nc3,a\nc3,b\n", "excludes case c3 twice"),
    ],
)
def test_a_line_that_means_nothing_is_one_error(table: Path, text: str, said: str) -> None:
    exclude(table, text)
    with pytest.raises(CohortError, match=said):
        read_cohort(table)


def test_a_file_that_cannot_be_read_is_one_error(table: Path, monkeypatch) -> None:
    path = table.with_name("cohort.excluded.csv")
    path.mkdir()
    (error,) = check_cohort([table], SplitSettings(), headers=False).errors
    assert f"{path} cannot be read (Is a directory): give a file of exclusions that you may read" in error.problem

    def refusing(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_text", refusing)
    problems = [error.problem for error in check_cohort([table], SplitSettings(), headers=False).errors]
    assert f"{path} cannot be read (Permission denied): give a file of exclusions that you may read" in problems[0]
    assert "cohort.splits.csv cannot be read (Permission denied): give a file of splits" in problems[1]
