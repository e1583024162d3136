"""Evidence: what pathology wrote becomes an event over the panel. What cannot be understood is an error, never a guess.

:data:`onephase.biomarkers.rules.RULES` lists every rule with its source; ``docs/evidence.md`` shows them at work.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

import numpy as np

from onephase.arrays import Bool
from onephase.biomarkers.her2 import read_her2
from onephase.biomarkers.intervals import READING, Interval, read_interval
from onephase.biomarkers.notation import EITHER, plain, without_name
from onephase.biomarkers.panel import BIOMARKERS, CELLS, PR_UNKNOWN, Events
from onephase.biomarkers.receptors import WHOLE, Stain, read_hr, read_stain
from onephase.biomarkers.rules import ACCEPTED
from onephase.errors import EvidenceError

COLUMNS = (*BIOMARKERS, "hr")
LONGEST = 60
"""Characters of a text that an error repeats."""

_ANY_STAIN = Stain(EITHER, high=PR_UNKNOWN)
_ANY_KI67 = Interval(Decimal(0), WHOLE)

_KI67 = re.compile(rf"({READING})\s*%?")

Read = TypeVar("Read")


def read_evidence(*, case_id: str, er: str = "", pr: str = "", her2: str = "", hr: str = "", ki67: str = "") -> Events:
    """Return what pathology wrote of one case as an event; empty text is missing.

    Args:
        case_id: Named in an error.
        er: Oestrogen receptor, such as `95%`, `Allred 5`, `positive`, `1`.
        pr: Progesterone receptor, likewise; a percentage also tells whether it is at least 20 %.
        her2: HER2, such as `2+/ISH-`, `3+`, `2+/FISH ratio 2.3 CN 5.1`.
        hr: Hormone receptor status, ER or PR, where these are not recorded apart.
        ki67: Ki-67 index in per cent, such as `18`, `>=20%`, `10-15`.

    Raises:
        EvidenceError: If a text is not understood, or `hr` contradicts `er` and `pr`; the message
            names case, column and text.

    Examples:
        >>> read_evidence(case_id="a", er="95%", ki67="18").ki67
        array([[0.18, 0.19]])
    """
    return _read({"er": er, "pr": pr, "her2": her2, "hr": hr, "ki67": ki67}, where=f"case {case_id}")


def read_given(assignments: list[str]) -> Events:
    """Return one event from texts such as `er=positive` and `ki67=18`, as a command line gives them.

    Raises:
        EvidenceError: If one is not NAME=TEXT with a known name, stands twice, or is not understood.
    """
    texts = dict.fromkeys(COLUMNS, "")
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        name, text = name.strip().lower(), text.strip()
        if not equals or name not in texts or not text:
            names = ", ".join(COLUMNS)
            message = f"given {assignment!r}: expected NAME=TEXT, such as er=positive, with a name of {names}"
            raise EvidenceError(message)
        if texts[name]:
            message = f"given {assignment!r}: {name} was given before as {texts[name]!r}, so keep one of them"
            raise EvidenceError(message)
        texts[name] = text
    return _read(texts, where="given")


def _read(texts: dict[str, str], *, where: str) -> Events:
    def column(name: str, read: Callable[[str], Read], unknown: Read) -> Read:
        text = texts[name].strip()
        if not text:
            return unknown
        try:
            return read(text)
        except EvidenceError as fault:
            remedy = f"write {ACCEPTED[name]}, or nothing where it is missing"
            message = f"{where}: {name} {text[:LONGEST]!r} {fault}; {remedy}"
            raise EvidenceError(message) from None

    er = column("er", lambda text: read_stain(text, receptor="er"), _ANY_STAIN)
    pr = column("pr", lambda text: read_stain(text, receptor="pr"), _ANY_STAIN)
    her2 = column("her2", read_her2, EITHER)
    hr = column("hr", read_hr, EITHER)
    ki67 = column("ki67", read_ki67, _ANY_KI67)
    receptors = zip(CELLS.T, (er.statuses, pr.statuses, her2), strict=True)
    cells = np.logical_and.reduce([_allowed(positive, statuses) for positive, statuses in receptors])
    cells &= _allowed(CELLS[:, 0] | CELLS[:, 1], hr)
    if not cells.any():
        others = " and ".join(f"{name} {texts[name].strip()!r}" for name in ("er", "pr") if texts[name].strip())
        message = (
            f"{where}: hr {texts['hr'].strip()!r} contradicts {others}, as HR is positive where ER or PR is and "
            "negative where both are; mend one of them"
        )
        raise EvidenceError(message)
    pr_high = pr.high if (cells & CELLS[:, 1]).any() else 0  # PR negative is below 1 %
    return Events(
        cells[np.newaxis],
        np.array([[float(ki67.start / WHOLE), float(ki67.stop / WHOLE)]]),
        np.array([pr_high], dtype=np.int8),
    )


def read_ki67(text: str) -> Interval:
    """Return the Ki-67 index in per cent as an interval; the text is not empty.

    Raises:
        EvidenceError: If the text is not a reading from 0 to 100; `low` and `high` have no fixed meaning.
    """
    reading = _KI67.fullmatch(without_name(plain(text), "ki[ -]?67(?: index)?"))
    if reading is None:
        message = "is not understood"
        raise EvidenceError(message)
    return read_interval(reading[1], top=WHOLE)


def _allowed(positive: Bool[np.ndarray, " cell"], statuses: frozenset[bool]) -> Bool[np.ndarray, " cell"]:
    """Return the cells whose status, positive or not, is among the possible ones."""
    return np.isin(positive, list(statuses))
