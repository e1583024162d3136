"""How near the predicted Ki-67 index comes, and what the median of the training cases alone would earn.

A case counts when pathology gave a percentage, not a range. Its reference is the middle of what was
written: ``18`` is the interval 18 to 19 and counts as 18.5, as in the training loss.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from onephase.arrays import Bool, Float64
from onephase.biomarkers.panel import Events
from onephase.evaluation.scoring.answers import COVERAGE_LEVELS, Answers
from onephase.statistics.bootstrap import Resampled, Resamples, compare, mean_of
from onephase.statistics.estimate import Comparison, Estimate
from onephase.statistics.proportion import proportion
from onephase.statistics.regression import concordance, mean_absolute_error, spearman

PERCENT = 100
EXACT_WIDTH = 0.01 + 1e-9  # of the interval that a percentage without decimals stands for
NO_CONSTANT = "no training case at hand has a Ki-67 percentage"


@dataclass(frozen=True, slots=True)
class Ki67Score:
    """Ki-67 in percentage points, over the cases with a percentage.

    Attributes:
        mae_percent: Mean absolute error of the posterior's median.
        constant_mae_percent: The same of the training cases' median, on the same cases.
        gain_percent: Constant minus model, paired: above zero, the model is nearer.
        spearman: Rank correlation.
        concordance: Lin's concordance correlation coefficient.
        coverage: For each level, how many cases lie in the posterior's central interval of that level.
        left_out: Cases without a percentage.
    """

    mae_percent: Estimate
    constant_mae_percent: Estimate
    gain_percent: Comparison
    spearman: Estimate
    concordance: Estimate
    coverage: tuple[tuple[float, Estimate], ...]
    left_out: int

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        return {
            "mae_percent": self.mae_percent.to_json(),
            "constant_mae_percent": self.constant_mae_percent.to_json(),
            "gain_percent": self.gain_percent.to_json(),
            "spearman": self.spearman.to_json(),
            "concordance": self.concordance.to_json(),
            "coverage": [{"level": level, "share": share.to_json()} for level, share in self.coverage],
            "left_out": self.left_out,
        }


def has_percentage(events: Events) -> Bool[np.ndarray, " case"]:
    """Return which cases give Ki-67 as a percentage rather than a range or not at all."""
    return np.asarray(events.ki67[:, 1] - events.ki67[:, 0] <= EXACT_WIDTH)


def ki67_reference(events: Events) -> Float64[np.ndarray, " case"]:
    """Return the middle of each case's Ki-67 interval, a fraction; read it only where there is a percentage."""
    return np.asarray(events.ki67.mean(axis=1))


def training_median(events: Events) -> float:
    """Return the median Ki-67 fraction of the training cases with a percentage; NaN when there is none."""
    exact = has_percentage(events)
    return float(np.median(ki67_reference(events)[exact])) if exact.any() else float("nan")


def ki67_score(
    events: Events,
    answers: Answers,
    *,
    constant: Float64[np.ndarray, " case"],
    resamples: Resamples,
) -> Ki67Score:
    """Score Ki-67.

    Args:
        events: What pathology found.
        answers: What was predicted.
        constant: The training median (fraction) that belongs to each case; NaN where its training
            cases have no percentage.
        resamples: Drawn patients.
    """
    rows = np.flatnonzero(has_percentage(events))
    observed = PERCENT * ki67_reference(events)[rows]
    predicted = PERCENT * answers.ki67_median[rows]
    intervals = PERCENT * answers.ki67_intervals[rows]
    drawn = resamples.take(rows)
    constant_error, gain = _beside_constant(predicted, observed, PERCENT * constant[rows], drawn)
    return Ki67Score(
        mae_percent=mean_absolute_error(predicted, observed, resamples=drawn),
        constant_mae_percent=constant_error,
        gain_percent=gain,
        spearman=spearman(predicted, observed, resamples=drawn),
        concordance=concordance(predicted, observed, resamples=drawn),
        coverage=tuple(
            (level, _coverage(intervals[:, number], observed, confidence=resamples.level))
            for number, level in enumerate(COVERAGE_LEVELS)
        ),
        left_out=len(events) - len(rows),
    )


def _beside_constant(
    predicted: Float64[np.ndarray, " case"],
    observed: Float64[np.ndarray, " case"],
    constant: Float64[np.ndarray, " case"],
    resamples: Resamples,
) -> tuple[Estimate, Comparison]:
    if np.isnan(constant).any():
        absent = Estimate.absent(NO_CONSTANT, n=len(observed), level=resamples.level)
        return absent, Comparison(absent, None, "none")
    told, own = (Resampled.of(mean_of(np.abs(answer - observed)), resamples) for answer in (constant, predicted))
    return told.estimate(), compare(told, own)


def _coverage(
    interval: Float64[np.ndarray, "case 2"], observed: Float64[np.ndarray, " case"], *, confidence: float
) -> Estimate:
    inside = (interval[:, 0] <= observed) & (observed <= interval[:, 1])
    return proportion(int(inside.sum()), len(inside), level=confidence)
