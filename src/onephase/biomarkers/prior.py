"""The prior: what is known of a case without its image, fitted to the events of a cohort."""

import numpy as np

from onephase.biomarkers.fitting import Parameters, maximise
from onephase.biomarkers.gradient import event_gradient
from onephase.biomarkers.log_odds import logit
from onephase.biomarkers.panel import Events
from onephase.biomarkers.potentials import Potentials

# Unary terms, mean and log sd of logit Ki-67, couplings, shifts: wide normal priors, so that a
# cohort without a label keeps them, and a cell that nobody is in keeps a probability above 0.
_CENTRE = np.array([0.0] * 3 + [logit(0.2), 0.0] + [0.0] * 6)
_SPREAD = np.array([3.0] * 3 + [2.0, 1.0] + [1.0] * 6)


def fit_prior(events: Events) -> Potentials:
    """Return the potentials of one case, without an image, that make the observed events most likely.

    Args:
        events: Of the training cases. What none of them tells keeps a wide normal prior: receptors at
            even odds, Ki-67 around 20 %, no couplings, no shifts.

    Raises:
        TrainingError: If the search does not arrive.
    """
    seen, counts = _distinct(events)

    def log_likelihood(parameters: Parameters) -> tuple[float, Parameters]:
        at = event_gradient(_potentials(parameters, cases=len(seen)), seen)
        by_case = np.column_stack([at.unary, at.ki67_mu, at.log_ki67_sigma, at.coupling, at.shift])
        return float(counts @ at.log_probability), counts @ by_case

    return _potentials(maximise(log_likelihood, centre=_CENTRE, spread=_SPREAD), cases=1)


def _potentials(parameters: Parameters, *, cases: int) -> Potentials:
    unary, (mu, log_sigma), coupling, shift = np.split(parameters, (3, 5, 8))
    return Potentials(
        np.tile(unary, (cases, 1)), np.full(cases, mu), np.full(cases, np.exp(log_sigma)), coupling, shift
    )


def _distinct(events: Events) -> tuple[Events, np.ndarray]:
    """Return the events that differ and how often each stands, for a cohort repeats itself."""
    rows = np.column_stack([events.cells, events.ki67])
    _, first, counts = np.unique(rows, axis=0, return_index=True, return_counts=True)
    return events.take(first), counts.astype(np.float64)
