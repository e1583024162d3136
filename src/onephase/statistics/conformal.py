"""Answers that hold the truth as often as promised: sets of classes and intervals, calibrated on cases set apart.

The promise is on average over cases like those that calibrated, not for one kind of case, one site or
one patient. So the coverage really obtained is measured beside it.
"""

from math import ceil, inf

import numpy as np

from onephase.arrays import Bool, Float64, Int64

ROUNDING = 1e-9


def conformal_threshold(scores: Float64[np.ndarray, " case"], *, level: float) -> float:
    """Return the score that a further case of the same kind stays within with probability ``level``.

    Args:
        scores: How badly each calibrating case fitted its truth; larger is worse.
        level: Coverage that is promised, between 0 and 1.

    Returns:
        The score at rank ``ceil((n + 1) level)`` of ``n``; infinity where there are too few cases for
        that rank, and then every answer is allowed.

    Raises:
        ValueError: If the level is not between 0 and 1.

    References:
        Romano, Patterson and Candes 2019, arXiv 1905.03222, section 2.

    Examples:
        >>> conformal_threshold(np.arange(1.0, 20.0), level=0.9)
        18.0
        >>> conformal_threshold(np.arange(1.0, 9.0), level=0.9)
        inf
    """
    if not 0 < level < 1:
        message = f"the level of a conformal answer lies between 0 and 1, got {level}"
        raise ValueError(message)
    rank = ceil((len(scores) + 1) * level - ROUNDING)
    return float(np.sort(scores)[rank - 1]) if rank <= len(scores) else inf


def fewest_calibrating(level: float) -> int:
    """Return the number of calibrating cases below which every answer is allowed.

    Examples:
        >>> fewest_calibrating(0.9)
        9
    """
    return ceil(level / (1 - level) - ROUNDING)


def thresholds_by_fold(
    scores: Float64[np.ndarray, " calibrating"],
    *,
    calibrating: Int64[np.ndarray, " calibrating"],
    tested: Int64[np.ndarray, " tested"],
    level: float,
) -> Float64[np.ndarray, " tested"]:
    """Return each tested case's threshold: that of the calibrating cases of its own fold, and so of its own model."""
    own = {fold: conformal_threshold(scores[calibrating == fold], level=level) for fold in np.unique(tested)}
    return np.array([own[fold] for fold in tested], dtype=np.float64)


def class_scores(
    probabilities: Float64[np.ndarray, "case class"], truth: Int64[np.ndarray, " case"]
) -> Float64[np.ndarray, " case"]:
    """Return one minus the probability that each case gave to its true class."""
    return np.asarray(1 - probabilities[np.arange(len(truth)), truth])


def class_sets(
    probabilities: Float64[np.ndarray, "case class"], thresholds: Float64[np.ndarray, " case"]
) -> Bool[np.ndarray, "case class"]:
    """Return the classes that stay within each case's threshold: the smallest sets on average.

    A set holds several classes where the case is unclear, and may hold none where nothing is likely.

    References:
        Sadinle, Lei and Wasserman's least ambiguous sets ("LAC") as MAPIE describes them,
        github.com/scikit-learn-contrib/MAPIE, theoretical_description_classification.
    """
    return np.asarray(1 - probabilities <= thresholds[:, None])


def interval_scores(
    intervals: Float64[np.ndarray, "case 2"], truth: Float64[np.ndarray, " case"]
) -> Float64[np.ndarray, " case"]:
    """Return how far each truth lies outside its interval; below zero, how far inside."""
    return np.asarray(np.maximum(intervals[:, 0] - truth, truth - intervals[:, 1]))


def widened(
    intervals: Float64[np.ndarray, "case 2"], thresholds: Float64[np.ndarray, " case"], *, within: tuple[float, float]
) -> Float64[np.ndarray, "case 2"]:
    """Return the intervals moved outward by each case's threshold (inward where it is below zero), within limits.

    An interval that would turn inside out shrinks to its middle.

    References:
        Romano, Patterson and Candes 2019, arXiv 1905.03222, section 4 (conformalised quantile regression).
    """
    middle = intervals.mean(axis=1)
    low = np.minimum(intervals[:, 0] - thresholds, middle)
    high = np.maximum(intervals[:, 1] + thresholds, middle)
    return np.asarray(np.clip(np.column_stack([low, high]), *within))
