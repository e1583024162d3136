"""Cases that somebody left out, and why: written down beside the cohort table, which itself is never rewritten.

``cohort.csv`` has them in ``cohort.excluded.csv``: ``case_id`` and ``reason``, and where wanted ``by`` and ``date``.
Every command that reads the table leaves them out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from onephase.cohort.csv_file import CohortFile
from onephase.cohort.decision_file import read_decisions
from onephase.cohort.exclusions import Exclusion, counted_reasons
from onephase.cohort.problems import Problem
from onephase.errors import CohortError

COLUMNS = ("case_id", "reason")


def exclusion_file_of(table: Path) -> Path:
    """Return where the cases that are left out of a table are written down."""
    return table.with_name(f"{table.stem}.excluded.csv")


def read_exclusion_file(path: Path) -> dict[str, str]:
    """Return why each case is left out; nothing where there is no such file.

    Raises:
        CohortError: If the file holds anything else, a case without a reason, or a case twice.
    """
    reasons: dict[str, str] = {}
    for row in read_decisions(path, needed=COLUMNS, what="exclusions"):
        if row["case_id"] in reasons:
            message = f"{path} excludes case {row['case_id']} twice: keep one line"
            raise CohortError(message)
        reasons[row["case_id"]] = row["reason"]
    return reasons


def without_excluded(table: CohortFile) -> CohortFile:
    """Return the table without the rows that its file excludes; their number and reasons are a warning of it.

    A file that cannot be used, and a case in it that the table does not hold, become problems of the table.
    """
    path = exclusion_file_of(table.path)
    try:
        reasons = read_exclusion_file(path)
    except CohortError as fault:
        problem = Problem(table.cohort, "", "", str(fault), "see docs/cohort-table.md")
        return replace(table, problems=(*table.problems, problem))
    held = {row["case_id"] for row in table.rows}
    unknown = tuple(
        Problem(table.cohort, case, "case_id", f"{path.name} excludes a case that the table lacks", "mend its case_id")
        for case in reasons
        if case not in held
    )
    rows = tuple(row for row in table.rows if row["case_id"] not in reasons)
    excluded = tuple(Exclusion(table.cohort, case, reason) for case, reason in reasons.items() if case in held)
    problems = (*table.problems, *unknown, *_counted(excluded, cohort=table.cohort))
    return replace(table, rows=rows, excluded=excluded, problems=problems)


def _counted(excluded: Sequence[Exclusion], *, cohort: str) -> Iterator[Problem]:
    """Say how many cases were excluded by name, reason by reason."""
    if excluded:
        counted = ", ".join(f"{reason} {count}" for reason, count in counted_reasons(excluded)[cohort].items())
        found = f"{len(excluded)} case{'s are' if len(excluded) > 1 else ' is'} left out: {counted}"
        fix = "report them with the figures; delete their lines to take them in again"
        yield Problem(cohort, "", "", found, fix, "warning")
