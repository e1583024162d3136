"""From the rows of cohort tables to prepared cases: how many there are, and why the others are not."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from onephase.cohort.exclusions import counted_reasons
from onephase.cohort.prepared import PreparedCohort


@dataclass(frozen=True, slots=True)
class CohortFlow:
    """What became of the rows of one cohort table.

    Attributes:
        cohort: Name of the table.
        left_out: By the reason that somebody wrote down, how many cases were left out.
        failed: Cases that could not be prepared.
        prepared: Cases that were.
    """

    cohort: str
    left_out: dict[str, int]
    failed: int
    prepared: int

    @property
    def rows(self) -> int:
        """All rows of the table."""
        return sum(self.left_out.values()) + self.failed + self.prepared

    def to_json(self) -> dict[str, Any]:
        """Return the counts as JSON values."""
        return asdict(self)


def flow_of(prepared: Sequence[PreparedCohort]) -> tuple[CohortFlow, ...]:
    """Return what became of the rows of every cohort in some prepared folders, by the cohort's name.

    Nothing where one of them does not know what was left out: to say "none" would be a guess.
    """
    known = [one.excluded for one in prepared if one.excluded is not None]
    if len(known) < len(prepared):
        return ()
    left_out = counted_reasons(exclusion for excluded in known for exclusion in excluded)
    failed = [failure.cohort for one in prepared for failure in one.failures]
    kept = [record.cohort for one in prepared for record in one.records]
    return tuple(
        CohortFlow(cohort, left_out.get(cohort, {}), failed.count(cohort), kept.count(cohort))
        for cohort in sorted({*left_out, *failed, *kept})
    )
