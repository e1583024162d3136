"""HER2: from IHC score and in-situ hybridisation to the statuses that are possible.

IHC by ASCO/CAP 2018 as affirmed in 2023 (J Clin Oncol 41:3867); ISH by table 2 of PMC9771736.
Where a number or the IHC score is missing, every group that remains possible has its say.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from onephase.biomarkers.intervals import READING, Interval, read_interval
from onephase.biomarkers.notation import EITHER, STATUS, plain, read_status, without_name
from onephase.errors import EvidenceError

POSITIVE: Final = frozenset({True})
NEGATIVE: Final = frozenset({False})
NOBODY: Final[frozenset[bool]] = frozenset()

EQUIVOCAL: Final = 2
STRONG: Final = 3

_TOP: Final = Decimal(1000)
_ANY: Final = Interval(Decimal(0), _TOP)
_LOW_RATIO, _HIGH_RATIO = Interval(Decimal(0), Decimal(2)), Interval(Decimal(2), _TOP)
_FEW, _MIDDLE, _MANY = (Interval(Decimal(a), Decimal(b)) for a, b in ((0, 4), (4, 6), (6, 1000)))


@dataclass(frozen=True, slots=True)
class IshGroup:
    """One group of dual-probe ISH, by HER2/CEP17 ratio and HER2 copies per cell.

    Attributes:
        ratio: Ratios of the group.
        copies: Mean HER2 copies per cell of the group.
        positive_scores: IHC scores with which the group is positive; with the others it is negative.
    """

    ratio: Interval
    copies: Interval
    positive_scores: frozenset[int]


DUAL_PROBE: Final = {
    1: IshGroup(_HIGH_RATIO, Interval(Decimal(4), _TOP), frozenset({0, 1, 2, 3})),
    2: IshGroup(_HIGH_RATIO, _FEW, frozenset({3})),
    3: IshGroup(_LOW_RATIO, _MANY, frozenset({2, 3})),
    4: IshGroup(_LOW_RATIO, _MIDDLE, frozenset({3})),
    5: IshGroup(_LOW_RATIO, _FEW, frozenset()),
}

_NAME: Final = r"her-?2(?:/neu)?"
_WORDS: Final = {
    "low": NEGATIVE,  # IHC 1+, or 2+ with ISH negative
    "ultralow": NEGATIVE,  # a part of IHC 0
    "ultra-low": NEGATIVE,
    "equivocal": EITHER,
}
_ISH_WORDS: Final = {
    **STATUS,
    "amplified": True,
    **dict.fromkeys(("not amplified", "non-amplified", "nonamplified", "unamplified"), False),
}
_TEXT = re.compile(
    r"(?P<ihc>ihc(?: score)?[\s:=]*)?(?:(?P<score>[0-3])\s*(?P<plus>\+)?)?"
    r"(?:\s*[/,;]?\s*(?P<single>single[ -]probe )?[fcsd]?ish[\s:=]*(?:-\s*(?=[a-z]))?(?P<ish>.+))?"
)
_GROUP = re.compile(r"group\s*([1-5])")
_NUMBERS = re.compile(rf"(?P<name>ratio|cn|copy number|copies)[\s:=]*(?P<reading>{READING})(?:\s*[,;/]\s*|\s+|$)")
_PROBE_NAME = re.compile(r"her-?2\s*/\s*ce[pn]-?17 (?=ratio)")


def read_her2(text: str) -> frozenset[bool]:
    """Return the HER2 statuses that what pathology wrote leaves possible; the text is not empty.

    Raises:
        EvidenceError: If the text is not understood, or IHC 3+ meets a negative ISH.
    """
    words = without_name(plain(text), _NAME)
    status = read_status(words)
    if status is not None:
        return frozenset({status})
    if words in _WORDS:
        return _WORDS[words]
    parts = _TEXT.fullmatch(_PROBE_NAME.sub("", words))
    if parts is None or (parts["score"] is None and (parts["ish"] is None or parts["ihc"])):
        message = "is not understood"
        raise EvidenceError(message)
    score = None if parts["score"] is None else int(parts["score"])
    if score and not parts["plus"] and not parts["ihc"]:
        message = "is an IHC score without its +"
        raise EvidenceError(message)
    if parts["ish"] is None:
        return _of_score(score)
    statuses = _of_ish(parts["ish"], score=score, single_probe=bool(parts["single"]))
    if not statuses:
        message = "is positive by IHC and negative by ISH: find out on which status pathology settled"
        raise EvidenceError(message)
    return statuses


def _of_score(score: int | None) -> frozenset[bool]:
    if score is None or score == EQUIVOCAL:
        return EITHER
    return frozenset({score == STRONG})


def _of_ish(words: str, *, score: int | None, single_probe: bool) -> frozenset[bool]:
    """Return the statuses by ISH, seen together with the IHC score where there is one; none where they clash."""
    if words in _ISH_WORDS:
        clash = score == STRONG and not _ISH_WORDS[words]
        return NOBODY if clash else frozenset({_ISH_WORDS[words]})
    if group := _GROUP.fullmatch(words):
        return _of_group(int(group[1]), score=score)
    ratio, copies = _ratio_and_copies(words)
    if ratio is None and copies is not None:
        return _of_single_probe(copies, score=score)
    if single_probe:
        message = "gives a ratio, but a single probe gives copies per cell (CN) only"
        raise EvidenceError(message)
    possible = (
        _of_group(number, score=score)
        for number, group in DUAL_PROBE.items()
        if group.ratio.meets(ratio or _ANY) and group.copies.meets(copies or _ANY)
    )
    return NOBODY.union(*possible)


def _of_group(number: int, *, score: int | None) -> frozenset[bool]:
    positive_scores = DUAL_PROBE[number].positive_scores
    if score is not None:
        clash = score == STRONG and not positive_scores
        return NOBODY if clash else frozenset({score in positive_scores})
    return frozenset(other in positive_scores for other in range(STRONG + 1))


def _of_single_probe(copies: Interval, *, score: int | None) -> frozenset[bool]:
    """Return the statuses by copies alone: 6 and more positive, below 4 negative, between them as IHC says."""
    found = NOBODY
    if copies.meets(_MANY):
        found |= POSITIVE
    if copies.meets(_MIDDLE):
        found |= _of_score(score)
    if copies.meets(_FEW) and score != STRONG:
        found |= NEGATIVE
    return found


def _ratio_and_copies(words: str) -> tuple[Interval | None, Interval | None]:
    found: dict[str, Interval] = {}
    end = 0
    while part := _NUMBERS.match(words, end):
        name = "ratio" if part["name"] == "ratio" else "copies"
        if name in found:
            message = f"gives the {name} twice"
            raise EvidenceError(message)
        found[name] = read_interval(part["reading"], top=_TOP)
        end = part.end()
    if not found or end != len(words):
        message = f"has an ISH result that is not understood, {words!r}"
        raise EvidenceError(message)
    return found.get("ratio"), found.get("copies")
