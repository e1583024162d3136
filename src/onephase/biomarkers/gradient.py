"""How the log probability of an event changes with the potentials: the slope of every fit by events."""

from dataclasses import dataclass

import numpy as np

from onephase.arrays import Float64
from onephase.biomarkers.log_odds import logit
from onephase.biomarkers.panel import Events
from onephase.biomarkers.posterior import PanelPosterior
from onephase.biomarkers.potentials import PAIR_SIGNS, SIGNS, STATUS, Potentials
from onephase.biomarkers.truncated_normal import log_density, log_mass


@dataclass(frozen=True, slots=True, eq=False)
class EventGradient:
    """Log probability of each case's event and its derivatives, case by case.

    Attributes:
        log_probability: Of the event; at most 0.
        unary: Derivative by the unary terms.
        ki67_mu: Derivative by the mean of logit Ki-67.
        log_ki67_sigma: Derivative by the logarithm of its standard deviation.
        coupling: Derivative by the couplings.
        shift: Derivative by the shifts.
    """

    log_probability: Float64[np.ndarray, " case"]
    unary: Float64[np.ndarray, "case 3"]
    ki67_mu: Float64[np.ndarray, " case"]
    log_ki67_sigma: Float64[np.ndarray, " case"]
    coupling: Float64[np.ndarray, "case 3"]
    shift: Float64[np.ndarray, "case 3"]


def event_gradient(potentials: Potentials, events: Events) -> EventGradient:
    """Return the log probability of one event a case with its derivatives.

    The derivative by the score of a cell is its probability given the event less its probability
    before. An event that is certain has a gradient of exactly 0.
    """
    posterior = PanelPosterior.from_potentials(potentials)
    certain = posterior.certain(events)
    log_joint = posterior.log_joint(events)  # summed here as in `log_probability`, which would work it out again
    likeliest = log_joint.max(axis=1, keepdims=True)
    share = np.exp(log_joint - likeliest)
    total = share.sum(axis=1, keepdims=True)
    log_probability = np.where(certain, 0.0, np.minimum(likeliest + np.log(total), 0.0)[:, 0])
    known = share / total  # P(cell | event)
    surplus = np.where(certain[:, np.newaxis], 0.0, known - posterior.cells())
    by_mu, by_log_sigma = _ki67_gradient(posterior, events)
    by_mu, by_log_sigma = known * by_mu, known * by_log_sigma
    return EventGradient(
        log_probability,
        surplus @ STATUS,
        by_mu.sum(axis=1),
        by_log_sigma.sum(axis=1),
        surplus @ PAIR_SIGNS,
        by_mu @ SIGNS,
    )


def _ki67_gradient(
    posterior: PanelPosterior, events: Events
) -> tuple[Float64[np.ndarray, "case 8"], Float64[np.ndarray, "case 8"]]:
    """Return the derivatives of the log mass of the Ki-67 interval by mu and log sigma, in each cell."""
    lower, upper = ((logit(end)[:, np.newaxis] - posterior.mu) / posterior.sigma for end in events.ki67.T)
    within = log_mass(lower, upper)
    at_lower, at_upper = (np.exp(log_density(end) - within) for end in (lower, upper))  # 0 at an infinite end
    finite_lower, finite_upper = (np.where(np.isfinite(end), end, 0.0) for end in (lower, upper))
    return (at_lower - at_upper) / posterior.sigma, finite_lower * at_lower - finite_upper * at_upper
