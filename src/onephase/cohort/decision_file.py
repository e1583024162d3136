"""What somebody decided about cases, one line each in a small CSV beside the cohort table."""

import csv
import io
from pathlib import Path

from onephase.errors import CohortError

NOTES = ("by", "date")
"""Columns that may follow: who decided, and when."""


def read_decisions(path: Path, *, needed: tuple[str, ...], what: str) -> tuple[dict[str, str], ...]:
    """Return the lines of a file of decisions; nothing where there is no such file.

    Args:
        path: The file.
        needed: The columns that each line has to fill.
        what: What the file holds, for the message.

    Returns:
        Needed columns, ``by`` and ``date`` of each line, without surrounding blanks.

    Raises:
        CohortError: If the file cannot be read, is no CSV, holds another column, or a line lacks what is needed.
    """
    listed = f"{', '.join(needed[:-1])} and {needed[-1]}"
    try:
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline=""), strict=True))
    except FileNotFoundError:
        return ()
    except OSError as fault:
        message = f"{path} cannot be read ({fault.strerror}): give a file of {what} that you may read, or move it away"
        raise CohortError(message) from None
    except (UnicodeDecodeError, csv.Error) as fault:
        message = f"{path} is not a file of {what} ({fault}): write CSV with the columns {listed}"
        raise CohortError(message) from None
    for row in rows:
        if not set(needed) <= set(row) <= {*needed, *NOTES} or not all((row[name] or "").strip() for name in needed):
            message = f"{path}: expected {listed} in each line (by and date may follow): mend the file"
            raise CohortError(message)
    return tuple({name: (row.get(name) or "").strip() for name in (*needed, *NOTES)} for row in rows)
