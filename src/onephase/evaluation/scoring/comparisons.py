"""One contestant against another on the same cases, and all comparisons of a group as one family."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from onephase.arrays import Float64, Int64
from onephase.biomarkers.panel import Events
from onephase.biomarkers.subtypes import subtype_of
from onephase.evaluation.scoring.answers import SCORED_RECEPTORS, Answers
from onephase.evaluation.scoring.ki67_scores import has_percentage, ki67_reference
from onephase.evaluation.scoring.subtype_scores import log_likelihood_of, receptor_group_of
from onephase.statistics.bootstrap import Resamples, Statistic, compare, mean_of
from onephase.statistics.classification import macro_auc_statistic
from onephase.statistics.estimate import Comparison
from onephase.statistics.multiplicity import as_family
from onephase.statistics.roc import compare_aucs

PERCENT = 100


@dataclass(frozen=True, slots=True)
class Versus:
    """One contestant against another on the same cases; above zero, the first is better.

    Attributes:
        first: Name of the first contestant.
        second: Name of the second.
        figures: ``er``, ``pr``, ``her2``, ``hr`` (AUC), ``subtype_macro_auc``, ``group_macro_auc``,
            ``subtype_log_likelihood`` (nats), ``ki67_mae_percent`` (the second's error minus the first's),
            ``panel_gain`` (nats).
    """

    first: str
    second: str
    figures: dict[str, Comparison]

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        figures = {name: comparison.to_json() for name, comparison in self.figures.items()}
        return {"first": self.first, "second": self.second, "figures": figures}


def versus(events: Events, first: tuple[str, Answers], second: tuple[str, Answers], *, resamples: Resamples) -> Versus:
    """Compare two named contestants: AUCs by DeLong's paired test, the rest by the paired bootstrap."""
    pair = first[1], second[1]
    figures = {
        **_receptors(events, pair, resamples),
        **_subtypes(events, pair, resamples),
        "ki67_mae_percent": _ki67(events, pair, resamples),
        "panel_gain": _panel(events, pair, resamples),
    }
    return Versus(first[0], second[0], figures)


def as_one_family(compared: Sequence[Versus]) -> tuple[Versus, ...]:
    """Return the comparisons of one group of cases, every figure with every rival, as one family of tests."""
    adjusted = iter(as_family([figure for one in compared for figure in one.figures.values()]))
    return tuple(replace(one, figures={name: next(adjusted) for name in one.figures}) for one in compared)


def _receptors(events: Events, pair: tuple[Answers, Answers], resamples: Resamples) -> dict[str, Comparison]:
    figures = {}
    for column, receptor in enumerate(SCORED_RECEPTORS):
        status = events.status(receptor)
        rows = np.flatnonzero(status >= 0)
        score, other = (answers.receptors[rows, column] for answers in pair)
        figures[receptor] = compare_aucs(score, other, status[rows] == 1, level=resamples.level)
    return figures


def _subtypes(events: Events, pair: tuple[Answers, Answers], resamples: Resamples) -> dict[str, Comparison]:
    one, other = pair
    subtypes = subtype_of(events, one.policy), one.subtypes, other.subtypes
    groups = receptor_group_of(events), one.groups, other.groups
    figures = {
        "subtype_macro_auc": (macro_auc_statistic, subtypes),
        "group_macro_auc": (macro_auc_statistic, groups),
        "subtype_log_likelihood": (_mean_log_likelihood, subtypes),
    }
    compared = {}
    for name, (statistic, (truth, *probabilities)) in figures.items():
        rows = np.flatnonzero(truth >= 0)
        score, rival = (statistic(each[rows], truth[rows]) for each in probabilities)
        compared[name] = compare(score, rival, resamples.take(rows))
    return compared


def _mean_log_likelihood(
    probabilities: Float64[np.ndarray, "case class"], truth: Int64[np.ndarray, " case"]
) -> Statistic:
    return mean_of(log_likelihood_of(truth, probabilities))


def _ki67(events: Events, pair: tuple[Answers, Answers], resamples: Resamples) -> Comparison:
    rows = np.flatnonzero(has_percentage(events))
    observed = ki67_reference(events)[rows]
    error, other = (mean_of(PERCENT * np.abs(answers.ki67_median[rows] - observed)) for answers in pair)
    return compare(other, error, resamples.take(rows))


def _panel(events: Events, pair: tuple[Answers, Answers], resamples: Resamples) -> Comparison:
    rows = np.flatnonzero(events.informative())
    gain, other = (mean_of(answers.log_probability[rows]) for answers in pair)
    return compare(gain, other, resamples.take(rows))
