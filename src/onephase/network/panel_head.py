"""Task branches on the shared description, and the potentials of the joint posterior they add up to.

Every potential is a learned constant plus what its task's branch says of the case. A task that the settings
leave out has the constant alone. Couplings and shifts are constants throughout.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from onephase.arrays import Float
from onephase.biomarkers.log_odds import logit
from onephase.biomarkers.panel import RECEPTORS
from onephase.biomarkers.posterior import PanelPosterior
from onephase.biomarkers.potentials import Potentials
from onephase.settings import TaskName

LOG_SIGMA_RANGE = (-3.0, 3.0)
"""The sd of logit Ki-67 stays within exp(-3) and exp(3): from a hundredth to all of the range."""


class PanelPotentials(NamedTuple):
    """What the head says of each case; see `biomarkers.potentials` for their meaning."""

    unary: Float[Tensor, "batch 3"]
    ki67_mu: Float[Tensor, " batch"]
    ki67_log_sigma: Float[Tensor, " batch"]


class PanelHead(nn.Module):
    """Potentials from what each task was told.

    Args:
        width: Length of what a task is told.
        tasks: Which tasks have a branch, in the order of the input.
        couplings: Whether the biomarkers depend on each other given the image.
        dropout: Share of a branch's hidden units that is hidden in training.
    """

    coupling_is_learned: bool

    def __init__(self, width: int, tasks: Sequence[TaskName], *, couplings: bool, dropout: float) -> None:
        super().__init__()
        self.tasks = tuple(tasks)
        self.branches = nn.ModuleDict({task: _branch(width, 2 if task == "ki67" else 1, dropout) for task in tasks})
        self.unary = nn.Parameter(torch.zeros(len(RECEPTORS)))
        self.ki67_mu = nn.Parameter(torch.zeros(()))
        self.ki67_log_sigma = nn.Parameter(torch.zeros(()))
        self.coupling_is_learned = couplings and len(self.tasks) > 1
        self.coupling = nn.Parameter(torch.zeros(3), requires_grad=self.coupling_is_learned)
        self.shift = nn.Parameter(torch.zeros(3), requires_grad=self.coupling_is_learned)

    def forward(self, told: Float[Tensor, "batch task width"]) -> PanelPotentials:
        """Return the potentials of each case."""
        told = told.float()
        said: dict[str, Tensor] = {
            task: self.branches[task](told[:, place]) for place, task in enumerate(self.tasks)
        }  # (batch, 1), or (batch, 2) for Ki-67
        nothing = torch.zeros_like(told[:, 0, :1])  # (batch, 1)
        unary = self.unary + torch.cat([said.get(task, nothing) for task in RECEPTORS], dim=1)  # (batch, 3)
        ki67 = said.get("ki67", torch.cat([nothing, nothing], dim=1))  # (batch, 2)
        log_sigma = (self.ki67_log_sigma + ki67[:, 1]).clamp(*LOG_SIGMA_RANGE)
        return PanelPotentials(unary, self.ki67_mu + ki67[:, 0], log_sigma)

    @torch.no_grad()
    def start_from(self, prior: Potentials) -> None:
        """Set the constants to the prior's, so that training starts at what is known without an image.

        Where couplings are off they start at the prior's margins instead.

        Args:
            prior: Potentials of one case.
        """
        if not self.coupling_is_learned:
            prior = _uncoupled(prior)
        for parameter, value in (
            (self.unary, prior.unary[0]),
            (self.ki67_mu, prior.ki67_mu[0]),
            (self.ki67_log_sigma, np.log(prior.ki67_sigma[0])),
            (self.coupling, prior.coupling),
            (self.shift, prior.shift),
        ):
            parameter.copy_(torch.tensor(value))


def _uncoupled(prior: Potentials) -> Potentials:
    """Return independent biomarkers with the same margins; Ki-67 keeps its mean and variance."""
    posterior = PanelPosterior.from_potentials(prior)
    return Potentials(logit(posterior.marginals()), *posterior.ki67_logit_moments(), np.zeros(3), np.zeros(3))


def _branch(width: int, outputs: int, dropout: float) -> nn.Sequential:
    last = nn.Linear(width, outputs)
    nn.init.normal_(last.weight, std=0.01)  # training starts at the constants, which are the prior
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(width, width), nn.ReLU(inplace=True), nn.Dropout(dropout), last)
