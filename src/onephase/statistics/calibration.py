"""Whether a probability of 70 % comes true in seven cases of ten."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from onephase.arrays import Bool, Float64, Int64
from onephase.statistics.bootstrap import Counts, Resamples, bootstrap, mean_of, ratio
from onephase.statistics.estimate import Estimate
from onephase.statistics.proportion import proportion

BINS = 10
SMALLEST_BIN = 10  # cases; with fewer, a bin shows its own noise


@dataclass(frozen=True, slots=True)
class Bin:
    """Cases with alike predictions.

    Attributes:
        predicted: Their mean predicted probability.
        observed: The share that came true, with Wilson's interval.
    """

    predicted: float
    observed: Estimate

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        return {"predicted": self.predicted, "observed": self.observed.to_json()}


def reliability(
    probability: Float64[np.ndarray, " case"],
    positive: Bool[np.ndarray, " case"],
    *,
    level: float = 0.95,
) -> tuple[Bin, ...]:
    """Return the reliability diagram: predicted against observed, in ten bins of about equal size.

    There are fewer where a bin would hold less than ten cases; equal predictions share a bin.

    Args:
        probability: Predicted probability of the positive class, 0 to 1.
        positive: What came true.
        level: Coverage of the intervals.

    Returns:
        The bins by rising prediction; none when there is no case.
    """
    membership = _membership(probability)
    rows = [membership == number for number in np.unique(membership)]
    return tuple(
        Bin(float(probability[row].mean()), proportion(int(positive[row].sum()), int(row.sum()), level=level))
        for row in rows
    )


def expected_calibration_error(
    probability: Float64[np.ndarray, " case"],
    positive: Bool[np.ndarray, " case"],
    *,
    resamples: Resamples,
) -> Estimate:
    """Return the mean distance between predicted and observed over the bins of :func:`reliability`.

    It is never below 0, so noise alone lifts it, the more the fewer the cases; the bootstrap lifts
    it once more. Read it beside the diagram.

    References:
        Naeini, Cooper and Hauskrecht 2015, AAAI 29:2901, with bins of equal size in place of equal width.
    """
    membership = _membership(probability)
    indicator = np.equal.outer(np.unique(membership), membership).astype(np.float64)  # (bin, case)
    excess = indicator * (probability - positive)

    def statistic(counts: Counts) -> Float64[np.ndarray, " resample"]:
        return ratio(np.abs(counts @ excess.T).sum(axis=1), counts.sum(axis=1))

    return bootstrap(statistic, resamples, events=int(positive.sum()))


def brier(
    probability: Float64[np.ndarray, " case"], positive: Bool[np.ndarray, " case"], *, resamples: Resamples
) -> Estimate:
    """Return the mean squared distance between probability and outcome; 0.25 is what a constant 0.5 earns.

    References:
        Brier 1950, Mon Weather Rev 78:1, for one of two classes.
    """
    return bootstrap(mean_of((probability - positive) ** 2), resamples, events=int(positive.sum()))


def _membership(probability: Float64[np.ndarray, " case"]) -> Int64[np.ndarray, " case"]:
    if len(probability) == 0:
        return np.zeros(0, dtype=np.int64)
    wanted = min(BINS, max(1, len(probability) // SMALLEST_BIN))
    inner_edges = np.unique(np.quantile(probability, np.arange(1, wanted) / wanted))
    return np.searchsorted(inner_edges, probability, side="right").astype(np.int64)
