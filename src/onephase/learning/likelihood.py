"""The loss: minus the log probability of what was observed, in torch and float64.

The numbers are those of `biomarkers.posterior`, which has no gradients; tests hold the two together. What
was not observed has log probability exactly 0 and gradient exactly 0. Gradients stay finite for every
parameter, because no branch that is not taken ever computes an infinity ("safe where").
"""

import math
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from onephase.arrays import Bool, Float, Float64
from onephase.biomarkers.potentials import PAIR_SIGNS, SIGNS, STATUS


def panel_log_probability(  # noqa: PLR0913 - five potentials make a posterior, two parts make an event
    *,
    unary: Float[Tensor, "batch 3"],
    ki67_mu: Float[Tensor, " batch"],
    ki67_sigma: Float[Tensor, " batch"],
    coupling: Float[Tensor, "3"],
    shift: Float[Tensor, "3"],
    cells: Bool[Tensor, "batch 8"],
    ki67: Float64[Tensor, "batch 2"],
) -> Float64[Tensor, " batch"]:
    """Return the log probability of each case's event, at most 0.

    Args:
        unary: Log-odds of ER, PR and HER2.
        ki67_mu: Mean of logit Ki-67.
        ki67_sigma: Its standard deviation, greater than 0.
        coupling: Of ER-PR, ER-HER2 and PR-HER2.
        shift: Of logit Ki-67 by ER, PR and HER2.
        cells: Receptor cells that the event allows.
        ki67: Interval of the Ki-67 fraction that the event allows.
    """
    log_cells = cell_log_probabilities(unary=unary.double(), coupling=coupling.double())  # (batch, cell)
    mu = ki67_mu.double()[:, None] + _constants(unary.device).signs @ shift.double()  # (batch, cell)
    log_interval = interval_log_probability(mu, ki67_sigma.double()[:, None].expand_as(mu), interval=ki67)
    joint = (log_cells + log_interval).masked_fill(~cells, -math.inf)  # (batch, cell)
    return torch.where(is_told(cells, ki67), torch.logsumexp(joint, dim=1).clamp(max=0), 0.0)


def is_told(cells: Bool[Tensor, "batch 8"], ki67: Float64[Tensor, "batch 2"]) -> Bool[Tensor, " batch"]:
    """Tell of which cases anything was observed."""
    return ~cells.all(dim=1) | (ki67[:, 0] > 0) | (ki67[:, 1] < 1)


def cell_log_probabilities(
    *, unary: Float64[Tensor, "batch 3"], coupling: Float64[Tensor, "3"]
) -> Float64[Tensor, "batch 8"]:
    """Return the log probability of each receptor cell under the log-linear model."""
    constants = _constants(unary.device)
    scores = unary @ constants.status.T + constants.pair_signs @ coupling  # (batch, cell)
    return scores - scores.logsumexp(dim=1, keepdim=True)


def interval_log_probability(
    mu: Float64[Tensor, "batch cell"],
    sigma: Float64[Tensor, "batch cell"],
    *,
    interval: Float64[Tensor, "batch 2"],
) -> Float64[Tensor, "batch cell"]:
    """Return log P(start <= Ki-67 < stop) where logit Ki-67 is normal.

    Args:
        mu: Mean of logit Ki-67 in each cell.
        sigma: Its standard deviation.
        interval: Start and stop of the fraction; 0 and 1 stand for no bound.
    """
    from_start, to_stop = interval[:, :1] > 0, interval[:, 1:] < 1  # (batch, 1)
    start = torch.logit(torch.where(from_start, interval[:, :1], 0.5))
    stop = torch.logit(torch.where(to_stop, interval[:, 1:], 0.5))
    low, high = (start - mu) / sigma, (stop - mu) / sigma  # (batch, cell)
    both = from_start & to_stop
    between = _log_normal_between(torch.where(both, low, -1.0), torch.where(both, high, 1.0))
    one_sided = torch.where(from_start, torch.special.log_ndtr(-low), torch.special.log_ndtr(high))
    return torch.where(both, between, torch.where(from_start | to_stop, one_sided, 0.0))


class _Constants(NamedTuple):
    """What the cells are in numbers: (cell, receptor), (cell, receptor), (cell, pair)."""

    signs: Tensor
    status: Tensor
    pair_signs: Tensor


@cache
def _constants(device: torch.device) -> _Constants:
    """Return the constants, which stay on the device: a captured step copies nothing from the host."""
    return _Constants(*(torch.tensor(values, device=device) for values in (SIGNS, STATUS, PAIR_SIGNS)))


def _log_normal_between(low: Tensor, high: Tensor) -> Tensor:
    """Return log(Phi(high) - Phi(low)), low < high, without cancellation in either tail."""
    upper_tail = low > 0  # reflect: Phi(high) - Phi(low) = Phi(-low) - Phi(-high)
    low, high = torch.where(upper_tail, -high, low), torch.where(upper_tail, -low, high)
    log_high: Tensor = torch.special.log_ndtr(high)
    gap = (log_high - torch.special.log_ndtr(low)).clamp_min(torch.finfo(torch.float64).tiny)
    return log_high + _log_one_minus_exp(gap)


def _log_one_minus_exp(gap: Tensor) -> Tensor:
    """Return log(1 - exp(-gap)) for gap > 0 (Maechler 2012, Accurately computing log(1 - exp(-|a|)))."""
    near = gap < math.log(2)
    return torch.where(
        near,
        torch.log(-torch.expm1(-torch.where(near, gap, 1.0))),
        torch.log1p(-torch.exp(-torch.where(near, 1.0, gap))),
    )
