"""Cases that somebody left out, and why: written down beside the cohort table, which itself is never rewritten.

``cohort.csv`` has them in ``cohort.excluded.csv``: ``case_id`` and ``reason``, and where wanted ``by`` and ``date``.
Every command that reads the table leaves them out.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from onephase.cohort.csv_file import CohortFile
from onephase.cohort.problems import Problem
from onephase.errors import CohortError

NEEDED, ALLOWED = {"case_id", "reason"}, {"case_id", "reason", "by", "date"}


def exclusion_file_of(table: Path) -> Path:
    """Return where the cases that are left out of a table are written down."""
    return table.with_name(f"{table.stem}.excluded.csv")


def read_exclusion_file(path: Path) -> dict[str, str]:
    """Return why each case is left out; nothing where there is no such file.

    Raises:
        CohortError: If the file holds anything else, a case without a reason, or a case twice.
    """
    if not path.exists():
        return {}
    try:
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as fault:
        message = f"{path} is not a file of exclusions ({fault}): write CSV with the columns case_id and reason"
        raise CohortError(message) from None
    reasons: dict[str, str] = {}
    for row in rows:
        if not NEEDED <= set(row) <= ALLOWED or not all((row[name] or "").strip() for name in NEEDED):
            message = f"{path}: expected case_id and reason in each line (by and date may follow): mend the file"
            raise CohortError(message)
        case = row["case_id"].strip()
        if case in reasons:
            message = f"{path} excludes case {case} twice: keep one line"
            raise CohortError(message)
        reasons[case] = row["reason"].strip()
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
    return replace(table, rows=rows, problems=(*table.problems, *unknown, *_counted(reasons, cohort=table.cohort)))


def _counted(reasons: Mapping[str, str], *, cohort: str) -> Iterator[Problem]:
    """Say how many cases were excluded by name, reason by reason."""
    if reasons:
        counted = ", ".join(f"{reason} {count}" for reason, count in sorted(Counter(reasons.values()).items()))
        found = f"{len(reasons)} case{'s are' if len(reasons) > 1 else ' is'} left out: {counted}"
        fix = "report them with the figures; delete their lines to take them in again"
        yield Problem(cohort, "", "", found, fix, "warning")
