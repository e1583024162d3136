"""Dates by their digits alone, whichever way they were written."""

import re
from collections.abc import Iterator

# Year, month, day as DICOM or ISO write it; day, month, year (or month first) as people do.
_YEAR_FIRST = re.compile(r"((?:18|19|20)\d\d)[-./]?(0[1-9]|1[0-2])[-./]?(0[1-9]|[12]\d|3[01])")
_YEAR_LAST = re.compile(r"(\d{1,2})[-./](\d{1,2})[-./]((?:18|19|20)\d\d)(?!\d)")
_SEPARATOR = re.compile(rb"(?<=[0-9])[-./:_ ](?=[0-9])")
_EIGHT_DIGITS = re.compile(rb"(?=([0-9]{8}))")


def written_dates(text: str) -> Iterator[str]:
    """Yield the date that a text begins with as eight digits, in every order of which one might have been meant.

    Examples:
        >>> sorted(written_dates("2020-01-31"))
        ['01312020', '20200131', '20203101', '31012020']
        >>> list(written_dates("ISPY1_1001"))
        []
    """
    if found := _YEAR_FIRST.match(text):
        year, month, day = found.groups()
    elif found := _YEAR_LAST.match(text):
        day, month, year = (part.zfill(2) for part in found.groups())
    else:
        return
    for first, second in ((day, month), (month, day)):
        yield from (f"{first}{second}{year}", f"{year}{first}{second}")


def dates_in(content: bytes) -> Iterator[str]:
    """Yield every eight digits in a row, separators between digits left out."""
    for found in _EIGHT_DIGITS.finditer(_SEPARATOR.sub(b"", content)):
        yield found[1].decode()
