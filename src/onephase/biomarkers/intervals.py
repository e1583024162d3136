"""A reading as pathology wrote it is an interval: `18` is 18 to below 19, `>=20` is 20 to the top."""

import re
from dataclasses import dataclass
from decimal import Decimal

from onephase.errors import EvidenceError

NUMBER = r"[0-9]{1,3}(?:\.[0-9]{1,6})?"
READING = rf"(?:(?:<=|>=|<|>)\s*{NUMBER}|{NUMBER}(?:\s*%?\s*(?:-|to)\s*{NUMBER})?)"
"""Pattern of a reading without its closing unit: `18`, `<14`, `10-15`, `10% to 15`."""

_PARTS = re.compile(rf"(?P<sign><=|>=|<|>)?\s*(?P<first>{NUMBER})(?:\s*%?\s*(?:-|to)\s*(?P<last>{NUMBER}))?")


@dataclass(frozen=True, slots=True)
class Interval:
    """Half-open interval [start, stop) of exact decimals, closed where it stops at the top of its scale."""

    start: Decimal
    stop: Decimal

    def __post_init__(self) -> None:
        """Refuse an empty interval."""
        if not self.start < self.stop:
            message = f"holds no value: nothing lies from {self.start} to below {self.stop}"
            raise EvidenceError(message)

    def meets(self, other: "Interval") -> bool:
        """Tell whether the two have a value in common."""
        return self.start < other.stop and other.start < self.stop

    def sides_of(self, cut: Decimal) -> frozenset[bool]:
        """Return where values may lie: True at or above ``cut``, False below; a cut inside gives both."""
        return frozenset(side for side, holds in ((True, self.stop > cut), (False, self.start < cut)) if holds)


def read_interval(text: str, *, top: Decimal) -> Interval:
    """Return the values that a reading stands for, on a scale from 0 to ``top``.

    A whole number stands for itself to below the next one, a decimal uses its last digit, so that a
    cut-off falls on an end: 14 lies at or above 14, and 13.9 below. A reading at the top, which has
    nothing above, is the last step up to it. A range and `<=` hold their last reading whole; `>` keeps
    its number, for a reading of 20 may stand for 20.4. So in doubt the interval is the wider one.

    Args:
        text: A reading that matches :data:`READING`.
        top: Largest value of the scale.

    Raises:
        EvidenceError: If a value lies beyond the top, or nothing lies in the range.
    """
    parts = _PARTS.fullmatch(text)
    if parts is None:
        message = "is no reading such as 18, 18.5, >=20, <14 or 10-15"
        raise EvidenceError(message)
    sign, first = parts["sign"], Decimal(parts["first"])
    last = first if parts["last"] is None else Decimal(parts["last"])
    if max(first, last) > top:
        message = f"lies beyond the scale, which ends at {top}"
        raise EvidenceError(message)
    if parts["last"] is not None and first >= last:
        message = f"runs the wrong way, from {first} to {last}"
        raise EvidenceError(message)
    beyond = min(last + _step(last), top)
    if sign == "<":
        return Interval(Decimal(0), first)
    if sign == "<=":
        return Interval(Decimal(0), beyond)
    if sign == ">":
        return Interval(first, top)
    lowest = min(first, top - _step(first))
    return Interval(lowest, top if sign == ">=" else beyond)


def _step(number: Decimal) -> Decimal:
    """Return one unit in the last digit as written: 1 for 18, 0.1 for 18.0."""
    return Decimal((0, (1,), int(number.as_tuple().exponent)))
