"""What a benchmark runs: which contestants learn from which cases, how often, and who is tested under which name.

Pure: from records and a design to a list of runs. A contestant that is a form of the network is nothing but
values of the settings, and stands in one table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, get_args

from onephase.cohort.records import Record, sites_of
from onephase.errors import CohortError
from onephase.evaluation.benchmarking.divisions import INTERNAL_TEST, LEARNED, TABLE_WORDS, Part, divided, slug
from onephase.evaluation.predictions import NETWORK
from onephase.settings import NetworkSettings, TaskName

SINGLE_TASKS = "single tasks"


def network_forms(network: NetworkSettings) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the forms of the network that take part: by contestant, what its networks change in the settings.

    Four single-task networks together make one contestant; every other form is one network.
    """
    changes: dict[str, dict[str, Any]] = {
        NETWORK: {},
        "couplings off": {"couplings": False},
        "attention off": {"attention": False},
        "one scale": {"scales": (len(network.widths) - 1,)},
        "core only": {"regions": ("core",)},
        "core and rim": {"regions": ("core", "rim")},
        "whole crop": {"regions": ("whole",)},
        "phenotype off": {"start": "descriptors"},
        "phenotype and descriptors off": {"start": "prior"},
    }
    tasks = {f"{SINGLE_TASKS} {task}": {"tasks": (task,)} for task in get_args(TaskName)}
    return {**{name: {name: change} for name, change in changes.items()}, SINGLE_TASKS: tasks}


@dataclass(frozen=True, slots=True)
class Design:
    """What is asked of a benchmark.

    Attributes:
        seeds: Training runs of the network in full on the internal cases, each with a seed of its own.
        other_seeds: Training runs of every other network.
        folds: Folds of the external cases, and of all cases where they are cross-validated.
        adapted: Contestants that also learn from other divisions than the internal one; None lets all do so.
        leave_sites_out: Whether each site is also left out in turn.
        cross_validate: Whether all cases are also answered by folds.
        sizes: Numbers of training cases that are also learned from, for a learning curve.
        external_sites: Sites whose cases are external, beside those that the table marks so.
        without: Contestants that are left out.
    """

    seeds: int = 3
    other_seeds: int = 3
    folds: int = 5
    adapted: tuple[str, ...] | None = None
    leave_sites_out: bool = False
    cross_validate: bool = False
    sizes: tuple[int, ...] = ()
    external_sites: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """One contestant, or one network of a contestant, learning once from one division.

    Attributes:
        part: Name of the division.
        contestant: Whose row it makes.
        label: Its own name; that of the contestant where one network makes it.
        seed: Of training; None where nothing is drawn.
        changes: What it changes in the network's settings; None where it is no network.
    """

    part: str
    contestant: str
    label: str
    seed: int | None = None
    changes: Mapping[str, Any] | None = None

    @property
    def folder(self) -> str:
        """Where its answers are kept, below the folder of all runs."""
        name = self.label if self.seed is None else f"{self.label} seed {self.seed}"
        return f"{slug(self.part)}/{slug(name)}"


@dataclass(frozen=True, slots=True)
class Plan:
    """Every run of a benchmark.

    Attributes:
        parts: The divisions.
        runs: In the order in which they start.
        words: By protocol, how its cases were kept apart from training.
    """

    parts: tuple[Part, ...]
    runs: tuple[Run, ...]
    words: Mapping[str, str]

    def part(self, name: str) -> Part:
        """Return a division by name."""
        return next(part for part in self.parts if part.name == name)

    def tested_by(self, protocol: str) -> tuple[Part, ...]:
        """Return the divisions that a protocol pools."""
        return tuple(part for part in self.parts if protocol in part.tests)

    def learning_curve(self) -> dict[int, str]:
        """Return the protocols of the learning curve by training cases, the whole last; empty where none is asked."""
        sizes = {self.part(name).count("train"): name for name in self.words if name.startswith(LEARNED)}
        return {**sizes, self.parts[0].count("train"): INTERNAL_TEST} if sizes else {}

    def to_json(self) -> dict[str, Any]:
        """Return the plan as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Plan":
        """Return the plan that :meth:`to_json` described."""
        return cls(
            tuple(Part(**part) for part in value["parts"]),
            tuple(Run(**run) for run in value["runs"]),
            value["words"],
        )


def plan_benchmark(
    records: Sequence[Record], design: Design, *, network: NetworkSettings, others: Sequence[str], seed: int
) -> Plan:
    """Return every run that a design asks for on some cases.

    Args:
        records: The cases, with splits.
        design: What is asked.
        network: Its settings in full, from which the other forms depart.
        others: Names of the contestants that are no network.
        seed: Of the folds.

    Raises:
        CohortError: If a site or a contestant is not there, or there are too few patients for the folds or a size.
    """
    _refuse_absent(design.without, [*network_forms(network), *others])
    cases = _with_external(records, design.external_sites)
    parts, words = divided(
        cases,
        folds=design.folds,
        leave_sites_out=design.leave_sites_out,
        cross_validate=design.cross_validate,
        sizes=design.sizes,
        seed=seed,
    )
    runs = [run for part in parts for run in _runs(part, design, network=network, others=others)]
    return Plan(parts, tuple(runs), words)


def _runs(part: Part, design: Design, *, network: NetworkSettings, others: Sequence[str]) -> list[Run]:
    internal = not part.tests.keys().isdisjoint(TABLE_WORDS)
    networks = [
        Run(part.name, contestant, label, seed, changes)
        for contestant, labelled in network_forms(network).items()
        for seed in range(1, (design.seeds if internal and contestant == NETWORK else design.other_seeds) + 1)
        for label, changes in labelled.items()
    ]
    runs = [*networks, *(Run(part.name, name, name) for name in others)]
    return [
        run
        for run in runs
        if run.contestant not in design.without
        and (internal or design.adapted is None or run.contestant in design.adapted)
    ]


def _refuse_absent(names: Sequence[str], present: Sequence[str]) -> None:
    """Refuse to leave out a contestant that does not take part, or the network that all are compared with."""
    for name in names:
        if name not in present or name == NETWORK:
            others = ", ".join(repr(other) for other in present if other != NETWORK)
            message = f"{name!r} cannot be left out, expected one of {others}"
            raise CohortError(message)


def _with_external(records: Sequence[Record], sites: Sequence[str]) -> list[Record]:
    """Return the records with those of some sites marked external.

    Args:
        records: The cases.
        sites: Names of sites: ``cohort: site``, or the site alone where one cohort has it.
    """
    site_of = sites_of(records)
    outside = set()
    for site in sites:
        found = {
            own
            for own, record in zip(site_of, records, strict=True)
            if site in (record.site, f"{record.cohort}: {record.site}")
        }
        if len(found) > 1:
            message = f"several cohorts have a site {site!r}: say which, {' or '.join(map(repr, sorted(found)))}"
            raise CohortError(message)
        if not found:
            known = ", ".join(sorted(set(site_of)))
            message = f"no case is of site {site!r}, expected one of {known}: name one of these"
            raise CohortError(message)
        outside |= found
    return [
        replace(record, split="external") if own in outside else record
        for own, record in zip(site_of, records, strict=True)
    ]
