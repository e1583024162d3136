"""Which of many features are kept: learnt from training cases alone, and applied to others as it is.

First without a look at the labels: features that hardly anybody has, that do not vary, or that say what
another one says. Then by how much each feature alone would raise the likelihood of the events (a score
test), which holds for missing and partial labels too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from onephase.arrays import Bool, Float64, Int64
from onephase.biomarkers.gradient import event_gradient
from onephase.biomarkers.panel import Events
from onephase.biomarkers.potentials import Potentials
from onephase.biomarkers.prior import fit_prior

VARIES = 1e-9
"""Of its size, what a feature must differ by between cases: less is rounding."""

ALIKE = 0.95
"""Of two features that correlate by more than this, the later one is left out."""

MOSTLY_MISSING = 0.2
"""A feature that more than this share of the training cases lack is left out; elsewhere the median stands in."""

USUAL = (1.0, 99.0)
"""Percentiles of the training cases to which values are clipped: a few features run to thousands in odd lesions."""


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """Features that are kept, and what is usual of them.

    Attributes:
        columns: Their places among all features.
        median: Of each in the training cases; it stands in where a feature is missing.
        low: The value that smaller ones are taken for.
        high: The value that larger ones are taken for.
    """

    columns: Int64[np.ndarray, " kept"]
    median: Float64[np.ndarray, " kept"]
    low: Float64[np.ndarray, " kept"]
    high: Float64[np.ndarray, " kept"]

    def __len__(self) -> int:
        """Return how many features are kept."""
        return len(self.columns)

    def of(self, features: Float64[np.ndarray, "case feature"]) -> Float64[np.ndarray, "case kept"]:
        """Return the kept features of cases, none missing and none far out."""
        kept = features[:, self.columns]
        return np.clip(np.where(np.isfinite(kept), kept, self.median), self.low, self.high)

    def names(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the names of the kept features, of the names of all."""
        return tuple(names[column] for column in self.columns)

    def take(self, places: Int64[np.ndarray, " taken"] | slice) -> "Selection":
        """Return the selection of some of the kept features."""
        return Selection(
            self.columns[places].copy(), self.median[places].copy(), self.low[places].copy(), self.high[places].copy()
        )


def select(features: Float64[np.ndarray, "case feature"], events: Events) -> Selection:
    """Return the features of training cases that are worth keeping, the most telling first.

    Args:
        features: One row a case; NaN is missing.
        events: What is known of each case.
    """
    kept = prune(features)
    return kept.take(np.argsort(-_scores(kept.of(features), events), kind="stable"))


def prune(features: Float64[np.ndarray, "case feature"]) -> Selection:
    """Return the features that vary and say what no earlier one says, in their order; no label is looked at.

    Args:
        features: One row a training case; NaN is missing.
    """
    known = np.where(np.isfinite(features), features, np.nan)
    there = np.flatnonzero(np.isnan(known).mean(axis=0) <= MOSTLY_MISSING)
    low, median, high = np.nanpercentile(known[:, there], (USUAL[0], 50, USUAL[1]), axis=0)
    usual = Selection(there, median, low, high)
    varying = usual.take(np.flatnonzero(high - low > VARIES * np.maximum(np.abs(low), np.abs(high))))
    alike = _correlated(varying.of(features))
    distinct: list[int] = []
    for place in range(len(varying)):
        if not alike[place, distinct].any():
            distinct.append(place)
    return varying.take(np.array(distinct, dtype=np.int64))


def _correlated(features: Float64[np.ndarray, "case feature"]) -> Bool[np.ndarray, "feature feature"]:
    standard = (features - features.mean(axis=0)) / features.std(axis=0)
    return np.asarray(np.abs(standard.T @ standard) > ALIKE * len(features))


def _scores(features: Float64[np.ndarray, "case feature"], events: Events) -> Float64[np.ndarray, " feature"]:
    """Return the largest score statistic of each feature over ER, PR, HER2 and Ki-67.

    At the prior, where no feature has a say, the slope of the log likelihood by a feature's weight is the sum of
    what each case's slope is worth, times the feature; over its spread it is about normal if the feature tells nothing.
    """
    prior = fit_prior(events).take(np.zeros(len(events), dtype=np.int64))
    slopes = _slopes(prior, events)  # (case, output)
    standard = (features - features.mean(axis=0)) / features.std(axis=0)
    spread = np.sqrt((standard**2).T @ slopes**2)  # (feature, output)
    scores = np.divide(np.abs(standard.T @ slopes), spread, out=np.zeros_like(spread), where=spread > 0)
    return np.asarray(scores.max(axis=1))


def _slopes(potentials: Potentials, events: Events) -> Float64[np.ndarray, "case 4"]:
    at = event_gradient(potentials, events)
    return np.column_stack([at.unary, at.ki67_mu])
