"""What is gained by answering only where one is sure: the loss that remains, against the share that is answered."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from onephase.arrays import Float64
from onephase.statistics.bootstrap import Counts, Resamples, Statistics, bootstrap_each, ratio
from onephase.statistics.estimate import Estimate

SHARES = tuple(number / 10 for number in range(1, 11))
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """Mean loss over the surest cases.

    Attributes:
        points: The share of cases that is answered at least, and the mean loss over those answered;
            the last answers all.
        area: Mean of that loss over all shares. A confidence that knows nothing earns the loss over
            all cases; the lower, the better the sure ones are told from the unsure.
    """

    points: tuple[tuple[float, Estimate], ...]
    area: Estimate

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        points = [{"share": share, "risk": risk.to_json()} for share, risk in self.points]
        return {"points": points, "area": self.area.to_json()}


def risk_coverage(
    confidence: Float64[np.ndarray, " case"], loss: Float64[np.ndarray, " case"], *, resamples: Resamples
) -> RiskCoverage:
    """Return how the mean loss changes as the unsure cases are left unanswered.

    A threshold cannot part cases of equal confidence: they are answered together.

    Args:
        confidence: Larger is surer; only the order counts.
        loss: What each answer costs: 1 for a wrong class and 0 for the right one, or an absolute error.
        resamples: Drawn patients.

    Returns:
        The curve; without points and with an absent area when there is no case.

    References:
        Geifman and El-Yaniv 2017, arXiv 1705.08500: selective risk and coverage.

    Examples:
        >>> resamples = Resamples.draw(["a", "b", "c", "d"], np.random.default_rng(1))
        >>> sure_first = risk_coverage(np.array([4.0, 3, 2, 1]), np.array([0.0, 0, 0, 1]), resamples=resamples)
        >>> sure_first.area.value, sure_first.points[-1][1].value
        (0.0625, 0.25)
    """
    if len(loss) == 0:
        return RiskCoverage((), Estimate.absent("there is no case", n=0, level=resamples.level))
    *risks, area = bootstrap_each(_curve(confidence, loss), resamples)
    return RiskCoverage(tuple(zip(SHARES, risks, strict=True)), area)


def _curve(confidence: Float64[np.ndarray, " case"], loss: Float64[np.ndarray, " case"]) -> Statistics:
    """Return the risk at each of the shares, then the area, as statistics of counts."""
    order = np.argsort(-confidence, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(confidence[order]) < 0])  # of each group of ties
    shares = np.array(SHARES)

    def curve(counts: Counts) -> Float64[np.ndarray, "resample figure"]:
        members = counts[:, order]
        losses = members * loss[order]
        if len(starts) < len(order):  # ties; (resample, tie group)
            members, losses = (np.add.reduceat(part, starts, axis=1) for part in (members, losses))
        answered, lost = np.cumsum(members, axis=1), np.cumsum(losses, axis=1)
        risk = ratio(lost, answered)  # not defined before the first drawn case
        total = answered[:, -1:]
        area = ratio((members * np.nan_to_num(risk)).sum(axis=1, keepdims=True), total)
        wanted = shares * total - ROUNDING  # (resample, share)
        reached = np.stack([(answered < column[:, None]).sum(axis=1) for column in wanted.T], axis=1)
        points = np.take_along_axis(risk, np.minimum(reached, len(starts) - 1), axis=1)
        return np.concatenate([points, area], axis=1)

    return curve
