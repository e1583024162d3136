"""How many cases a comparison needs: power from closed forms, before anything is measured.

All tests are two-sided. A closed form is as good as what it is given: an expected AUC, a correlation,
a spread. Where a pilot study is at hand, :mod:`onephase.evaluation.pilot` resamples it instead.
"""

from collections.abc import Callable
from math import inf, isfinite, sqrt
from typing import TypeAlias

from scipy.stats import nct, norm, t

PowerAt: TypeAlias = Callable[[int], float]
"""Number of cases to the chance of finding the difference."""

MOST_CASES = 10**7
FEWEST_CASES = 4
FEWEST_OF_A_CLASS = 2
"""With fewer positive or negative cases, DeLong's test has no spread to go by and finds nothing."""


def auc_variance(auc: float, *, positive: float | int, negative: float | int) -> float:
    """Return the sampling variance of an estimated AUC, scores taken as exponentially distributed.

    Args:
        auc: The true AUC, above 0 and below 1.
        positive: Positive cases.
        negative: Negative cases.

    References:
        Hanley and McNeil 1982, Radiology 143:29, doi 10.1148/radiology.143.1.7063747.

    Examples:
        >>> round(auc_variance(0.893, positive=51, negative=58) ** 0.5, 4)
        0.0325
    """
    both_positive, both_negative = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    pairs = auc * (1 - auc) + (positive - 1) * (both_positive - auc**2) + (negative - 1) * (both_negative - auc**2)
    return pairs / (positive * negative)


def auc_power(auc: float, *, against: float, positive_share: float, alpha: float = 0.05) -> PowerAt:
    """Return the power to tell an AUC from a value, as a function of the number of cases.

    Args:
        auc: Expected AUC.
        against: The value it is tested against, such as 0.5 or what others have published.
        positive_share: Share of positive cases.
        alpha: Size of the test.
    """
    _refuse_outside(auc=auc, against=against, positive_share=positive_share, alpha=alpha)

    def power(cases: int) -> float:
        positive, negative = cases * positive_share, cases * (1 - positive_share)
        if min(positive, negative) < FEWEST_OF_A_CLASS:
            return 0.0
        null, real = (sqrt(auc_variance(one, positive=positive, negative=negative)) for one in (against, auc))
        return _normal_power(abs(auc - against), null=null, real=real, alpha=alpha)

    return power


def auc_difference_power(
    auc: float, *, rival: float, correlation: float, positive_share: float, alpha: float = 0.05
) -> PowerAt:
    """Return the power to tell two AUCs apart that are measured on the same cases.

    DeLong's test takes the spread of the difference from the cases at hand, so that of the expected
    AUCs stands on both sides here.

    Args:
        auc: Expected AUC.
        rival: Expected AUC of the rival.
        correlation: Of the two estimated AUCs; 0 where they come from different cases.
        positive_share: Share of positive cases.
        alpha: Size of the test.

    References:
        Hanley and McNeil 1983, Radiology 148:839, doi 10.1148/radiology.148.3.6878708: the spread of a
        paired difference.
    """
    _refuse_outside(auc=auc, rival=rival, positive_share=positive_share, alpha=alpha)
    if not 0 <= correlation < 1:
        message = f"the correlation of two AUCs must be at least 0 and below 1, got {correlation}"
        raise ValueError(message)

    def power(cases: int) -> float:
        positive, negative = cases * positive_share, cases * (1 - positive_share)
        if min(positive, negative) < FEWEST_OF_A_CLASS:
            return 0.0
        own, other = (auc_variance(one, positive=positive, negative=negative) for one in (auc, rival))
        spread = sqrt(own + other - 2 * correlation * sqrt(own * other))
        return _normal_power(abs(auc - rival), null=spread, real=spread, alpha=alpha)

    return power


def mean_difference_power(difference: float, *, sd: float, alpha: float = 0.05) -> PowerAt:
    """Return the power of the paired t test, exactly for normal differences.

    Args:
        difference: Expected mean of the case-by-case differences, such as of two absolute Ki-67 errors.
        sd: Their standard deviation from case to case.
        alpha: Size of the test.

    References:
        scipy.stats.nct (the noncentral t distribution).
    """
    _refuse_outside(alpha=alpha)
    if not 0 < sd < inf:
        message = f"the standard deviation of the differences must be above 0 and finite, got {sd}"
        raise ValueError(message)
    if not isfinite(difference):
        message = f"the expected difference must be a finite number, got {difference}"
        raise ValueError(message)

    def power(cases: int) -> float:
        beyond = float(t.ppf(1 - alpha / 2, cases - 1))
        shift = abs(difference) / sd * sqrt(cases)
        # the lower tail is the upper one of the mirrored distribution; nct.cdf is NaN far out
        return float(nct.sf(beyond, cases - 1, shift) + nct.sf(beyond, cases - 1, -shift))

    return power


def cases_needed(power_at: PowerAt, *, power: float) -> int | None:
    """Return the smallest number of cases that reaches the power; None where ten million do not.

    Args:
        power_at: Power by number of cases, rising.
        power: What shall be reached, between 0 and 1.
    """
    _refuse_outside(power=power)
    low, high = FEWEST_CASES, FEWEST_CASES
    while power_at(high) < power:
        low, high = high, 2 * high
        if high > MOST_CASES:
            return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if power_at(middle) >= power else (middle + 1, high)
    return high


def _normal_power(difference: float, *, null: float, real: float, alpha: float) -> float:
    beyond = float(norm.ppf(1 - alpha / 2)) * null
    return float(norm.cdf((difference - beyond) / real) + norm.cdf((-difference - beyond) / real))


def _refuse_outside(**shares: float) -> None:
    for name, share in shares.items():
        if not 0 < share < 1:
            message = f"{name} must lie between 0 and 1, got {share}"
            raise ValueError(message)
