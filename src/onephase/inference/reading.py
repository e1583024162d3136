"""Everything that is read off the posterior of one case, as plain numbers: they cannot disagree."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from onephase.biomarkers.panel import CELL_NAMES, RECEPTORS
from onephase.biomarkers.posterior import PanelPosterior
from onephase.biomarkers.subtypes import SUBTYPES, subtype_probabilities
from onephase.settings import SubtypePolicy

INTERVAL_LEVELS = (50, 80, 95)
CUTOFFS_PERCENT = (14, 20)
"""Ki-67 cut-offs of the subtype policies (domain reference, section 3.5)."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A central interval: it holds Ki-67 with the probability ``level``, half of the rest on either side."""

    level: int
    low_percent: float
    high_percent: float


@dataclass(frozen=True, slots=True)
class Ki67Reading:
    """The distribution of Ki-67.

    Attributes:
        median_percent: The point prediction.
        intervals: Central intervals of 50, 80 and 95 %.
        density: Probability of each percentage point: entry ``k`` covers ``k`` to ``k + 1`` per cent.
        at_least: Probability that Ki-67 reaches a cut-off, by the cut-off in per cent.
    """

    median_percent: float
    intervals: tuple[Interval, ...]
    density: tuple[float, ...]
    at_least: dict[int, float]

    def interval(self, level: int) -> Interval:
        """Return the central interval of one level."""
        return next(interval for interval in self.intervals if interval.level == level)


@dataclass(frozen=True, slots=True)
class Reading:
    """The panel of one case under one state of knowledge.

    Attributes:
        positive: Probability of being positive: ``er``, ``pr``, ``her2`` and ``hr`` (ER or PR).
        cells: Joint probability of the eight receptor cells by name.
        ki67: The distribution of Ki-67.
        subtypes: Probability of each surrogate subtype, *undecided* among them.
    """

    positive: dict[str, float]
    cells: dict[str, float]
    ki67: Ki67Reading
    subtypes: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """Return the reading as JSON values."""
        return {
            "positive": self.positive,
            "cells": self.cells,
            "ki67": {
                "median_percent": self.ki67.median_percent,
                "intervals": [
                    {"level": part.level, "low_percent": part.low_percent, "high_percent": part.high_percent}
                    for part in self.ki67.intervals
                ],
                "density": list(self.ki67.density),
                "at_least": {str(cutoff): value for cutoff, value in self.ki67.at_least.items()},
            },
            "subtypes": self.subtypes,
        }


def read_off(posterior: PanelPosterior, *, policy: SubtypePolicy) -> tuple[Reading, ...]:
    """Read a posterior, one reading a case.

    Args:
        posterior: Of one or several cases, or of one case in several states of knowledge.
        policy: The rule that parts the subtypes.
    """
    return tuple(
        Reading(
            positive={**dict(zip(RECEPTORS, receptors, strict=True)), "hr": hormone},
            cells=dict(zip(CELL_NAMES, cells, strict=True)),
            ki67=ki67,
            subtypes=dict(zip(SUBTYPES, subtypes, strict=True)),
        )
        for receptors, hormone, cells, ki67, subtypes in zip(
            posterior.marginals().tolist(),
            posterior.hr().tolist(),
            posterior.cells().tolist(),
            _ki67_readings(posterior),
            subtype_probabilities(posterior, policy).tolist(),
            strict=True,
        )
    )


def _ki67_readings(posterior: PanelPosterior) -> list[Ki67Reading]:
    levels = np.array(INTERVAL_LEVELS) / 100
    ends = np.concatenate([(1 - levels) / 2, (1 + levels) / 2, [0.5]])
    low, high, median = np.split(100 * posterior.ki67_quantile(ends), [len(levels), 2 * len(levels)], axis=1)
    cases, edges = len(posterior), np.arange(101) / 100
    at_edges = posterior.take(np.repeat(np.arange(cases), len(edges)))  # all edges at once
    below = at_edges.ki67_cdf(np.tile(edges, cases)[:, np.newaxis]).reshape(cases, -1)  # (case, edge)
    return [
        Ki67Reading(
            median_percent=float(median[case, 0]),
            intervals=tuple(map(Interval, INTERVAL_LEVELS, low[case].tolist(), high[case].tolist())),
            density=tuple(np.diff(below[case]).tolist()),
            at_least={cutoff: 1 - float(below[case, cutoff]) for cutoff in CUTOFFS_PERCENT},
        )
        for case in range(cases)
    ]
