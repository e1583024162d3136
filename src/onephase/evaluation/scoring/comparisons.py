"""One contestant against another on the same cases, and all comparisons of a group as one family."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from onephase.arrays import Bool, Float64, Int64
from onephase.biomarkers.panel import Events
from onephase.biomarkers.subtypes import subtype_of
from onephase.evaluation.scoring.answers import SCORED_RECEPTORS, Answers
from onephase.evaluation.scoring.ki67_scores import has_percentage, ki67_reference
from onephase.evaluation.scoring.subtype_scores import log_likelihood_of, receptor_group_of
from onephase.statistics.bootstrap import Resampled, Resamples, Statistic, compare, mean_of
from onephase.statistics.classification import macro_auc_statistic
from onephase.statistics.estimate import Comparison
from onephase.statistics.multiplicity import as_family
from onephase.statistics.roc import compare_aucs

PERCENT = 100
FIGURES = (
    *SCORED_RECEPTORS,
    "subtype_macro_auc",
    "group_macro_auc",
    "subtype_log_likelihood",
    "ki67_mae_percent",
    "panel_gain",
)
"""AUCs, log-likelihoods in nats, the error of Ki-67 in points."""


@dataclass(frozen=True, slots=True)
class Versus:
    """One contestant against another on the same cases; above zero, the first is better.

    Attributes:
        first: Name of the first contestant.
        second: Name of the second.
        figures: By name, of :data:`FIGURES`; of Ki-67 the second's error minus the first's.
    """

    first: str
    second: str
    figures: dict[str, Comparison]

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        figures = {name: comparison.to_json() for name, comparison in self.figures.items()}
        return {"first": self.first, "second": self.second, "figures": figures}


@dataclass(frozen=True, slots=True, eq=False)
class Contender:
    """What of a contestant is compared, worked out once however many rivals it has.

    Attributes:
        name: Of the contestant.
        receptors: By receptor, the probabilities of the cases whose status is known, and which are positive.
        resampled: By figure, all else; the larger, the better.
        level: Coverage that intervals aim at.
    """

    name: str
    receptors: dict[str, tuple[Float64[np.ndarray, " case"], Bool[np.ndarray, " case"]]]
    resampled: dict[str, Resampled]
    level: float


def contender(
    name: str, events: Events, answers: Answers, *, resamples: Resamples, figures: Sequence[str] = FIGURES
) -> Contender:
    """Return what of a contestant is compared.

    Args:
        name: Of the contestant.
        events: What pathology found.
        answers: What the contestant says of each case.
        resamples: Drawn patients; those who are compared share them.
        figures: Those of :data:`FIGURES` that are compared.
    """
    receptors = {}
    for column, receptor in enumerate(SCORED_RECEPTORS):
        status = events.status(receptor)
        rows = np.flatnonzero(status >= 0)
        receptors[receptor] = answers.receptors[rows, column], status[rows] == 1
    resampled = {
        figure: Resampled.of(statistic, resamples.take(rows))
        for figure, rows, statistic in _statistics(events, answers)
        if figure in figures
    }
    return Contender(name, {one: receptors[one] for one in receptors if one in figures}, resampled, resamples.level)


def versus(first: Contender, second: Contender) -> Versus:
    """Compare two contestants on the same cases: AUCs by DeLong's paired test, the rest by the paired bootstrap."""
    aucs = {
        receptor: compare_aucs(score, second.receptors[receptor][0], positive, level=first.level)
        for receptor, (score, positive) in first.receptors.items()
    }
    others = {figure: compare(own, second.resampled[figure]) for figure, own in first.resampled.items()}
    return Versus(first.name, second.name, {**aucs, **others})


def as_one_family(compared: Sequence[Versus]) -> tuple[Versus, ...]:
    """Return the comparisons of one group of cases, every figure with every rival, as one family of tests."""
    adjusted = iter(as_family([figure for one in compared for figure in one.figures.values()]))
    return tuple(replace(one, figures={name: next(adjusted) for name in one.figures}) for one in compared)


def _statistics(events: Events, answers: Answers) -> Iterator[tuple[str, Int64[np.ndarray, " row"], Statistic]]:
    """Yield every figure that is resampled, the cases that decide it, and its statistic: the larger, the better."""
    subtypes, groups = subtype_of(events, answers.policy), receptor_group_of(events)
    typed, grouped = np.flatnonzero(subtypes >= 0), np.flatnonzero(groups >= 0)
    yield "subtype_macro_auc", typed, macro_auc_statistic(answers.subtypes[typed], subtypes[typed])
    yield "group_macro_auc", grouped, macro_auc_statistic(answers.groups[grouped], groups[grouped])
    likely = log_likelihood_of(subtypes[typed], answers.subtypes[typed])
    yield "subtype_log_likelihood", typed, mean_of(likely)
    told = np.flatnonzero(has_percentage(events))
    error = PERCENT * np.abs(answers.ki67_median[told] - ki67_reference(events)[told])
    yield "ki67_mae_percent", told, mean_of(-error)
    known = np.flatnonzero(events.informative())
    yield "panel_gain", known, mean_of(answers.log_probability[known])
