"""Several posteriors of one case made one: what is known when any of them may hold."""

import numpy as np

from onephase.biomarkers.posterior import PanelPosterior


def mixture(posteriors: PanelPosterior) -> PanelPosterior:
    """Return the even mixture of posteriors, as one of a single case.

    The probability of a receptor cell is the average over the posteriors, exactly. Within a cell, logit Ki-67 is a
    mixture of normals, each weighing as much as its posterior gives to the cell; the normal with its mean and variance
    takes its place, so that the mixture is a posterior like any other and can be conditioned. That is close where the
    means lie within a standard deviation of each other. One posterior stays as it is.

    Args:
        posteriors: One row each, all with the same window of Ki-67 and the same word on PR.

    Raises:
        ValueError: If something else was given of one row than of another.
    """
    if (posteriors.window != posteriors.window[0]).any() or (posteriors.pr_high != posteriors.pr_high[0]).any():
        message = "posteriors are mixed before anything is given of one and not of another"
        raise ValueError(message)
    if len(posteriors) == 1:
        return posteriors
    total = np.logaddexp.reduce(posteriors.log_cells, axis=0)
    share = np.exp(posteriors.log_cells - total)  # (posterior, cell): whose the cell is
    mu = (share * posteriors.mu).sum(axis=0)
    variance = (share * (posteriors.sigma**2 + (posteriors.mu - mu) ** 2)).sum(axis=0)
    return PanelPosterior(
        (total - np.log(len(posteriors)))[np.newaxis],
        mu[np.newaxis],
        np.sqrt(variance)[np.newaxis],
        posteriors.window[:1].copy(),
        posteriors.pr_high[:1].copy(),
    )
