"""ER, PR and HR: from a status, a percentage or a score to the statuses that are possible.

The cut-off is 1 % of stained nuclei (ASCO/CAP 2020, J Clin Oncol 38:1346). Every form that tells a
percentage is read as an interval of it, so that 0-5 % leaves both statuses open.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from onephase.biomarkers.intervals import READING, Interval, read_interval
from onephase.biomarkers.notation import EITHER, STATUS, plain, read_status, without_name
from onephase.biomarkers.panel import PR_UNKNOWN
from onephase.errors import EvidenceError

WHOLE: Final = Decimal(100)
POSITIVE_FROM: Final = Decimal(1)
"""Per cent of stained nuclei from which ER and PR are positive (ASCO/CAP 2020)."""
PR_HIGH_FROM: Final = Decimal(20)
"""Per cent of stained nuclei from which PR counts as high (Maisonneuve 2014)."""
ALLRED_POSITIVE_FROM: Final = 3
"""Allred's own convention (CAP template); a score of 3 or 4 can be strong staining of under 1 % of nuclei."""
H_SCORE_TOP: Final = Decimal(300)
STRONGEST: Final = 3

# Least per cent of stained nuclei of the proportion scores 1 to 5 (NAACCR SSDI), and the end of the scale.
_PROPORTION_PERCENT: Final = tuple(Decimal(percent) for percent in (0, 1, 11, 34, 67, 100))

_NAMES: Final = {
    "er": "(?:o?estrogen receptor|er)",
    "pr": "(?:progesterone receptor|pgr|pr)",
    "hr": "(?:hormone receptor|hr)",
}


@dataclass(frozen=True, slots=True)
class Stain:
    """What is known of a stain of nuclei.

    Attributes:
        statuses: The statuses that are possible: positive (True), negative (False), or both.
        high: 1 where at least 20 % of nuclei stain, 0 where fewer do, -1 where that is not known.
    """

    statuses: frozenset[bool]
    high: int


def read_stain(text: str, *, receptor: Literal["er", "pr"]) -> Stain:
    """Read what pathology wrote of ER or PR; the text is not empty.

    Raises:
        EvidenceError: If the text is not understood or contradicts itself.
    """
    words = without_name(plain(text), _NAMES[receptor])
    status = read_status(words)
    if status is not None:
        return _of_status(status)
    for form, read in _FORMS.items():
        if found := form.fullmatch(words):
            return read(found)
    if receptor == "er" and _ER_LOW_POSITIVE.fullmatch(words):
        return _of_status(True)
    message = "is not understood"
    raise EvidenceError(message)


def read_hr(text: str) -> frozenset[bool]:
    """Read what pathology wrote of ER and PR together; the text is not empty.

    Raises:
        EvidenceError: If the text is not a status.
    """
    status = read_status(without_name(plain(text), _NAMES["hr"]))
    if status is None:
        message = "is not understood"
        raise EvidenceError(message)
    return frozenset({status})


def _of_status(status: bool) -> Stain:
    return Stain(frozenset({status}), high=PR_UNKNOWN if status else 0)


def _of_percent(percent: Interval) -> Stain:
    high = percent.sides_of(PR_HIGH_FROM)
    return Stain(percent.sides_of(POSITIVE_FROM), high=PR_UNKNOWN if high == EITHER else int(high == {True}))


def _percent(found: re.Match[str]) -> Stain:
    return _of_percent(read_interval(found["reading"], top=WHOLE))


def _percent_and_status(found: re.Match[str]) -> Stain:
    stain, status = _percent(found), STATUS[found["status"]]
    if status not in stain.statuses:
        message = "contradicts itself, as ER and PR are positive from 1 % and negative below"
        raise EvidenceError(message)
    return Stain(frozenset({status}), stain.high if status else 0)


def _allred(found: re.Match[str]) -> Stain:
    """Read an Allred score: the proportion score 1 to 5 plus the intensity score 1 to 3, or 0."""
    score = int(found["score"])
    if score < ALLRED_POSITIVE_FROM:
        return _of_status(False)
    least, most = max(score - STRONGEST, 1), min(score - 1, 5)
    percent = Interval(_PROPORTION_PERCENT[least - 1], _PROPORTION_PERCENT[most])
    return Stain(frozenset({True}), _of_percent(percent).high)


def _h_score(found: re.Match[str]) -> Stain:
    """Read the percentages that can give an H-score, 1 x weak + 2 x moderate + 3 x strong per cent.

    All strong gives the least percentage, a third of the score; all weak the most, the score itself.
    No cut-off on the H-score is needed, so none of the several in use is chosen.
    """
    score = read_interval(found["reading"], top=H_SCORE_TOP)
    return _of_percent(Interval(score.start / STRONGEST, min(score.stop, WHOLE)))


_STATUS_WORDS: Final = rf"(?P<status>{'|'.join(word for word in STATUS if word.isalpha())})"
_SHARE: Final = rf"(?P<reading>{READING})\s*%"
_FORMS: Final[dict[re.Pattern[str], Callable[[re.Match[str]], Stain]]] = {
    re.compile(_SHARE): _percent,
    re.compile(rf"{_STATUS_WORDS}\s*[,:]?\s*\(?\s*{_SHARE}\s*\)?"): _percent_and_status,
    re.compile(rf"{_SHARE}\s*,?\s*\(?\s*{_STATUS_WORDS}\s*\)?"): _percent_and_status,
    re.compile(r"allred(?: score)?[\s:=]*(?P<score>[0-8])(?:\s*/\s*8)?"): _allred,
    re.compile(rf"h[ -]?score[\s:=]*(?P<reading>{READING})(?:\s*/\s*300)?"): _h_score,
}
_ER_LOW_POSITIVE: Final = re.compile(r"low[ -]pos(?:itive)?|pos(?:itive)?\s*,?\s*\(?\s*low\s*\)?")
