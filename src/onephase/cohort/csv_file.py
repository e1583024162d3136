"""A cohort CSV as rows of text, strictly: every cell stays what was written.

The standard library's reader is taken and not pandas, because nothing is ever guessed here: ``2+``,
``0``, ``NA`` and ``001`` stay text, each row keeps its line number, and a row of another length than
the header is reported instead of being shifted.
"""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from onephase.cohort.columns import REQUIRED, known_as
from onephase.cohort.exclusions import Exclusion
from onephase.cohort.problems import Problem

SAVE_AS = "save the table as CSV UTF-8, separated by commas"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its line in the file, and its cells without surrounding blanks."""

    line: int
    cells: dict[str, str]

    @property
    def case(self) -> str:
        """The case id, or the line where there is none."""
        return self["case_id"] or f"line {self.line}"

    def __getitem__(self, column: str) -> str:
        """Return the text of a cell; empty where the table has no such column."""
        return self.cells.get(column, "")


@dataclass(frozen=True, slots=True)
class CohortFile:
    """The rows of one cohort table, those that somebody left out, and what was wrong with the file itself."""

    path: Path
    cohort: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    problems: tuple[Problem, ...]
    excluded: tuple[Exclusion, ...] = ()


def read_cohort_file(path: Path, *, cohort: str) -> CohortFile:
    """Read a table as text; what is wrong with the file becomes problems, never an exception.

    Args:
        path: The CSV: UTF-8 with or without byte-order mark, commas, one header line.
        cohort: Name of the table in problems and records.
    """
    try:
        lines = _lines(path)
    except _FileError as fault:
        return CohortFile(path, cohort, (), (), (Problem(str(path), "", "", fault.problem, fault.fix),))
    columns = tuple(lines[0][1])
    problems = _header_problems(columns, cohort=cohort)
    if "" in columns or len(set(columns)) < len(columns) or not set(REQUIRED) <= set(columns):
        return CohortFile(path, cohort, columns, (), tuple(problems))
    rows = []
    for number, cells in lines[1:]:
        if len(cells) == len(columns):
            rows.append(Row(number, dict(zip(columns, cells, strict=True))))
        else:
            found = f"the row has {len(cells)} cells, the header {len(columns)}"
            fix = 'put cells that hold a comma into double quotes ("10,5") and leave missing cells empty'
            problems.append(Problem(cohort, f"line {number}", "", found, fix))
    if len(lines) == 1:
        problems.append(Problem(cohort, "", "", "the table holds no case", "write one row for each lesion"))
    return CohortFile(path, cohort, columns, tuple(rows), tuple(problems))


class _FileError(Exception):
    """The whole file cannot be read."""

    def __init__(self, problem: str, fix: str) -> None:
        super().__init__(problem)
        self.problem, self.fix = problem, fix


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    """Return line number and cells of every row that is not blank."""
    reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    try:
        rows = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except csv.Error as fault:
        raise _FileError(f"line {reader.line_num} is not CSV ({fault})", "close every double quote") from None
    lines = [(number, cells) for number, cells in rows if any(cells)]
    if not lines:
        raise _FileError("the file is empty", "write a header line and one row for each lesion")
    if len(lines[0][1]) == 1 and any(separator in lines[0][1][0] for separator in ";\t|"):
        raise _FileError("the columns are not separated by commas", SAVE_AS)
    return lines


def _text(path: Path) -> str:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise _FileError("there is no file of this name", "give the path of the cohort CSV") from None
    except IsADirectoryError:
        raise _FileError("this is a folder", "give the path of the cohort CSV in it") from None
    except OSError as fault:
        raise _FileError(f"it cannot be read ({fault.strerror})", "give a file that you may read") from None
    except UnicodeDecodeError as fault:
        raise _FileError(
            f"it is no CSV in UTF-8 (byte {fault.start} is of another encoding, or of no text)", SAVE_AS
        ) from None
    if "\0" in text:
        raise _FileError("the file holds zero bytes (a spreadsheet or UTF-16 file?)", SAVE_AS)
    return text


def _header_problems(columns: tuple[str, ...], *, cohort: str) -> list[Problem]:
    """Say which columns are missing, nameless, twice, or misspelt (the last as the column itself)."""
    problems = []
    if "" in columns:
        problems.append(
            Problem(cohort, "", "", f"column {columns.index('') + 1} has no name", "name the column or delete it")
        )
    for column in dict.fromkeys(columns):
        meant = known_as(column)
        if columns.count(column) > 1:
            problems.append(Problem(cohort, "", f"{column} (twice)", "two columns have one name", "keep one of them"))
        elif meant is not None and meant != column:
            found = f"the column looks like {meant} but is named {column}"
            problems.append(Problem(cohort, "", column, found, f"rename it to {meant}"))
    meant_columns = {known_as(column) for column in columns}
    problems.extend(
        Problem(cohort, "", column, "the column is missing", "add it; docs/cohort-table.md lists the columns")
        for column in REQUIRED
        if column not in meant_columns
    )
    return problems
