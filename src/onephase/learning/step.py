"""One step of training: from a batch to moved weights; on a GPU captured once and then replayed.

A step of this network is some 1,500 small kernels. Launched one by one they keep an H100 waiting for five sixths of the
time (docs/log.md); replayed as a CUDA graph they are one launch.
"""

import copy
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from lightning.fabric import Fabric
from torch import Tensor

from onephase.errors import TrainingError
from onephase.learning.dataset import PatchBatch
from onephase.learning.likelihood import is_told, panel_log_probability
from onephase.learning.run_state import RunState
from onephase.network.network import NetworkOutput, PanelNetwork
from onephase.settings import LearningSettings

LARGEST_GRADIENT = 5.0
"""Norm to which a gradient is clipped (our choice)."""

WARM_UPS = 3
"""Steps before the capture, in which libraries choose their kernels and gradients find their memory."""


class TrainingStep:
    """Everything of a step but the drawing of its batch.

    Args:
        fabric: Where and in what precision training runs.
        network: As fabric has set it up.
        state: Of the run; each step moves it.
        coupling_sd: Of the prior on couplings and shifts.
        cases: Training cases of which anything is told, over which that prior is spread.
    """

    def __init__(self, fabric: Fabric, network: Any, state: RunState, *, coupling_sd: float, cases: int) -> None:
        self.fabric, self.network, self.state = fabric, network, state
        self.coupling_sd, self.cases = coupling_sd, cases
        self._decay: float | Tensor = 0.0 if fabric.device.type == "cpu" else torch.zeros((), device=fabric.device)

    def __call__(self, batch: PatchBatch, terms: Tensor, *, learning_rate: float, decay: float) -> Tensor:
        """Step once.

        Args:
            batch: On the device of the run.
            terms: What each case starts from, as (case, 4).
            learning_rate: Of this step.
            decay: How much of the averaged weights stays.

        Returns:
            The batch's mean negative log-likelihood before the step.
        """
        self.pace(learning_rate=learning_rate, decay=decay)
        return self.launch(batch, terms)

    def pace(self, *, learning_rate: float, decay: float) -> None:
        """Set what changes from step to step; on a GPU in place, for a captured step reads it there."""
        if isinstance(self._decay, Tensor):
            self._decay.fill_(decay)
        else:
            self._decay = decay
        for group in self.state.optimizer.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(learning_rate)
            else:
                group["lr"] = learning_rate

    def launch(self, batch: PatchBatch, terms: Tensor) -> Tensor:
        """Step once at the pace that is set."""
        network, optimizer = self.state.network, self.state.optimizer
        nll = panel_nll(self.network(batch.image, batch.distance_mm, batch.descriptors, start=terms), network, batch)
        if self.fabric.world_size > 1:
            nll = nll * share_of_told(self.fabric, batch)
        optimizer.zero_grad()
        self.fabric.backward(nll + coupling_penalty(network, sd=self.coupling_sd) / self.cases)
        self.fabric.clip_gradients(self.network, optimizer, max_norm=LARGEST_GRADIENT, error_if_nonfinite=False)
        optimizer.step()
        self.state.average(decay=self._decay)
        return nll.detach()


@dataclass(frozen=True, slots=True, eq=False)
class ReplayedStep:
    """A training step as one CUDA graph. All batches are of the size of the one that it was captured with.

    Attributes:
        step: What is replayed.
        batch: Where the graph reads its batch.
        terms: Where it reads what each case starts from.
        nll: Where it leaves the negative log-likelihood.
        graph: The captured launches.
    """

    step: TrainingStep
    batch: PatchBatch
    terms: Tensor
    nll: Tensor
    graph: torch.cuda.CUDAGraph

    @classmethod
    def captured(cls, step: TrainingStep, batch: PatchBatch, terms: Tensor) -> "ReplayedStep":
        """Return a step that is replayed; the state of the run is as before.

        Args:
            step: On a GPU, alone.
            batch: Any batch of the run, for its shapes.
            terms: The same.

        Raises:
            TrainingError: If it cannot be captured, most often for want of memory.
        """
        batch, terms = batch.clone(), terms.clone()
        before = {name: tensor.clone() for name, tensor in step.state.tensors().items()}
        try:
            graph, nll = _capture(step, batch, terms)
        except RuntimeError as fault:
            message = (
                f"a training step could not be captured on {torch.cuda.get_device_name()}: "
                f"{str(fault).splitlines()[0]}; look whether other programs hold its memory"
            )
            raise TrainingError(message) from None
        for name, tensor in step.state.tensors().items():
            if name in before:
                tensor.copy_(before[name])
            else:
                tensor.zero_()  # moments of an optimiser that had not stepped yet
        return cls(step, batch, terms, nll, graph)

    @property
    def state(self) -> RunState:
        """Of the run."""
        return self.step.state

    def __call__(self, batch: PatchBatch, terms: Tensor, *, learning_rate: float, decay: float) -> Tensor:
        """Step once, as the captured step does."""
        self.step.pace(learning_rate=learning_rate, decay=decay)
        self.batch.copy_(batch)
        self.terms.copy_(terms)
        self.graph.replay()
        return self.nll.clone()


Step: TypeAlias = TrainingStep | ReplayedStep


def open_step(
    fabric: Fabric,
    network: PanelNetwork,
    *,
    learning: LearningSettings,
    cases: int,
) -> TrainingStep:
    """Set a network up to be trained, where fabric trains.

    Args:
        fabric: Where and in what precision.
        network: With the weights that it starts from.
        learning: Of the run.
        cases: Number of training cases of which anything is told.
    """
    for convolution in (module for module in network.modules() if isinstance(module, torch.nn.Conv3d)):
        # Channels last: two thirds of the time of a step on a CPU.
        convolution.weight.data = convolution.weight.data.contiguous(memory_format=torch.channels_last_3d)
    setup, optimizer = fabric.setup(network, _optimizer(network, learning, device=fabric.device))
    state = RunState(setup.module, copy.deepcopy(setup.module).eval(), optimizer)
    return TrainingStep(fabric, setup, state, coupling_sd=learning.coupling_sd, cases=cases)


def replayed_on_gpu(step: TrainingStep, batch: PatchBatch, terms: Tensor) -> Step:
    """Return a step as it is best taken on its device: replayed on a GPU, unless other processes share its batches.

    Args:
        step: Whose state may have been restored, but is not replaced any more.
        batch: Any batch of the run, for its shapes.
        terms: The same.

    Raises:
        TrainingError: If it cannot be captured.
    """
    alone = step.fabric.world_size == 1
    return ReplayedStep.captured(step, batch, terms) if step.fabric.device.type == "cuda" and alone else step


def panel_nll(output: NetworkOutput, network: PanelNetwork, batch: PatchBatch) -> Tensor:
    """Return minus the mean log probability of what is known of a batch; 0 where nothing is."""
    log_probability = panel_log_probability(
        unary=output.unary,
        ki67_mu=output.ki67_mu,
        ki67_sigma=output.ki67_log_sigma.exp(),
        coupling=network.coupling,
        shift=network.shift,
        cells=batch.cells,
        ki67=batch.ki67,
    )
    return -log_probability.sum() / is_told(batch.cells, batch.ki67).sum().clamp_min(1)


def share_of_told(fabric: Fabric, batch: PatchBatch) -> Tensor:
    """Return how many cases of this process's part are told, relative to the mean of all parts of the batch.

    Gradients are averaged over processes: weighed so, every case counts alike, whoever has it.
    """
    told = is_told(batch.cells, batch.ki67).sum().double()
    of_all: Tensor = fabric.all_reduce(told.clone(), reduce_op="sum")
    share: Tensor = told * fabric.world_size / of_all.clamp_min(1)
    return share


def coupling_penalty(network: PanelNetwork, *, sd: float) -> Tensor:
    """Return minus the log density of a normal prior on couplings and shifts, less a constant."""
    return (network.coupling.square().sum() + network.shift.square().sum()) / (2 * sd**2)


def _capture(step: TrainingStep, batch: PatchBatch, terms: Tensor) -> tuple[torch.cuda.CUDAGraph, Tensor]:
    """Return a graph of a step that reads from these tensors, and where it leaves the negative log-likelihood."""
    aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(WARM_UPS):
            step.launch(batch, terms)
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        nll = step.launch(batch, terms)
    return graph, nll


def _optimizer(network: PanelNetwork, learning: LearningSettings, *, device: torch.device) -> torch.optim.Optimizer:
    """Return an optimiser; biases, normalisation and other vectors do not decay.

    On a GPU the rate is kept there, for a capture.
    """
    weights = [parameter for parameter in network.parameters() if parameter.requires_grad and parameter.ndim > 1]
    others = [parameter for parameter in network.parameters() if parameter.requires_grad and parameter.ndim <= 1]
    groups = [{"params": weights, "weight_decay": learning.weight_decay}, {"params": others, "weight_decay": 0.0}]
    if device.type == "cpu":
        return torch.optim.AdamW(groups, lr=learning.learning_rate)
    return torch.optim.AdamW(groups, lr=torch.tensor(learning.learning_rate, device=device), capturable=True)
