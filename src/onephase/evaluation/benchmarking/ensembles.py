"""Several posteriors of the same cases made into one: seeds averaged, single tasks joined."""

from collections.abc import Mapping, Sequence

import numpy as np

from onephase.arrays import Float64
from onephase.biomarkers.log_odds import logit
from onephase.biomarkers.panel import RECEPTORS
from onephase.biomarkers.posterior import PanelPosterior
from onephase.biomarkers.potentials import STATUS

SURE = 1e-6
"""Nearest to 0 and 1 that a margin is taken for."""
ROUNDS, CLOSE = 500, 1e-10
MOST_SHIFT = 0.5
"""Largest share of the variance of logit Ki-67 that the receptor cells may account for."""


def average(members: Sequence[PanelPosterior]) -> PanelPosterior:
    """Return the mean parameters of an ensemble over the same cases.

    In a log-linear family the mean of the log probabilities, normalised, is the distribution with the mean
    parameters: the same as :meth:`onephase.biomarkers.potentials.Potentials.average`.

    Args:
        members: At least one; nothing may have been given of their cases.
    """
    log_cells = np.mean([member.log_cells for member in members], axis=0)
    return PanelPosterior(
        log_cells - np.logaddexp.reduce(log_cells, axis=1, keepdims=True),
        np.mean([member.mu for member in members], axis=0),
        np.exp(np.mean([np.log(member.sigma) for member in members], axis=0)),
        members[0].window.copy(),
        members[0].pr_high.copy(),
    )


def join_tasks(by_task: Mapping[str, PanelPosterior], prior: PanelPosterior) -> PanelPosterior:
    """Return the panel of four single-task networks, each of which is listened to in its own task alone.

    Args:
        by_task: What the network of ``er``, ``pr``, ``her2`` and ``ki67`` says; for a task that the training cases
            could not teach, the prior speaks.
        prior: Of the same training cases, which gives the ties between the biomarkers.
    """
    heard = [by_task.get(name, prior).marginals()[:, place] for place, name in enumerate(RECEPTORS)]
    margins = np.stack(heard, axis=1)
    return coupled(margins, *by_task.get("ki67", prior).ki67_logit_moments(), prior=prior)


def coupled(
    margins: Float64[np.ndarray, "case 3"],
    ki67_mu: Float64[np.ndarray, " case"],
    ki67_sigma: Float64[np.ndarray, " case"],
    *,
    prior: PanelPosterior,
) -> PanelPosterior:
    """Return the panel with given margins and the ties of the prior, so that nobody loses by answers of one task.

    The receptor cells are those nearest to the prior's in relative entropy among all with these margins, found by
    iterative proportional fitting. Logit Ki-67 keeps its mean and variance; of the latter, the cells account for what
    they do in the prior, half of it at the most.

    Args:
        margins: Probability that ER, PR and HER2 are positive.
        ki67_mu: Mean of logit Ki-67.
        ki67_sigma: Its standard deviation.
        prior: One row a case.
    """
    wanted = logit(np.clip(margins, SURE, 1 - SURE))
    scores = prior.log_cells.copy()
    for _ in range(ROUNDS):
        before = scores
        for receptor in range(len(RECEPTORS)):
            cells = np.exp(scores - np.logaddexp.reduce(scores, axis=1, keepdims=True))
            positive = np.clip(cells @ STATUS[:, receptor], SURE**2, 1 - SURE**2)
            scores = scores + np.outer(wanted[:, receptor] - logit(positive), STATUS[:, receptor])
        if np.abs(scores - before).max() < CLOSE:
            break
    log_cells = scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)
    cells = np.exp(log_cells)
    shift = prior.mu - (cells * prior.mu).sum(axis=1, keepdims=True)
    explained = (cells * shift**2).sum(axis=1)
    share = np.sqrt(np.minimum(1.0, MOST_SHIFT * ki67_sigma**2 / np.maximum(explained, SURE**2)))
    rest = np.sqrt(ki67_sigma**2 - share**2 * explained)
    return PanelPosterior(
        log_cells,
        ki67_mu[:, np.newaxis] + share[:, np.newaxis] * shift,
        np.repeat(rest[:, np.newaxis], len(STATUS), axis=1),
        prior.window.copy(),
        prior.pr_high.copy(),
    )
