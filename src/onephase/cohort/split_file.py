"""The drawn splits, written down beside the cohort table, which itself is never rewritten.

``cohort.csv`` has its splits in ``cohort.splits.csv``: two columns, ``case_id`` and ``split``. The
``split`` column of the table comes before it; what neither says is drawn.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from onephase.cohort.columns import SPLITS
from onephase.cohort.records import Record, Split
from onephase.csv_text import csv_text
from onephase.errors import CohortError
from onephase.storage import write_text

HEADER = ["case_id", "split"]


def split_file_of(table: Path) -> Path:
    """Return where the splits of a table are written down."""
    return table.with_name(f"{table.stem}.splits.csv")


def write_split_file(path: Path, records: Iterable[Record]) -> None:
    """Write case id and split of each record, in their order.

    Raises:
        StorageError: If the folder cannot be written to.
    """
    write_text(path, csv_text([HEADER, *((record.case_id, record.split) for record in records)]))


def read_split_file(path: Path) -> dict[str, Split]:
    """Return the split of each case that was written down; nothing where there is no such file.

    Raises:
        CohortError: If the file cannot be read, or holds anything else.
    """
    advice = "mend it, or delete it to have the splits drawn anew"
    try:
        rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline=""), strict=True))
    except FileNotFoundError:
        return {}
    except OSError as fault:
        message = f"{path} cannot be read ({fault.strerror}): give a file of splits that you may read, or move it away"
        raise CohortError(message) from None
    except (UnicodeDecodeError, csv.Error) as fault:
        message = f"{path} is not a file of splits ({fault}): {advice}"
        raise CohortError(message) from None
    if not rows or rows[0] != HEADER or any(len(row) != len(HEADER) or row[1] not in SPLITS for row in rows[1:]):
        message = (
            f"{path} is not a file of splits (expected columns case_id and split, one of {', '.join(SPLITS)}): {advice}"
        )
        raise CohortError(message)
    twice = next((case for case, times in Counter(case for case, _ in rows).items() if times > 1), None)
    if twice is not None:
        message = f"{path} names case {twice} twice: keep one line"
        raise CohortError(message)
    known: dict[str, Split] = {split: split for split in SPLITS}
    return {case_id: known[split] for case_id, split in rows[1:]}
