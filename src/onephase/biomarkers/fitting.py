"""Maximum event likelihood with a normal prior on each parameter: the one way in which constants are fitted."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from onephase.arrays import Float64
from onephase.errors import TrainingError

Parameters: TypeAlias = Float64[np.ndarray, " parameter"]

STEEPEST = 1e-3
"""Largest slope at which a fit counts as arrived, in nats per standard deviation of a parameter's prior."""


def maximise(
    log_likelihood: Callable[[Parameters], tuple[float, Parameters]],
    *,
    centre: Parameters,
    spread: Parameters,
    step: Parameters | None = None,
) -> Parameters:
    """Return the parameters of largest penalised log likelihood, found from ``centre``; deterministic.

    Args:
        log_likelihood: Gives the log likelihood, summed over cases, and its gradient.
        centre: Mean of the normal prior of each parameter; the answer where the data say nothing.
        spread: Standard deviation of that prior; a parameter of no spread stays at its centre.
        step: About how far each parameter will be known, in which units the search moves, at most ``spread``; the
            answer does not depend on it, the time to find it does.

    Raises:
        TrainingError: If the search does not arrive.
    """
    from scipy.optimize import minimize  # half a second that predicting need not wait for
    from threadpoolctl import threadpool_limits

    unit = spread if step is None else np.minimum(step, spread)
    share = np.divide(unit, spread, out=np.zeros_like(unit), where=spread > 0)

    def loss(moved: Parameters) -> tuple[float, Parameters]:
        value, gradient = log_likelihood(centre + unit * moved)
        scaled = share * moved
        return 0.5 * float(scaled @ scaled) - value, share * scaled - unit * gradient

    with threadpool_limits(1, user_api="blas"):  # the steps are so small that a second thread only waits for the first
        found = minimize(
            loss,
            np.zeros_like(centre),
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": 4000, "ftol": 1e-15, "gtol": 1e-7},
        )
    slope = float(np.abs(np.divide(found.jac, share, out=np.zeros_like(share), where=share > 0)).max())
    if not slope < STEEPEST:
        message = f"a fit by maximum likelihood did not arrive: a slope of {slope:.3g} remains ({found.message})"
        raise TrainingError(message)
    return centre + unit * found.x
