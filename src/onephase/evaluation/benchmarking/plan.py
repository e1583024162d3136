"""What a benchmark runs: which contestants learn from which cases, how often, and who is tested under which name.

Pure: from records and a design to a list of runs. A contestant that is a form of the network is nothing but
values of the settings, and stands in one table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, get_args

import numpy as np

from onephase.cohort.records import Record, Split
from onephase.cohort.splits import folds as draw_folds
from onephase.errors import CohortError
from onephase.evaluation.predictions import NETWORK
from onephase.evaluation.protocol import LEARNED_FROM, VALIDATION_SHARE
from onephase.settings import NetworkSettings, TaskName

SINGLE_TASKS = "single tasks"
INTERNAL_TEST, EXTERNAL_TEST, SITES_OUT = "internal test", "frozen external test", "leave one site out"

PROTOCOL_WORDS: Mapping[str, str] = {
    INTERNAL_TEST: "Internal test: patients of the same sites, set apart before training and not touched by it.",
    EXTERNAL_TEST: (
        "Frozen external test, the primary one: models as they were trained on the internal cases, on cases of "
        "another site, not fitted to them."
    ),
    "adaptation": (
        "{folds}-fold adaptation, no external test: each external case is answered by models that have learned from "
        "the internal cases and the external ones of the other folds; the answers of all folds are pooled."
    ),
    SITES_OUT: (
        "Leave one site out: each case is answered by models that have learned from the other sites; the answers of "
        "all sites are pooled."
    ),
}


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
        folds: Folds of the external cases.
        adapted: Contestants that also learn from other divisions than the internal one; None lets all do so.
        leave_sites_out: Whether each site is also left out in turn.
        external_sites: Sites whose cases are external, beside those that the table marks so.
        without: Contestants that are left out.
    """

    seeds: int = 3
    other_seeds: int = 3
    folds: int = 5
    adapted: tuple[str, ...] | None = None
    leave_sites_out: bool = False
    external_sites: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """One division of the cases into those that are learned from and those that are tested.

    Attributes:
        name: A short name, that of its folder too.
        fold: Which fold of its protocol it tests.
        split_of: Split of each case; empty where a case takes no part.
        tests: Protocols, and the split of this division that each scores.
    """

    name: str
    fold: int
    split_of: Mapping[str, Split]
    tests: Mapping[str, Split]

    def count(self, split: Split) -> int:
        """Return how many cases have a split."""
        return sum(own == split for own in self.split_of.values())

    def tested(self) -> int:
        """Return how many cases are tested."""
        return sum(self.count(split) for split in self.tests.values())


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
        CohortError: If a site or a contestant is not there, or there are too few patients for the folds.
    """
    _refuse_absent(design.without, [*network_forms(network), *others])
    cases = _with_external(records, design.external_sites)
    parts, words = [_internal(cases)], {INTERNAL_TEST: PROTOCOL_WORDS[INTERNAL_TEST]}
    if any(record.split == "external" for record in cases):
        words[EXTERNAL_TEST] = PROTOCOL_WORDS[EXTERNAL_TEST]
        adaptation = f"{design.folds}-fold adaptation"
        words[adaptation] = PROTOCOL_WORDS["adaptation"].format(folds=design.folds)
        parts += _adaptation(cases, adaptation, folds=design.folds, seed=seed)
    if design.leave_sites_out:
        words[SITES_OUT] = PROTOCOL_WORDS[SITES_OUT]
        parts += _sites_out(cases, seed=seed)
    runs = [run for part in parts for run in _runs(part, design, network=network, others=others)]
    return Plan(tuple(parts), tuple(runs), words)


def slug(name: str) -> str:
    """Return a name as a folder has it."""
    return "-".join("".join(letter if letter.isalnum() else " " for letter in name).split())


def _runs(part: Part, design: Design, *, network: NetworkSettings, others: Sequence[str]) -> list[Run]:
    internal = INTERNAL_TEST in part.tests
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
    known = {record.site for record in records}
    for site in sites:
        if site not in known:
            message = f"no case is of site {site!r}, expected one of {', '.join(sorted(known))}: name one of these"
            raise CohortError(message)
    return [replace(record, split="external") if record.site in sites else record for record in records]


def _internal(records: Sequence[Record]) -> Part:
    tests: dict[str, Split] = {INTERNAL_TEST: "test"}
    if any(record.split == "external" for record in records):
        tests[EXTERNAL_TEST] = "external"
    return _part("internal", 0, records, {record.case_id: record.split for record in records}, tests)


def _adaptation(records: Sequence[Record], name: str, *, folds: int, seed: int) -> list[Part]:
    external = [record for record in records if record.split == "external"]
    fold_of = draw_folds(external, folds, seed=seed)
    parts = []
    for fold in range(folds):
        others = [record for record, own in zip(external, fold_of, strict=True) if own != fold]
        split_of: dict[str, Split] = {
            record.case_id: record.split if record.split in LEARNED_FROM else "" for record in records
        }
        split_of |= dict.fromkeys((record.case_id for record in external), "test")
        split_of |= _learning(others, seed=seed)
        parts.append(_part(f"{name} {fold + 1}", fold, records, split_of, {name: "test"}))
    return parts


def _sites_out(records: Sequence[Record], *, seed: int) -> list[Part]:
    sites = sorted({record.site for record in records})
    if len(sites) < 2:  # noqa: PLR2004 - nothing would be left to learn from
        message = f"every case is of site {sites[0]!r}, and leaving it out leaves none: give the column site"
        raise CohortError(message)
    parts = []
    for fold, site in enumerate(sites):
        split_of: dict[str, Split] = dict.fromkeys((record.case_id for record in records), "test")
        split_of |= _learning([record for record in records if record.site != site], seed=seed)
        parts.append(_part(f"without {site}", fold, records, split_of, {SITES_OUT: "test"}))
    return parts


def _learning(records: Sequence[Record], *, seed: int) -> dict[str, Split]:
    """Return the split of cases that are learned from: one in eight patients validates."""
    fold_of = np.asarray(draw_folds(records, VALIDATION_SHARE, seed=seed))
    return {
        record.case_id: "validation" if fold == 0 else "train" for record, fold in zip(records, fold_of, strict=True)
    }


def _part(
    name: str, fold: int, records: Sequence[Record], split_of: Mapping[str, Split], tests: Mapping[str, Split]
) -> Part:
    """Return a division in which no patient is both tested and learned from: then she is only tested."""
    tested = {record.identity for record in records if split_of[record.case_id] in tests.values()}
    apart: dict[str, Split] = {
        record.case_id: ""
        for record in records
        if record.identity in tested and split_of[record.case_id] not in tests.values()
    }
    return Part(name, fold, {**split_of, **apart}, tests)
