"""Flags that somebody has looked at and accepts, each with a reason, in a file beside the cohort table.

``cohort.csv`` has them in ``cohort.accepted.csv``: ``case_id``, ``flag`` and ``reason``, and where wanted ``by`` and
``date``. Cases that must not be used stand in ``cohort.excluded.csv`` instead.
"""

from collections.abc import Collection
from pathlib import Path

from onephase.cohort.decision_file import read_decisions
from onephase.cohort.quality.flag import FLAGS
from onephase.errors import CohortError

COLUMNS = ("case_id", "flag", "reason")


def accepted_file_of(table: Path) -> Path:
    """Return where the accepted flags of a table's cases are written down."""
    return table.with_name(f"{table.stem}.accepted.csv")


def read_accepted_file(path: Path, *, cases: Collection[str]) -> tuple[dict[str, str], ...]:
    """Return the lines of a file of accepted flags; nothing where there is no such file.

    Args:
        path: The file.
        cases: The cases that its table holds.

    Raises:
        CohortError: If the file holds anything else, or names an unknown case or flag.
    """
    rows = read_decisions(path, needed=COLUMNS, what="accepted flags")
    for row in rows:
        if row["case_id"] not in cases:
            message = f"{path} accepts a flag of case {row['case_id']}, which the table lacks: mend its case_id"
            raise CohortError(message)
        if row["flag"] not in FLAGS:
            message = f"{path} accepts {row['flag']!r} (case {row['case_id']}), expected one of {', '.join(FLAGS)}"
            raise CohortError(message)
    return rows
