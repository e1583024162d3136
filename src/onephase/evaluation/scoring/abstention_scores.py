"""What a contestant gains by staying silent where its own posterior is unsure."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from onephase.biomarkers.panel import Events
from onephase.evaluation.scoring.answers import COVERAGE_LEVELS, Answers
from onephase.evaluation.scoring.ki67_scores import has_percentage, ki67_reference
from onephase.evaluation.scoring.targets import targets_of
from onephase.statistics.abstention import RiskCoverage, risk_coverage
from onephase.statistics.bootstrap import Resamples

PERCENT = 100
KI67 = "ki67"
SPREAD_LEVEL = COVERAGE_LEVELS.index(0.8)


@dataclass(frozen=True, slots=True)
class AbstentionScore:
    """One question, answered only by the surest cases.

    Attributes:
        target: ``er``, ``pr``, ``her2``, ``hr``, the subtype policy, ``receptor groups`` or ``ki67``.
        loss: ``error rate`` of the most probable class, or the ``absolute error`` of Ki-67 in points.
        curve: Loss against the share that is answered. Surest is the highest probability of the most
            probable class, or for Ki-67 the narrowest 80 % interval.
    """

    target: str
    loss: Literal["error rate", "absolute error"]
    curve: RiskCoverage

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        return {"target": self.target, "loss": self.loss, **self.curve.to_json()}


def abstention_scores(events: Events, answers: Answers, *, resamples: Resamples) -> tuple[AbstentionScore, ...]:
    """Return the risk-coverage curve of every question, over the cases whose record decides it."""
    scores = []
    for name, target in targets_of(events, answers).items():
        rows = np.flatnonzero(target.truth >= 0)
        probabilities = target.probabilities[rows]
        wrong = (probabilities.argmax(axis=1) != target.truth[rows]).astype(np.float64)
        curve = risk_coverage(probabilities.max(axis=1, initial=0.0), wrong, resamples=resamples.take(rows))
        scores.append(AbstentionScore(name, "error rate", curve))
    return (*scores, _ki67(events, answers, resamples=resamples))


def _ki67(events: Events, answers: Answers, *, resamples: Resamples) -> AbstentionScore:
    rows = np.flatnonzero(has_percentage(events))
    low, high = answers.ki67_intervals[rows, SPREAD_LEVEL].T
    error = PERCENT * np.abs(answers.ki67_median[rows] - ki67_reference(events)[rows])
    return AbstentionScore(KI67, "absolute error", risk_coverage(low - high, error, resamples=resamples.take(rows)))
