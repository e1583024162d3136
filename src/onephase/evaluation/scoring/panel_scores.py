"""The panel as a whole: the log probability of what pathology found, beside that of the prior.

One figure for all that a case says of its panel, exact, ranged or in part: 0 is certainty, and what a
contestant gains over the prior is what it has seen in the image.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from onephase.arrays import Float64
from onephase.biomarkers.panel import Events
from onephase.evaluation.scoring.answers import Answers
from onephase.statistics.bootstrap import Resampled, Resamples, compare, mean_of
from onephase.statistics.estimate import Comparison, Estimate


@dataclass(frozen=True, slots=True)
class PanelScore:
    """Panel log-likelihood in nats a case, over the cases of which anything is known.

    Attributes:
        log_likelihood: Mean log probability of the event.
        prior_log_likelihood: The same of the prior, which knows the training cases and no image.
        gain: Contestant minus prior, paired: above zero, the image has told something.
        left_out: Cases of which nothing is known.
    """

    log_likelihood: Estimate
    prior_log_likelihood: Estimate
    gain: Comparison
    left_out: int

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        return {
            "log_likelihood": self.log_likelihood.to_json(),
            "prior_log_likelihood": self.prior_log_likelihood.to_json(),
            "gain": self.gain.to_json(),
            "left_out": self.left_out,
        }


def panel_score(
    events: Events, answers: Answers, *, prior: Float64[np.ndarray, " case"], resamples: Resamples
) -> PanelScore:
    """Score the panel.

    Args:
        events: What pathology found.
        answers: What was predicted.
        prior: Log probability that the prior gives to what was found.
        resamples: Drawn patients.
    """
    rows = np.flatnonzero(events.informative())
    drawn = resamples.take(rows)
    contestant, reference = (Resampled.of(mean_of(values[rows]), drawn) for values in (answers.log_probability, prior))
    return PanelScore(
        log_likelihood=contestant.estimate(),
        prior_log_likelihood=reference.estimate(),
        gain=compare(contestant, reference),
        left_out=len(events) - len(rows),
    )
