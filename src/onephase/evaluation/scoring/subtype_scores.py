"""Subtypes: the surrogate ones of the named policy, and the four receptor groups that need no Ki-67.

A case whose true class cannot be told is left out and counted, never guessed.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from onephase.arrays import Float64, Int64
from onephase.biomarkers.panel import Events
from onephase.biomarkers.subtypes import SUBTYPES, subtype_of
from onephase.evaluation.scoring.answers import GROUP_OF_CELL, RECEPTOR_GROUPS, Answers
from onephase.statistics.bootstrap import Resamples, bootstrap, mean_of
from onephase.statistics.classification import OneVersusRest, confusion, one_versus_rest
from onephase.statistics.estimate import Estimate
from onephase.statistics.proportion import proportion


@dataclass(frozen=True, slots=True)
class SubtypeScore:
    """One division into classes.

    Attributes:
        scheme: Name of the policy, or ``receptor groups``.
        classes: Names of the answers. The last may be *undecided*, which no case truly is.
        discrimination: AUC of each class against the rest and their mean.
        log_likelihood: Mean log probability of the true class in nats; unlike an AUC, which only sees the order of the
            cases, it sees whether the probabilities are right.
        accuracy: Cases whose most probable class is the true one.
        confusion: Cases by true class (row) and most probable class (column).
        indeterminate: Cases left out because their true class cannot be told.
    """

    scheme: str
    classes: tuple[str, ...]
    discrimination: OneVersusRest
    log_likelihood: Estimate
    accuracy: Estimate
    confusion: tuple[tuple[int, ...], ...]
    indeterminate: int

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        return {
            "scheme": self.scheme,
            "classes": list(self.classes),
            "discrimination": self.discrimination.to_json(),
            "log_likelihood": self.log_likelihood.to_json(),
            "accuracy": self.accuracy.to_json(),
            "confusion": [list(row) for row in self.confusion],
            "indeterminate": self.indeterminate,
        }


def subtype_scores(events: Events, answers: Answers, *, resamples: Resamples) -> tuple[SubtypeScore, ...]:
    """Score the surrogate subtypes of the answers' policy, then the receptor groups."""
    truth = subtype_of(events, answers.policy)
    surrogate = _score(answers.policy, SUBTYPES, truth=truth, probabilities=answers.subtypes, resamples=resamples)
    groups = _score(
        "receptor groups",
        RECEPTOR_GROUPS,
        truth=receptor_group_of(events),
        probabilities=answers.groups,
        resamples=resamples,
    )
    return surrogate, groups


def receptor_group_of(events: Events) -> Int64[np.ndarray, " case"]:
    """Return the receptor group of each case, -1 where its event does not decide it."""
    groups = np.eye(len(RECEPTOR_GROUPS), dtype=bool)[GROUP_OF_CELL]  # (cell, group)
    possible = (events.cells[:, :, None] & groups).any(axis=1)  # (case, group)
    return np.where(possible.sum(axis=1) == 1, possible.argmax(axis=1), -1)


def log_likelihood_of(
    truth: Int64[np.ndarray, " case"], probabilities: Float64[np.ndarray, "case class"]
) -> Float64[np.ndarray, " case"]:
    """Return the log probability that each case's true class was given (the logarithmic score; Good 1952).

    A probability too small to be stored counts as the smallest that can be: a contestant may be as sure as that of an
    odd case, and its page must still be written.
    """
    given = np.take_along_axis(probabilities, truth[:, np.newaxis], axis=1)[:, 0]
    return np.asarray(np.log(np.maximum(given, np.finfo(np.float64).tiny)))


def _score(
    scheme: str,
    classes: tuple[str, ...],
    *,
    truth: Int64[np.ndarray, " case"],
    probabilities: Float64[np.ndarray, "case class"],
    resamples: Resamples,
) -> SubtypeScore:
    rows = np.flatnonzero(truth >= 0)
    known, probable = truth[rows], probabilities[rows]
    answer = probable.argmax(axis=1)
    drawn = resamples.take(rows)
    table = confusion(known, answer, classes=len(classes))
    return SubtypeScore(
        scheme=scheme,
        classes=classes,
        discrimination=one_versus_rest(probable, known, resamples=drawn),
        log_likelihood=bootstrap(mean_of(log_likelihood_of(known, probable)), drawn),
        accuracy=proportion(int((known == answer).sum()), len(rows), level=resamples.level),
        confusion=tuple(tuple(int(count) for count in row) for row in table),
        indeterminate=len(truth) - len(rows),
    )
