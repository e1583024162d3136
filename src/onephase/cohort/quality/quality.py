"""The quality of cohorts: every case looked at once, each by itself, then beside its site, then beside all others."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any

from onephase.cohort.decision_file import read_decisions
from onephase.cohort.exclusion_file import COLUMNS as EXCLUDED
from onephase.cohort.exclusion_file import exclusion_file_of
from onephase.cohort.quality.accepted_file import accepted_file_of, read_accepted_file
from onephase.cohort.quality.duplicates import duplicate_images
from onephase.cohort.quality.flag import ACROSS_SPLITS, FLAGS, QualityFlag
from onephase.cohort.quality.look import Look, look_at
from onephase.cohort.quality.site_flags import field_in_gauss, intensity_outlier, spacing_of_one
from onephase.cohort.records import Record, sources_of
from onephase.cohort.table import CheckResult, Cohort
from onephase.progress import Progress, silent
from onephase.settings import ImagingSettings
from onephase.work.workers import Workers, in_order

LOOKING = "looking at every lesion"
OF_ALL_CASES: tuple[Callable[[Sequence[Record], Sequence[Look]], Iterator[tuple[int, QualityFlag]]], ...] = (
    spacing_of_one,
    field_in_gauss,
    duplicate_images,
    intensity_outlier,
)


@dataclass(frozen=True, slots=True)
class JudgedFlag:
    """A flag, and why somebody accepts it; empty while nobody has."""

    flag: QualityFlag
    accepted: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the flag as JSON values."""
        return {**self.flag.to_json(), "accepted": self.accepted or None}


@dataclass(frozen=True, slots=True, eq=False)
class JudgedCase:
    """One case with everything that is doubtful about it."""

    record: Record
    look: Look
    flags: tuple[JudgedFlag, ...]

    @property
    def doubts(self) -> tuple[QualityFlag, ...]:
        """The flags that nobody has accepted."""
        return tuple(one.flag for one in self.flags if not one.accepted)


@dataclass(frozen=True, slots=True)
class Decisions:
    """The lines of the two files beside a table, so that new ones can be added to them."""

    cohort: str
    table: str
    excluded: tuple[dict[str, str], ...]
    accepted: tuple[dict[str, str], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Quality:
    """What was seen of some cohorts.

    Attributes:
        cases: Every case, in the order of the tables.
        decisions: What was decided before, cohort by cohort.
    """

    cases: tuple[JudgedCase, ...]
    decisions: tuple[Decisions, ...]

    def counts(self) -> dict[str, tuple[int, int]]:
        """Return, for each flag that occurs, how many cases it is open and accepted in."""
        doubted = Counter(name for case in self.cases for name in {flag.name for flag in case.doubts})
        accepted = Counter(
            name for case in self.cases for name in {one.flag.name for one in case.flags if one.accepted}
        )
        return {name: (doubted[name], accepted[name]) for name in FLAGS if doubted[name] or accepted[name]}

    def across_splits(self) -> dict[str, str]:
        """Return, by case, why it stands in two splits under two names, as far as nobody has accepted that."""
        doubts = ((case.record.case_id, flag) for case in self.cases for flag in case.doubts)
        return {case_id: flag.reason for case_id, flag in doubts if flag.name == ACROSS_SPLITS}

    def to_json(self) -> dict[str, Any]:
        """Return flags and counts as JSON values, without the pictures."""
        return {
            "cases": len(self.cases),
            "flags": {name: {"open": doubted, "accepted": given} for name, (doubted, given) in self.counts().items()},
            "flagged": {
                case.record.case_id: [one.to_json() for one in case.flags] for case in self.cases if case.flags
            },
        }


def look_at_cohort(
    cohort: Cohort | CheckResult, imaging: ImagingSettings, *, workers: Workers = 1, progress: Progress = silent
) -> Quality:
    """Look at every case of some cohorts, and say what is doubtful.

    Args:
        cohort: Tables that were read.
        imaging: Size of a patch, which the pictures have too, and whether slices are contiguous.
        workers: Who reads the images.
        progress: Told after each case.

    Raises:
        CohortError: If a file of accepted flags is broken, or names an unknown case or flag.
        WorkerError: If a worker was killed, or a cluster cannot do the work.
    """
    decisions = _decisions(cohort)  # before any work
    looks: list[Look] = []
    progress(LOOKING, 0, len(cohort.records))
    look, sees = partial(look_at, imaging=imaging), sources_of(cohort.records)
    with closing(in_order(look, cohort.records, workers=workers, sees=sees)) as seen:
        for done, one in enumerate(seen, start=1):
            looks.append(one)
            progress(LOOKING, done, len(cohort.records))
    flags = [list(one.flags) for one in looks]
    for check in OF_ALL_CASES:
        for row, flag in check(cohort.records, looks):
            flags[row].append(flag)
    reasons = {(row["case_id"], row["flag"]): row["reason"] for one in decisions for row in one.accepted}
    cases = tuple(
        JudgedCase(record, one, tuple(JudgedFlag(flag, reasons.get((record.case_id, flag.name), "")) for flag in own))
        for record, one, own in zip(cohort.records, looks, flags, strict=True)
    )
    return Quality(cases, decisions)


def _decisions(cohort: Cohort | CheckResult) -> tuple[Decisions, ...]:
    found = []
    for table in cohort.tables:
        known = {record.case_id for record in cohort.records if record.cohort == table.cohort}
        known |= {one.case_id for one in cohort.excluded if one.cohort == table.cohort}
        accepted = read_accepted_file(accepted_file_of(table.path), cases=known)
        excluded = read_decisions(exclusion_file_of(table.path), needed=EXCLUDED, what="exclusions")
        found.append(Decisions(table.cohort, table.path.stem, excluded, accepted))
    return tuple(found)
