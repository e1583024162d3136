"""A number never travels alone: with it go its interval, how many cases stand behind it, or why it is absent."""

from dataclasses import dataclass
from math import isfinite
from typing import Any

PERCENT = 100


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its interval; or no figure, with the reason.

    Attributes:
        value: The figure; None when the data do not define it (an AUC of one class only).
        low: Lower end of the interval, None together with ``high`` when it is not defined.
        high: Upper end of the interval. A percentile interval need not hold ``value``.
        n: Cases behind the figure.
        events: Positive cases among them, where there is such a thing.
        level: Coverage that the interval aims at.
        reason: Why the value or the interval is absent; empty when both are there.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    events: int | None = None
    level: float = 0.95
    reason: str = ""

    def __post_init__(self) -> None:
        """Refuse NaN, half an interval, and an absence without a reason."""
        numbers = [number for number in (self.value, self.low, self.high) if number is not None]
        if not all(isfinite(number) for number in numbers):
            message = f"an estimate holds finite numbers or none, got {self}"
            raise ValueError(message)
        if (self.low is None) != (self.high is None) or (self.value is None and self.low is not None):
            message = f"an estimate has both ends of an interval or neither, and none without a value, got {self}"
            raise ValueError(message)
        if (self.low is None) != bool(self.reason):
            message = f"an estimate gives a reason exactly when something is absent, got {self}"
            raise ValueError(message)
        if self.low is not None and self.high is not None and self.low > self.high:
            message = f"the interval of an estimate is inverted: {self}"
            raise ValueError(message)

    @classmethod
    def absent(cls, reason: str, *, n: int, events: int | None = None, level: float = 0.95) -> "Estimate":
        """Return an estimate without value, for ``reason``."""
        return cls(None, None, None, n=n, events=events, level=level, reason=reason)

    def excludes(self, value: float) -> bool:
        """Return whether there is an interval and ``value`` lies outside it."""
        return self.low is not None and self.high is not None and not self.low <= value <= self.high

    def text(self, *, digits: int = 3) -> str:
        """Return the figure as a table prints it.

        Examples:
            >>> Estimate(0.6149, 0.541, 0.684, n=198, events=103).text()
            '0.615 (0.541 to 0.684)'
            >>> Estimate.absent("one class only", n=4).text()
            '-'
        """
        if self.value is None:
            return "-"
        value = f"{self.value:.{digits}f}"
        return value if self.low is None else f"{value} ({self.low:.{digits}f} to {self.high:.{digits}f})"

    def sentence(self, name: str, *, digits: int = 3) -> str:
        """Return one sentence that says what the figure is worth.

        Examples:
            >>> Estimate(0.6149, 0.541, 0.684, n=198, events=103).sentence("The AUC")
            'The AUC is 0.615 (95 % interval 0.541 to 0.684; 198 cases, 103 positive).'
            >>> Estimate.absent("every case is positive", n=4, events=4).sentence("The AUC")
            'The AUC is not defined: every case is positive (4 cases, 4 positive).'
        """
        counts = f"{self.n} case{'' if self.n == 1 else 's'}"
        if self.events is not None:
            counts += f", {self.events} positive"
        if self.value is None:
            return f"{name} is not defined: {self.reason} ({counts})."
        if self.low is None:
            return f"{name} is {self.value:.{digits}f}, without an interval: {self.reason} ({counts})."
        span = f"{self.level * PERCENT:g} % interval {self.low:.{digits}f} to {self.high:.{digits}f}"
        return f"{name} is {self.value:.{digits}f} ({span}; {counts})."

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a JSON file; what is absent is null."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> "Estimate":
        """Return the estimate that :meth:`to_json` wrote."""
        return cls(**plain)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two contestants on the same cases.

    Attributes:
        difference: First minus second, with a paired interval.
        p_value: Two-sided, of no difference; None when it is not defined.
        method: The test, in words.
        adjusted_p: The same after Holm's procedure over the family that the comparison belongs to
            (:mod:`onephase.statistics.multiplicity`); None where it belongs to none.
    """

    difference: Estimate
    p_value: float | None
    method: str
    adjusted_p: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        return {
            "difference": self.difference.to_json(),
            "p_value": self.p_value,
            "adjusted_p": self.adjusted_p,
            "method": self.method,
        }

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> "Comparison":
        """Return the comparison that :meth:`to_json` wrote."""
        return cls(Estimate.from_json(plain["difference"]), plain["p_value"], plain["method"], plain["adjusted_p"])
