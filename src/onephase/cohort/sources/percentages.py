"""Whether a column of numbers holds per cent or a code: told by the numbers where they can tell, else refused."""

import re
from collections.abc import Iterable

from onephase.errors import CohortError

LARGEST_CODE = 10.0
"""No coding of a stained fraction is known with more categories; a column of per cent goes beyond."""
WHOLE = 100.0
RANGE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:to|-)\s*(\d+(?:\.\d+)?)\s*%?")
NUMBER = re.compile(r"\d+(?:\.\d+)?\s*%?")
PERCENT, NONE = "percent", "none"


def percentages(entries: Iterable[str], *, column: str, ours: str, asked: str = "") -> dict[str, str]:
    """Return each entry as a percentage with its sign, as evidence is written; unread ones are left out.

    Args:
        entries: The cells that are not missing.
        column: How the table calls the column, for the message.
        ours: Our name of it, which ``--map`` takes.
        asked: ``percent`` where the user has looked it up, ``none`` to read nothing, empty to decide by the numbers.

    Raises:
        CohortError: If the entries could as well be codes or fractions, are words, or exceed 100, and the user
            has not said what they are.

    Examples:
        >>> percentages(["18", "10 to 15", "90.0"], column="KI67[%]", ours="ki67")
        {'18': '18%', '10 to 15': '10-15%', '90.0': '90%'}
    """
    if asked not in {"", PERCENT, NONE}:
        message = f"--map {ours}={asked}: expected {PERCENT} or {NONE}"
        raise CohortError(message)
    told = {entry: text for entry in dict.fromkeys(entries) if (text := _read(entry))} if asked != NONE else {}
    words = [entry for entry in dict.fromkeys(entries) if entry not in told] if asked == "" else []
    numbers = [float(number) for text in told.values() for number in text.removesuffix("%").split("-")]
    why = ""
    if any(number > WHOLE for number in numbers):
        why = f"holds {max(numbers):g}, which is no percentage"
    elif words:
        why = f"holds {words[0]!r}, which is no number"
    elif asked == "" and numbers and max(numbers) <= LARGEST_CODE:
        why = f"holds nothing above {max(numbers):g}, so that it could be a code or a fraction as well as per cent"
    elif asked == "" and any(0 < number < 1 for number in numbers):
        why = "holds numbers between 0 and 1 beside larger ones, so that it could mix fractions and per cent"
    if why:
        message = (
            f"the column {column} {why}: look it up in the legend of the set, then say --map {ours}={PERCENT} to read "
            f"its numbers as per cent, or --map {ours}={NONE} to leave it out"
        )
        raise CohortError(message)
    return told


def _read(entry: str) -> str:
    if found := RANGE.fullmatch(entry):
        return f"{found[1].removesuffix('.0')}-{found[2].removesuffix('.0')}%"
    if NUMBER.fullmatch(entry):
        return f"{entry.removesuffix('%').strip().removesuffix('.0')}%"
    return ""
