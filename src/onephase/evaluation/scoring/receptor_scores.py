"""How well the status of a receptor is told: discrimination, calibration and worth, over the cases that decide it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from onephase.arrays import Float64, Int8
from onephase.biomarkers.panel import Events
from onephase.evaluation.scoring.answers import SCORED_RECEPTORS, Answers
from onephase.statistics.bootstrap import Resamples
from onephase.statistics.calibration import Bin, brier, expected_calibration_error, reliability
from onephase.statistics.decision_curve import DecisionPoint, decision_curve
from onephase.statistics.estimate import Estimate
from onephase.statistics.roc import auc


@dataclass(frozen=True, slots=True)
class ReceptorScore:
    """One receptor, over the cases whose event decides its status.

    Attributes:
        receptor: ``er``, ``pr``, ``her2`` or ``hr``.
        auc: With DeLong's interval.
        brier: Mean squared error of the probability.
        calibration_error: Expected calibration error over the bins.
        bins: The reliability diagram.
        decision: Net benefit over the thresholds.
        undecided: Cases left out because their event does not decide the status.
    """

    receptor: str
    auc: Estimate
    brier: Estimate
    calibration_error: Estimate
    bins: tuple[Bin, ...]
    decision: tuple[DecisionPoint, ...]
    undecided: int

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        return {
            "receptor": self.receptor,
            "auc": self.auc.to_json(),
            "brier": self.brier.to_json(),
            "calibration_error": self.calibration_error.to_json(),
            "bins": [one.to_json() for one in self.bins],
            "decision": [one.to_json() for one in self.decision],
            "undecided": self.undecided,
        }


def receptor_scores(events: Events, answers: Answers, *, resamples: Resamples) -> tuple[ReceptorScore, ...]:
    """Score every receptor; one that no case decides has absent figures with the reason."""
    return tuple(
        _score(receptor, events.status(receptor), answers.receptors[:, column], resamples=resamples)
        for column, receptor in enumerate(SCORED_RECEPTORS)
    )


def _score(
    receptor: str,
    status: Int8[np.ndarray, " case"],
    probability: Float64[np.ndarray, " case"],
    *,
    resamples: Resamples,
) -> ReceptorScore:
    rows = np.flatnonzero(status >= 0)
    decided, positive = probability[rows], status[rows] == 1
    drawn = resamples.take(rows)
    return ReceptorScore(
        receptor=receptor,
        auc=auc(decided, positive, level=resamples.level),
        brier=brier(decided, positive, resamples=drawn),
        calibration_error=expected_calibration_error(decided, positive, resamples=drawn),
        bins=reliability(decided, positive, level=resamples.level),
        decision=decision_curve(decided, positive, resamples=drawn),
        undecided=len(status) - len(rows),
    )
