"""What acting on a probability would be worth, over all ways of weighing a miss against a false alarm."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from onephase.arrays import Bool, Float64
from onephase.statistics.bootstrap import Resamples, bootstrap_each, means_of
from onephase.statistics.estimate import Estimate

THRESHOLDS = tuple(number / 20 for number in range(1, 20))


@dataclass(frozen=True, slots=True)
class DecisionPoint:
    """Net benefit at one threshold; to call none positive earns 0 at each.

    Attributes:
        threshold: The probability from which a case is called positive, which says how many false
            alarms a found positive is worth: threshold to one minus threshold.
        model: Net benefit of calling by the probability.
        treat_all: Net benefit of calling every case positive.
    """

    threshold: float
    model: Estimate
    treat_all: Estimate

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        return {"threshold": self.threshold, "model": self.model.to_json(), "treat_all": self.treat_all.to_json()}


def decision_curve(
    probability: Float64[np.ndarray, " case"],
    positive: Bool[np.ndarray, " case"],
    *,
    resamples: Resamples,
    thresholds: tuple[float, ...] = THRESHOLDS,
) -> tuple[DecisionPoint, ...]:
    """Return the net benefit: true positives, less false positives at the odds of the threshold, a case.

    Args:
        probability: Predicted probability of the positive class, 0 to 1.
        positive: What came true.
        resamples: Drawn patients; the intervals of both strategies are over the same ones.
        thresholds: Where to measure, between 0 and 1 exclusive.

    Returns:
        A point a threshold, by rising threshold; none when there is no case.

    Raises:
        ValueError: If a threshold is not between 0 and 1.

    References:
        Vickers, van Calster and Steyerberg 2019, Diagn Progn Res 3:18, doi 10.1186/s41512-019-0064-7.

    Examples:
        >>> resamples = Resamples.draw(["a", "b", "c", "d"], np.random.default_rng(1))
        >>> call, truth = np.array([0.1, 0.3, 0.6, 0.9]), np.array([False, True, False, True])
        >>> [point.model.value for point in decision_curve(call, truth, resamples=resamples, thresholds=(0.5,))]
        [0.0]
    """
    if not all(0 < threshold < 1 for threshold in thresholds):
        message = f"thresholds of a decision lie between 0 and 1, got {thresholds}"
        raise ValueError(message)
    if len(probability) == 0:
        return ()
    cut = np.array(thresholds)[:, None]
    worth = np.where(positive, 1.0, -cut / (1 - cut))  # of calling the case positive: (threshold, case)
    called = worth * (probability >= cut)
    estimates = bootstrap_each(means_of(np.concatenate([called, worth])), resamples, events=int(positive.sum()))
    return tuple(
        DecisionPoint(threshold, model, treat_all)
        for threshold, model, treat_all in zip(
            thresholds, estimates[: len(thresholds)], estimates[len(thresholds) :], strict=True
        )
    )
