"""Area under the ROC curve: how often a positive case scores above a negative one, ties counting half."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit
from scipy.stats import norm, rankdata, t

from onephase.arrays import Bool, Float64
from onephase.statistics.bootstrap import Counts, Statistic, ratio
from onephase.statistics.estimate import Comparison, Estimate

EDGE = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Placements:
    """Where each case stands among the cases of the other class.

    Attributes:
        positive: For each positive case, the share of negative cases below it (ties half).
        negative: For each negative case, the share of positive cases above it.
    """

    positive: Float64[np.ndarray, " positive"]
    negative: Float64[np.ndarray, " negative"]

    @property
    def auc(self) -> float:
        """The mean placement, which is the AUC."""
        return float(self.positive.mean())


def placements(scores: Float64[np.ndarray, " case"], positive: Bool[np.ndarray, " case"]) -> Placements:
    """Return the placements of all cases; both classes must be there.

    References:
        Sun and Xu 2014, IEEE Signal Process Lett 21:1389, doi 10.1109/LSP.2014.2337313: placements
        from three rankings instead of all pairs.
    """
    above, below = scores[positive], scores[~positive]
    among_all = rankdata(np.concatenate([above, below]))
    return Placements(
        (among_all[: len(above)] - rankdata(above)) / len(below),
        1 - (among_all[len(above) :] - rankdata(below)) / len(above),
    )


def auc(scores: Float64[np.ndarray, " case"], positive: Bool[np.ndarray, " case"], *, level: float = 0.95) -> Estimate:
    """Return the AUC with an interval for independent cases.

    The interval is DeLong's on the logit scale, which keeps it within 0 and 1 and holds its level
    better than the plain one at AUCs near 1. It reaches as far as Student's t does, for DeLong's variance is
    estimated, with few cases of a class badly. Where it says nothing (classes wholly
    apart, or a single case in one class) it is Newcombe's method 5 in its place.

    Args:
        scores: Larger means more likely positive; only their order counts.
        positive: Class of each case.
        level: Coverage that the interval aims at.

    Returns:
        The AUC; absent when one class is missing. ``events`` counts the positive cases.

    References:
        DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44:837, doi 10.2307/2531595.
        Brunner and Munzel 2000, Biom J 42:17: Student's t, its degrees of freedom by Satterthwaite.
        Newcombe 2006, Stat Med 25:559, doi 10.1002/sim.2324, method 5.

    Examples:
        >>> auc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])).value
        0.75
    """
    n, events = len(positive), int(positive.sum())
    if reason := one_class_reason(n, events):
        return Estimate.absent(reason, n=n, events=events, level=level)
    placed = placements(scores, positive)
    variance, freedom = _delong(placed.positive, placed.negative)
    value = placed.auc
    if variance > EDGE and 0 < value < 1:
        reach = float(t.ppf((1 + level) / 2, freedom)) * variance**0.5 / (value * (1 - value))
        low, high = (float(expit(logit(value) + side * reach)) for side in (-1, 1))
    else:
        z = float(norm.ppf((1 + level) / 2))
        low, high = _newcombe(value, positive=events, negative=n - events, z=z)
    return Estimate(value, low, high, n, events, level)


def compare_aucs(
    first: Float64[np.ndarray, " case"],
    second: Float64[np.ndarray, " case"],
    positive: Bool[np.ndarray, " case"],
    *,
    level: float = 0.95,
) -> Comparison:
    """Compare the AUCs of two contestants on the same cases by DeLong's paired test.

    Args:
        first: Scores of the first contestant.
        second: Scores of the second, case by case.
        positive: Class of each case.
        level: Coverage that the interval aims at.

    Returns:
        First minus second with a plain interval; interval and p value by Student's t, as for :func:`auc`.
        Absent when one class is missing; without an interval when the variance of the difference is zero
        (the same order of all cases) or a class has a single case.

    References:
        DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44:837, doi 10.2307/2531595.
        Brunner and Munzel 2000, Biom J 42:17: which this is where the second scores all cases alike.
    """
    method = "DeLong's paired test"
    n, events = len(positive), int(positive.sum())
    if reason := one_class_reason(n, events):
        return Comparison(Estimate.absent(reason, n=n, events=events, level=level), None, method)
    one, other = placements(first, positive), placements(second, positive)
    value = one.auc - other.auc
    variance, freedom = _delong(one.positive - other.positive, one.negative - other.negative)
    if variance <= EDGE:
        lone = min(events, n - events) == 1
        reason = "a class has a single case" if lone else "the variance of the difference is zero"
        return Comparison(Estimate(value, None, None, n, events, level, reason), None, method)
    error = variance**0.5
    reach = float(t.ppf((1 + level) / 2, freedom)) * error
    p_value = float(2 * t.sf(abs(value) / error, freedom))
    return Comparison(Estimate(value, value - reach, value + reach, n, events, level), p_value, method)


def auc_statistic(scores: Float64[np.ndarray, " case"], positive: Bool[np.ndarray, " case"]) -> Statistic:
    """Return the AUC as a statistic of counts, for the bootstrap; NaN where a resample lacks a class."""
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(scores[order]) > 0])  # of each group of ties
    sign = positive[order]

    def statistic(counts: Counts) -> Float64[np.ndarray, " resample"]:
        ordered = counts[:, order]
        positives, negatives = ordered * sign, ordered * ~sign
        if len(starts) < len(order):  # ties; (resample, tie group)
            positives, negatives = (np.add.reduceat(part, starts, axis=1) for part in (positives, negatives))
        below = np.cumsum(negatives, axis=1) - negatives / 2
        pairs = positives.sum(axis=1) * negatives.sum(axis=1)
        wins = (positives * below).sum(axis=1)
        return ratio(wins, pairs)

    return statistic


def one_class_reason(n: int, events: int) -> str:
    """Return why ``events`` positive cases of ``n`` define no AUC; empty when they do."""
    if n == 0:
        return "there is no case"
    if events == 0:
        return "no case is positive"
    return "every case is positive" if events == n else ""


def _delong(
    positive: Float64[np.ndarray, " positive"], negative: Float64[np.ndarray, " negative"]
) -> tuple[float, float]:
    """Return DeLong's variance and its degrees of freedom; nothing of either where a class has one case, or no spread.

    It is that of a difference of two means, so its freedom is what Welch's test takes for two samples.
    """
    parts = np.array([one.var(ddof=1) / len(one) if len(one) > 1 else 0.0 for one in (positive, negative)])
    freedoms = np.array([len(positive) - 1, len(negative) - 1])
    variance = float(parts.sum())
    if freedoms.min() == 0 or variance <= EDGE:
        return 0.0, 0.0
    return variance, variance**2 / float((parts**2 / freedoms).sum())


def _newcombe(value: float, *, positive: int, negative: int, z: float) -> tuple[float, float]:
    """Return the AUCs that lie ``z`` of their own standard errors from ``value``, below and above."""
    pairs_beyond = (positive + negative) / 2 - 1

    def distance(auc: float) -> float:
        spread = 1 + pairs_beyond * (1 - auc) / (2 - auc) + pairs_beyond * auc / (1 + auc)
        return (auc - value) ** 2 - z**2 * auc * (1 - auc) * spread / (positive * negative)

    low = 0.0 if value <= 0 else _root(distance, 0.0, value)
    high = 1.0 if value >= 1 else _root(distance, value, 1.0)
    return low, high


def _root(function: Callable[[float], float], start: float, stop: float) -> float:
    # the quadratic and the variance meet at the value itself when it is 0 or 1: stay off that end
    inner_start, inner_stop = (start + EDGE if start == 0 else start), (stop - EDGE if stop == 1 else stop)
    return float(brentq(function, inner_start, inner_stop))
