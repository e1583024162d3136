"""What is read off a posterior for scoring: once for all cases, then only rows are taken."""

from dataclasses import dataclass

import numpy as np

from onephase.arrays import Float64
from onephase.biomarkers.panel import CELLS, RECEPTORS, Events
from onephase.biomarkers.posterior import PanelPosterior
from onephase.biomarkers.subtypes import subtype_probabilities
from onephase.settings import SubtypePolicy

SCORED_RECEPTORS = (*RECEPTORS, "hr")
"""What a receptor row is given for; HR (ER or PR) is what some cohorts record in place of ER and PR."""

COVERAGE_LEVELS = (0.5, 0.8, 0.95)

RECEPTOR_GROUPS = ("HR+ HER2-", "HR+ HER2+", "HR- HER2+", "HR- HER2-")
_HR = CELLS[:, 0] | CELLS[:, 1]
GROUP_OF_CELL = np.where(_HR, np.where(CELLS[:, 2], 1, 0), np.where(CELLS[:, 2], 2, 3))
"""Index into ``RECEPTOR_GROUPS`` of each receptor cell."""

BITS = 40
"""Of a probability, to which it counts; what comes after them hangs on where in a matrix a case stood."""


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """The answers of one contestant.

    Attributes:
        receptors: Probability that each of ``SCORED_RECEPTORS`` is positive.
        ki67_median: Median Ki-67 fraction, the point prediction.
        ki67_intervals: Ends of the central interval of each of ``COVERAGE_LEVELS``.
        subtypes: Probability of each of ``biomarkers.subtypes.SUBTYPES`` under ``policy``.
        groups: Probability of each of ``RECEPTOR_GROUPS``.
        log_probability: Log probability of what pathology found.
        policy: Subtype policy.
    """

    receptors: Float64[np.ndarray, "case 4"]
    ki67_median: Float64[np.ndarray, " case"]
    ki67_intervals: Float64[np.ndarray, "case level 2"]
    subtypes: Float64[np.ndarray, "case 6"]
    groups: Float64[np.ndarray, "case 4"]
    log_probability: Float64[np.ndarray, " case"]
    policy: SubtypePolicy

    def __len__(self) -> int:
        """Return the number of cases."""
        return len(self.log_probability)

    def take(self, rows: np.ndarray) -> "Answers":
        """Return the answers to some cases, by index or mask."""
        return Answers(
            self.receptors[rows],
            self.ki67_median[rows],
            self.ki67_intervals[rows],
            self.subtypes[rows],
            self.groups[rows],
            self.log_probability[rows],
            self.policy,
        )


def answers_of(posterior: PanelPosterior, events: Events, *, policy: SubtypePolicy) -> Answers:
    """Read the answers off a posterior.

    Args:
        posterior: What a contestant says of each case.
        events: What pathology found.
        policy: Subtype policy.
    """
    tails = [((1 - level) / 2, (1 + level) / 2) for level in COVERAGE_LEVELS]
    ends = [[posterior.ki67_quantile(end) for end in pair] for pair in tails]  # (level, end, case)
    return Answers(
        receptors=_rounded(np.column_stack([posterior.marginals(), posterior.hr()])),
        ki67_median=posterior.ki67_median(),
        ki67_intervals=np.moveaxis(np.array(ends), -1, 0),
        subtypes=_rounded(subtype_probabilities(posterior, policy)),
        groups=_rounded(posterior.cells() @ np.eye(len(RECEPTOR_GROUPS))[GROUP_OF_CELL]),
        log_probability=posterior.log_probability(events),
        policy=policy,
    )


def _rounded(probabilities: Float64[np.ndarray, "case answer"]) -> Float64[np.ndarray, "case answer"]:
    """Return probabilities to a relative 1e-12, so that who says the same of two cases is seen to rank neither."""
    mantissa, exponent = np.frexp(probabilities)
    return np.asarray(np.ldexp(np.round(np.ldexp(mantissa, BITS)), exponent - BITS))
