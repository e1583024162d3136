"""A case that somebody left out, and what becomes of it on the way to a report."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A row of a cohort table that is not used, and why."""

    cohort: str
    case_id: str
    reason: str

    def to_json(self) -> dict[str, Any]:
        """Return the exclusion as JSON values."""
        return asdict(self)


def counted_reasons(exclusions: Iterable[Exclusion]) -> dict[str, dict[str, int]]:
    """Return, by cohort and reason, how many cases were left out; the most frequent reason first."""
    counts: dict[str, Counter[str]] = {}
    for one in exclusions:
        counts.setdefault(one.cohort, Counter())[one.reason] += 1
    return {
        cohort: dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0])))
        for cohort, reasons in sorted(counts.items())
    }
