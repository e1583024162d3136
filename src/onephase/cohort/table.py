"""Cohort tables: read whole and checked before any work, every problem at once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from onephase.cohort import checks
from onephase.cohort.counts import GroupCount, count_labels
from onephase.cohort.csv_file import CohortFile, read_cohort_file
from onephase.cohort.exclusion_file import without_excluded
from onephase.cohort.exclusions import Exclusion
from onephase.cohort.files import missing_files, unreadable_files
from onephase.cohort.membership import membership_aucs, told_by_membership
from onephase.cohort.overlap import parted_patients, repeated_patients
from onephase.cohort.problems import Problem
from onephase.cohort.records import Record, Split
from onephase.cohort.rows import read_row
from onephase.cohort.split_file import read_split_file, split_file_of, write_split_file
from onephase.cohort.splits import draw_splits
from onephase.errors import CohortError
from onephase.progress import Progress, silent
from onephase.settings import SplitSettings, SubtypePolicy
from onephase.statistics.estimate import Estimate


@dataclass(frozen=True, slots=True)
class TableFacts:
    """Where a table is and where its splits come from.

    Attributes:
        cohort: Name in figures and problems: the table's folder, made longer where two would be alike.
        path: The CSV.
        rows: Number of rows.
        splits: ``column`` (the table's own), ``file`` (written down before) or ``drawn`` (now, at
            least for some).
    """

    cohort: str
    path: Path
    rows: int
    splits: Literal["column", "file", "drawn"]

    def to_json(self) -> dict[str, Any]:
        """Return the facts as JSON values."""
        return {"cohort": self.cohort, "path": str(self.path), "rows": self.rows, "splits": self.splits}


@dataclass(frozen=True, slots=True, eq=False)
class Cohort:
    """The lesions of one or several sound tables, each with its split, and those that somebody left out."""

    tables: tuple[TableFacts, ...]
    records: tuple[Record, ...]
    excluded: tuple[Exclusion, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class CheckResult:
    """What ``onephase check`` found.

    Attributes:
        tables: The tables, in the order given.
        problems: Errors first, then warnings.
        counts: What each cohort and split holds, of the rows that could be read.
        records: Those rows; with their splits when there is no error, else with those given.
        excluded: Rows that somebody left out, by the file beside their table.
        by_membership: By label, how well cohort and site alone tell it; empty where there is but one of them.
    """

    tables: tuple[TableFacts, ...]
    problems: tuple[Problem, ...]
    counts: tuple[GroupCount, ...]
    records: tuple[Record, ...]
    excluded: tuple[Exclusion, ...] = ()
    by_membership: Mapping[str, Estimate] = field(default_factory=dict)

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that keep the tables from being used."""
        return tuple(problem for problem in self.problems if problem.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """The problems that should be known."""
        return tuple(problem for problem in self.problems if problem.severity == "warning")

    def to_json(self) -> dict[str, Any]:
        """Return the result as JSON values."""
        return {
            "ok": not self.errors,
            "tables": [table.to_json() for table in self.tables],
            "problems": [problem.to_json() for problem in self.problems],
            "counts": [count.to_json() for count in self.counts],
            "auc_of_cohort_and_site_alone": {label: one.to_json() for label, one in self.by_membership.items()},
            "splits": {record.case_id: record.split for record in self.records},
        }


def read_cohort(
    *paths: Path | str,
    split: SplitSettings | None = None,
    labelled: bool = True,
    written: Mapping[str, Split] | None = None,
) -> Cohort:
    """Read cohort tables that are to be used together.

    Args:
        paths: The CSVs (docs/cohort-table.md).
        split: Shares and seed for cases whose split is neither given nor written down; 7:1:2 by default.
        labelled: Whether labels are needed; off where a cohort is only predicted.
        written: Splits by case id that were drawn before and kept elsewhere than beside the table.

    Raises:
        CohortError: If anything is wrong; the message holds the first problem and the number of others.
    """
    record_checks = _WITH_LABELS if labelled else _ALWAYS
    result = _checked([Path(path) for path in paths], split or SplitSettings(), record_checks, written=written or {})
    if result.errors:
        first, others = result.errors[0], len(result.errors) - 1
        more = (
            f" ({others} more {'problem' if others == 1 else 'problems'}: onephase check lists all)" if others else ""
        )
        message = f"{first}{more}"
        raise CohortError(message)
    return Cohort(result.tables, result.records, result.excluded)


def check_cohort(
    paths: Sequence[Path],
    split: SplitSettings,
    *,
    policy: SubtypePolicy = "ki67_20",
    headers: bool = True,
    progress: Progress = silent,
) -> CheckResult:
    """Check cohort tables that are to be used together, and say everything that is wrong.

    Nothing is written; :func:`write_splits` writes the splits down.

    Args:
        paths: The CSVs.
        split: Shares and seed for splits that are to be drawn.
        policy: How subtypes are counted.
        headers: Whether the header of each image and mask is read too (a few milliseconds each).
        progress: Told of the headers read.
    """
    result = _checked(list(paths), split, _WITH_LABELS, written={})
    by_membership = membership_aucs(result.records)
    problems = (*result.problems, *told_by_membership(by_membership))
    if headers:
        problems = (*problems, *unreadable_files(result.records, progress=progress))
    problems = tuple(sorted(problems, key=lambda problem: problem.severity == "warning"))
    counts = count_labels(result.records, policy=policy)
    return replace(result, problems=problems, counts=counts, by_membership=by_membership)


def write_splits(result: CheckResult | Cohort) -> tuple[Path, ...]:
    """Write the drawn splits of each table beside it (``cohort.splits.csv``), and return where.

    A table whose own column says every split needs no such file.

    Raises:
        StorageError: If a table's folder cannot be written to.
    """
    written = []
    for table in result.tables:
        if table.splits == "drawn":
            path = split_file_of(table.path)
            write_split_file(path, [record for record in result.records if record.cohort == table.cohort])
            written.append(path)
    return tuple(written)


_OF_TABLES: tuple[Callable[[Sequence[CohortFile]], Iterator[Problem]], ...] = (
    checks.duplicate_ids,
    checks.mixed_notation,
    checks.paths_that_do_not_travel,
    checks.half_split,
    checks.personal_columns,
    checks.labels_by_another_name,
    missing_files,
)
_ALWAYS: tuple[Callable[[Sequence[Record]], Iterator[Problem]], ...] = (
    parted_patients,
    repeated_patients,
    checks.shared_images,
    checks.mixed_provenance,
    checks.mixed_conventions,
)
_WITH_LABELS = (*_ALWAYS, checks.unlabelled, checks.one_class_only)


def _checked(
    paths: list[Path],
    split: SplitSettings,
    record_checks: Sequence[Callable[[Sequence[Record]], Iterator[Problem]]],
    *,
    written: Mapping[str, Split],
) -> CheckResult:
    """Read and check tables, without opening an image."""
    tables = [
        without_excluded(read_cohort_file(path, cohort=name))
        for path, name in zip(paths, cohort_names(paths), strict=True)
    ]
    problems = [problem for table in tables for problem in table.problems]
    records = []
    for table in tables:
        for row in table.rows:
            record, faults = read_row(row, table=table)
            problems.extend(faults)
            if record is not None:
                records.append(record)
    for check in _OF_TABLES:
        problems.extend(check(tables))
    records, facts = _with_written_splits(tables, records, problems, elsewhere=written)
    if records:
        for record_check in record_checks:
            problems.extend(record_check(records))
    if not any(problem.severity == "error" for problem in problems):
        records = list(draw_splits(records, split))
        problems.extend(checks.empty_splits(records))
    excluded = tuple(one for table in tables for one in table.excluded)
    return CheckResult(facts, tuple(problems), (), tuple(records), excluded)


def cohort_names(paths: Sequence[Path]) -> tuple[str, ...]:
    """Return a name for each table: its folder's, made longer to the left, then by the file's, until all differ."""
    whole = [path.resolve() for path in paths]
    for depth in range(1, max((len(path.parts) for path in whole), default=1)):
        names = tuple("/".join(path.parts[:-1][-depth:]) for path in whole)
        if len(set(names)) == len(names):
            return names
    return tuple(f"{path.parent.name}/{path.stem}" for path in whole)


def _with_written_splits(
    tables: Sequence[CohortFile],
    records: Sequence[Record],
    problems: list[Problem],
    *,
    elsewhere: Mapping[str, Split],
) -> tuple[list[Record], tuple[TableFacts, ...]]:
    """Fill in splits that were written down before, where the table's own column says none."""
    filled, facts = [], []
    for table in tables:
        members = [record for record in records if record.cohort == table.cohort]
        written = dict(elsewhere)
        if any(not record.split for record in members):
            try:
                written |= read_split_file(split_file_of(table.path))
            except CohortError as fault:
                problems.append(Problem(table.cohort, "", "split", str(fault), "see docs/cohort-table.md"))
        source: Literal["column", "file", "drawn"] = "column" if all(record.split for record in members) else "file"
        known = [replace(record, split=record.split or written.get(record.case_id, "")) for record in members]
        if any(not record.split for record in known):
            source = "drawn"
        filled.extend(known)
        facts.append(TableFacts(table.cohort, table.path, len(table.rows), source))
    return filled, tuple(facts)
