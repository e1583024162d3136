"""Paired bootstrap over patients: one set of resamples, drawn once, for every figure of a study.

A resample is a count for each case: how often its patient was drawn. A statistic is a function of
such counts. So the lesions of a patient stay together, contestants are compared on the same
resamples, and a figure over some of the cases uses the columns of those cases.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TypeAlias

import numpy as np
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from onephase.arrays import Float64, Int16, Int64
from onephase.statistics.estimate import Comparison, Estimate

Counts: TypeAlias = Float64[np.ndarray, "resample case"]
Statistic: TypeAlias = Callable[[Counts], Float64[np.ndarray, " resample"]]
"""Counts to one value for each resample; NaN where a resample does not define it."""
Statistics: TypeAlias = Callable[[Counts], Float64[np.ndarray, "resample figure"]]
"""Counts to several values for each resample, for figures that share their work, as the points of a curve do."""

RESAMPLES = 2000
BLOCK_VALUES = 1 << 21  # counts that a statistic sees at once: 16 MiB
FEW_BEYOND = 10  # resamples; fewer beyond zero tell a p value no longer
ROUNDING = 1e-9
HALF = 0.5
DEFINED_SHARE = 0.9  # of resamples; below it a percentile would speak for a selection


@dataclass(frozen=True, slots=True, eq=False)
class Resamples:
    """Patients drawn with replacement, many times.

    Attributes:
        counts: How often each case occurs in each resample.
        level: Coverage that intervals aim at.
        patient: The patient of each case, as a number.
    """

    counts: Int16[np.ndarray, "resample case"]
    level: float
    patient: Int64[np.ndarray, " case"]

    @classmethod
    def draw(
        cls, patients: Sequence[str], rng: np.random.Generator, *, resamples: int = RESAMPLES, level: float = 0.95
    ) -> "Resamples":
        """Draw resamples of the patients, as many patients each time as there are.

        Patients are drawn in the order of their names, so that the order of the cases changes nothing.

        Args:
            patients: The patient of each case.
            rng: Source of randomness.
            resamples: How many.
            level: Coverage that intervals aim at.
        """
        names, patient = np.unique(np.asarray(patients, dtype=str), return_inverse=True)
        if len(names) == 0:
            return cls(np.zeros((resamples, 0), dtype=np.int16), level, patient)
        drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=resamples)
        return cls(drawn.astype(np.int16)[:, patient], level, patient)

    def take(self, rows: np.ndarray) -> "Resamples":
        """Return the same resamples seen on some of the cases, by index or mask."""
        return type(self)(self.counts[:, rows], self.level, self.patient[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Resampled:
    """A figure of all cases, and of each resample: worked out once, estimated and compared as often as is asked.

    Attributes:
        value: Of all cases; NaN where they do not define it.
        drawn: Of each resample; NaN where it does not define it.
        resamples: Those of the cases.
    """

    value: float
    drawn: Float64[np.ndarray, " resample"]
    resamples: Resamples

    @classmethod
    def of(cls, statistic: Statistic, resamples: Resamples) -> "Resampled":
        """Return a statistic on all cases and on each resample."""
        cases = resamples.counts.shape[1]
        if cases == 0:
            return cls(np.nan, np.full(len(resamples.counts), np.nan), resamples)
        value = float(statistic(np.ones((1, cases)))[0])
        return cls(value, _values(lambda counts: statistic(counts)[:, None], resamples)[:, 0], resamples)

    def estimate(self, *, events: int | None = None) -> Estimate:
        """Return the figure with its interval, as :func:`bootstrap` says it."""
        return _estimate(self.value, self.drawn, self.resamples, events=events)


def bootstrap(statistic: Statistic, resamples: Resamples, *, events: int | None = None) -> Estimate:
    """Return a statistic of all cases with its expanded percentile interval over the resamples.

    Resamples of n patients spread too little, by the factor sqrt((n - 1) / n), and a normal tail takes no account of a
    spread that is estimated. The percentiles lie as much farther out as Student's t interval does.

    Args:
        statistic: Function of counts.
        resamples: Drawn patients.
        events: Positive cases, to be carried along.

    Returns:
        The figure; absent when the cases do not define it. The interval is absent when there are
        too few patients (for 95 %, fewer than six), when fewer than nine in ten resamples define the figure, or when
        all of them give the same.

    References:
        Efron and Tibshirani 1993, An Introduction to the Bootstrap, section 13.3 (percentile interval).
        Hesterberg 2014, arXiv 1411.5279 (expanded percentile interval), as ``CI.percentile`` of his R package resample.
    """
    return Resampled.of(statistic, resamples).estimate(events=events)


def bootstrap_each(statistics: Statistics, resamples: Resamples, *, events: int | None = None) -> tuple[Estimate, ...]:
    """Return several statistics of all cases, of which there is at least one, each as :func:`bootstrap` returns it."""
    values = statistics(np.ones((1, resamples.counts.shape[1])))[0]
    drawn = _values(statistics, resamples)
    return tuple(
        _estimate(float(value), drawn[:, figure], resamples, events=events) for figure, value in enumerate(values)
    )


def compare(first: Resampled, second: Resampled) -> Comparison:
    """Compare two contestants on the same resamples.

    Args:
        first: A figure of the first contestant.
        second: The same figure of the second, on the same cases and resamples.

    Returns:
        First minus second. How far zero lies out is told by the smaller share of resamples on either side of
        it, ties on both sides and one resample added to each. Where that side holds fewer than ten,
        their number no longer tells it, and the resamples' spread does: a share has a floor, which a family of many
        comparisons never comes below. The p value is the tail of Student's t beyond it, expanded as the interval is.
    """
    resamples = first.resamples
    apart = Resampled(first.value - second.value, first.drawn - second.drawn, resamples)
    estimate, p_value = apart.estimate(), None
    if estimate.low is not None:
        patients = len(np.unique(resamples.patient))
        p_value = _p_value(apart.value, apart.drawn[~np.isnan(apart.drawn)], patients=patients)
    return Comparison(estimate, p_value, f"paired bootstrap over patients, {len(resamples.counts)} resamples")


def mean_of(values: Float64[np.ndarray, " case"]) -> Statistic:
    """Return the statistic "mean of ``values``"; NaN for a resample without any of the cases."""

    def mean(counts: Counts) -> Float64[np.ndarray, " resample"]:
        return ratio(counts @ values, counts.sum(axis=1))

    return mean


def means_of(values: Float64[np.ndarray, "figure case"]) -> Statistics:
    """Return the means of several rows of ``values`` as statistics of counts."""

    def means(counts: Counts) -> Float64[np.ndarray, "resample figure"]:
        sums = counts @ values.T
        return ratio(sums, np.broadcast_to(counts.sum(axis=1, keepdims=True), sums.shape))

    return means


def ratio(above: Float64[np.ndarray, "*shape"], below: Float64[np.ndarray, "*shape"]) -> Float64[np.ndarray, "*shape"]:
    """Return ``above / below``; NaN, "not defined", where ``below`` is not positive."""
    quotient = np.full_like(above, np.nan)
    np.divide(above, below, out=quotient, where=below > 0)
    return quotient


def _p_value(value: float, drawn: Float64[np.ndarray, " resample"], *, patients: int) -> float:
    beyond = min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))
    spread = float(drawn.std())
    if beyond < FEW_BEYOND and spread > ROUNDING * abs(value):
        away = abs(value) / spread
    else:
        away = -float(ndtri(min(HALF, (beyond + 1) / (len(drawn) + 1))))
    return float(2 * stdtr(patients - 1, -away * sqrt((patients - 1) / patients)))


def _values(statistics: Statistics, resamples: Resamples) -> Float64[np.ndarray, "resample figure"]:
    counts = resamples.counts
    block = max(1, BLOCK_VALUES // max(1, counts.shape[1]))
    starts = range(0, len(counts), block)
    return np.concatenate([statistics(counts[start : start + block].astype(np.float64)) for start in starts])


def _estimate(
    value: float, drawn: Float64[np.ndarray, " resample"], resamples: Resamples, *, events: int | None = None
) -> Estimate:
    cases = resamples.counts.shape[1]
    if np.isnan(value):
        reason = "the cases do not define it" if cases else "there is no case"
        return Estimate.absent(reason, n=cases, events=events, level=resamples.level)
    low, high, reason = _percentiles(drawn, resamples)
    return Estimate(value, low, high, cases, events, resamples.level, reason)


def _percentiles(
    values: Float64[np.ndarray, " resample"], resamples: Resamples
) -> tuple[float | None, float | None, str]:
    defined, patients = values[~np.isnan(values)], len(np.unique(resamples.patient))
    # all patients lie on one side of the truth so often, and then all resamples do too
    if patients == 1 or HALF ** (patients - 1) > 1 - resamples.level:
        return None, None, f"{patients} patient{'s are' if patients > 1 else ' is'} too few for an interval"
    if len(defined) < DEFINED_SHARE * len(values):
        return None, None, f"only {len(defined)} of {len(values)} resamples define it"
    if np.ptp(defined) <= ROUNDING:  # as an AUC of 1: no width at all would say that it is known for certain
        return None, None, "every resample gives the same"
    reach = sqrt(patients / (patients - 1)) * stdtrit(patients - 1, (1 + resamples.level) / 2)
    tail = float(ndtr(-reach))
    low, high = np.quantile(defined, [tail, 1 - tail])
    return float(low), float(high), ""
