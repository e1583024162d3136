"""Rows as the text of a CSV file in which no cell is a formula to a spreadsheet.

Names of columns, sites and cases come from tables that others wrote; a spreadsheet runs what begins like a formula
(CWE-1236).
"""

import csv
import io
import re
from collections.abc import Iterable

_FORMULA = re.compile(r"[=+\-@\t\r]")
_FIGURE = re.compile(r"[+-]|[+-]?\d+(\.\d+)?( \([\d.+ to-]+\))?(; [\w ]+)?")
"""A sign alone, a number, and a number with its interval and counts as tables print it."""


def csv_text(rows: Iterable[Iterable[object]]) -> str:
    """Return rows as CSV, words that would be formulas made harmless; numbers stay as they are, None is empty."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerows([harmless(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return stream.getvalue()


def harmless(cell: str) -> str:
    """Return a cell that a spreadsheet does not run: a quote before what would begin a formula, figures as they are.

    Examples:
        >>> harmless("=1+1"), harmless("-1+cmd"), harmless("-0.020 (-0.1 to 0.06)"), harmless("2+")
        ("'=1+1", "'-1+cmd", '-0.020 (-0.1 to 0.06)', '2+')
    """
    return f"'{cell}" if is_formula(cell) else cell


def is_formula(cell: str) -> bool:
    """Return whether a spreadsheet would take a cell for a formula."""
    return bool(_FORMULA.match(cell)) and not _FIGURE.fullmatch(cell)
