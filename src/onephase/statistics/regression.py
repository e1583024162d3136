"""A continuous answer against what was measured: error, order and agreement.

Intervals are percentiles over resampled patients (:mod:`onephase.statistics.bootstrap`).
"""

import numpy as np

from onephase.arrays import Float64
from onephase.statistics.bootstrap import Counts, Resamples, Statistic, bootstrap, mean_of, ratio
from onephase.statistics.estimate import Estimate


def mean_absolute_error(
    predicted: Float64[np.ndarray, " case"], observed: Float64[np.ndarray, " case"], *, resamples: Resamples
) -> Estimate:
    """Return the mean absolute error, in the unit of its arguments.

    Beside a predicted Ki-67 belongs the error of a constant: the median of the training cases, given
    here as ``predicted``. Without it an error says nothing, for it depends on the cohort's spread.

    Examples:
        >>> rng = np.random.default_rng(1)
        >>> resamples = Resamples.draw(["a", "b", "c"], rng)
        >>> mean_absolute_error(np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 5.0]), resamples=resamples).value
        1.0
    """
    return bootstrap(mean_of(np.abs(predicted - observed)), resamples)


def spearman(
    predicted: Float64[np.ndarray, " case"], observed: Float64[np.ndarray, " case"], *, resamples: Resamples
) -> Estimate:
    """Return Spearman's rank correlation, ties given their mean rank.

    Absent when either side is constant.
    """
    if reason := _constant_reason(predicted, observed):
        return Estimate.absent(reason, n=len(observed), level=resamples.level)
    return bootstrap(spearman_statistic(predicted, observed), resamples)


def concordance(
    predicted: Float64[np.ndarray, " case"], observed: Float64[np.ndarray, " case"], *, resamples: Resamples
) -> Estimate:
    """Return Lin's concordance correlation coefficient: correlation, less what a shift or a scale costs.

    It is 1 only when every prediction equals its observation, and 0 for a constant prediction.
    Absent when the observations and the predictions are one and the same constant.

    References:
        Lin 1989, Biometrics 45:255, doi 10.2307/2532051; moments divided by n, as there.
    """
    return bootstrap(concordance_statistic(predicted, observed), resamples)


def spearman_statistic(predicted: Float64[np.ndarray, " case"], observed: Float64[np.ndarray, " case"]) -> Statistic:
    """Return Spearman's correlation as a statistic of counts; NaN where a resample is constant."""
    rank_predicted, rank_observed = _ranks(predicted), _ranks(observed)

    def statistic(counts: Counts) -> Float64[np.ndarray, " resample"]:
        first, second = rank_predicted(counts), rank_observed(counts)
        total = counts.sum(axis=1)
        first = first - ratio((counts * first).sum(axis=1), total)[:, None]
        second = second - ratio((counts * second).sum(axis=1), total)[:, None]
        covariance = (counts * first * second).sum(axis=1)
        return ratio(covariance, np.sqrt((counts * first**2).sum(axis=1) * (counts * second**2).sum(axis=1)))

    return statistic


def concordance_statistic(predicted: Float64[np.ndarray, " case"], observed: Float64[np.ndarray, " case"]) -> Statistic:
    """Return Lin's coefficient as a statistic of counts; NaN where both sides are one constant."""
    # about a common centre, so that the differences of large sums lose no digits
    centre = observed.mean() if len(observed) else 0.0
    first, second = predicted - centre, observed - centre

    def statistic(counts: Counts) -> Float64[np.ndarray, " resample"]:
        total = counts.sum(axis=1)
        mean_first, mean_second = ratio(counts @ first, total), ratio(counts @ second, total)
        covariance = ratio(counts @ (first * second), total) - mean_first * mean_second
        variance_first = ratio(counts @ first**2, total) - mean_first**2
        variance_second = ratio(counts @ second**2, total) - mean_second**2
        return ratio(2 * covariance, variance_first + variance_second + (mean_first - mean_second) ** 2)

    return statistic


def _ranks(values: Float64[np.ndarray, " case"]) -> Statistic:
    """Return a function from counts to the mean rank of each case among the counted cases."""
    order = np.argsort(values, kind="stable")
    group_of_ordered = np.cumsum(np.r_[False, np.diff(values[order]) > 0]) if len(values) else order
    group = np.empty_like(group_of_ordered)
    group[order] = group_of_ordered
    starts = np.flatnonzero(np.r_[True, np.diff(group_of_ordered) > 0])

    def ranks(counts: Counts) -> Counts:
        in_group = np.add.reduceat(counts[:, order], starts, axis=1)  # (resample, tie group)
        rank_of_group = np.cumsum(in_group, axis=1) - (in_group - 1) / 2
        return np.asarray(rank_of_group[:, group])

    return ranks


def _constant_reason(predicted: Float64[np.ndarray, " case"], observed: Float64[np.ndarray, " case"]) -> str:
    if len(observed) == 0:
        return "there is no case"
    constant = [
        name for name, values in (("prediction", predicted), ("observation", observed)) if values.min() == values.max()
    ]
    return f"every {' and every '.join(constant)} is the same" if constant else ""
