"""The training loop, written out: every epoch seeded, validated on the averaged weights, and kept.

An epoch's randomness (order, augmentation, dropout) follows from the run's seed and the epoch's number alone, so
that a run killed and resumed ends, on the CPU, with the same bits as one that was not.
"""

import copy
import hashlib
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from onephase.biomarkers.panel import Events
from onephase.biomarkers.posterior import PanelPosterior
from onephase.biomarkers.potentials import Potentials
from onephase.biomarkers.prior import fit_prior
from onephase.errors import TrainingError
from onephase.learning.augmentation import AugmentationDraw
from onephase.learning.dataset import PatchBatch, PatchDataset
from onephase.learning.device import open_fabric, resolve_precision
from onephase.learning.likelihood import panel_log_probability
from onephase.learning.run_state import EpochFigures, RunState, seeded
from onephase.learning.schedule import averaging_decay, learning_rate_share
from onephase.network.network import NetworkOutput, PanelNetwork, build_network
from onephase.progress import Progress
from onephase.settings import Settings

LARGEST_GRADIENT = 5.0
"""Norm to which a gradient is clipped (our choice)."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainedNetwork:
    """What a run leaves.

    Attributes:
        network: With the averaged weights of the best epoch, on the CPU, in evaluation mode.
        prior: Potentials of one case, fitted to the training cases.
        history: Figures of each epoch.
    """

    network: PanelNetwork
    prior: Potentials
    history: tuple[EpochFigures, ...]


def train_network(
    training: PatchDataset,
    validation: PatchDataset,
    *,
    settings: Settings,
    folder: Path,
    resume: bool,
    progress: Progress,
) -> TrainedNetwork:
    """Train a network until its epochs are over or validation stops improving.

    Args:
        training: Cases to learn from.
        validation: Cases that choose the epoch.
        settings: Of the whole run.
        folder: Where the checkpoint and the log are kept.
        resume: Go on from the checkpoint, where there is one; otherwise it is replaced.
        progress: Told of each step.

    Raises:
        TrainingError: If there are fewer than two training cases, the checkpoint is of another run, or
            training diverges.
    """
    if len(training) < 2 or len(validation) == 0:  # noqa: PLR2004 - batch normalisation needs two
        message = (
            f"training needs at least 2 training cases and 1 validation case, got {len(training)} and "
            f"{len(validation)}: check the splits of the cohort"
        )
        raise TrainingError(message)
    learning, steps_an_epoch = settings.learning, _steps_an_epoch(training, settings=settings)
    steps = learning.epochs * steps_an_epoch
    prior = fit_prior(training.events)
    prior_nll = mean_nll(Potentials.stack([prior] * len(validation)), validation.events)
    precision = resolve_precision(learning.precision)
    fabric = open_fabric(precision)
    network, optimizer = fabric.setup(*_start(settings, prior=prior))
    state = RunState(network.module, copy.deepcopy(network.module).eval(), optimizer)
    run_id = _run_id(training, validation, settings=settings, precision=precision)
    if resume:
        state.restore(folder, run_id=run_id)
    training, validation = training.to(fabric.device), validation.to(fabric.device)
    progress("train", state.step, steps)
    while not state.is_over(learning):
        started, epoch, nlls = time.perf_counter(), len(state.history) + 1, []
        with seeded(learning.seed, epoch=epoch) as generator:
            for batch in _augmented_batches(training, settings=settings, generator=generator):
                for group in optimizer.param_groups:
                    group["lr"] = learning.learning_rate * learning_rate_share(state.step, steps=steps)
                nll = panel_nll(network(batch.image, batch.distance_mm), network.module, batch)
                optimizer.zero_grad()
                fabric.backward(nll + coupling_penalty(network.module, sd=learning.coupling_sd) / len(training))
                fabric.clip_gradients(network, optimizer, max_norm=LARGEST_GRADIENT, error_if_nonfinite=False)
                optimizer.step()
                state.average(decay=averaging_decay(state.step, decay=learning.ema_decay))
                state.step += 1
                nlls.append(nll.detach())
                progress("train", state.step, steps)
        train_nll = float(torch.stack(nlls).mean())
        if not math.isfinite(train_nll):
            message = f"training diverged in epoch {epoch}: lower learning.learning_rate ({learning.learning_rate})"
            raise TrainingError(message)
        validation_nll = mean_nll(predict_potentials(state.averaged, validation), validation.events)
        state.close_epoch(EpochFigures(epoch, train_nll, validation_nll, prior_nll, time.perf_counter() - started))
        state.write(folder, run_id=run_id)
    progress("train", steps, steps)
    state.averaged.load_state_dict(state.best)
    return TrainedNetwork(state.averaged.cpu(), prior, tuple(state.history))


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
    known = ~batch.cells.all(dim=1) | (batch.ki67[:, 0] > 0) | (batch.ki67[:, 1] < 1)
    return -log_probability.sum() / known.sum().clamp_min(1)


def coupling_penalty(network: PanelNetwork, *, sd: float) -> Tensor:
    """Return minus the log density of a normal prior on couplings and shifts, less a constant."""
    return (network.coupling.square().sum() + network.shift.square().sum()) / (2 * sd**2)


@torch.no_grad()
def predict_potentials(network: PanelNetwork, dataset: PatchDataset, *, batch_size: int = 16) -> Potentials:
    """Return what a network says of some cases, in single precision whatever it was trained in.

    Args:
        network: In evaluation mode, on the dataset's device.
        dataset: At least one case.
        batch_size: Cases at a time.
    """
    parts = []
    for start in range(0, len(dataset), batch_size):
        batch = dataset.batch(slice(start, start + batch_size))
        output = network(batch.image, batch.distance_mm)
        parts.append(
            Potentials(
                _float64(output.unary),
                _float64(output.ki67_mu),
                _float64(output.ki67_log_sigma.double().exp()),
                _float64(network.coupling),
                _float64(network.shift),
            )
        )
    return Potentials.stack(parts)


def mean_nll(potentials: Potentials, events: Events) -> float:
    """Return minus the mean log probability of each case's event."""
    return -float(PanelPosterior.from_potentials(potentials).log_probability(events).mean())


def _start(settings: Settings, *, prior: Potentials) -> tuple[PanelNetwork, torch.optim.Optimizer]:
    """Return an untrained network that says the prior, and its optimiser."""
    with seeded(settings.learning.seed, epoch=0):
        network = build_network(settings.network, settings.regions, settings.imaging)
    network.head.start_from(prior)
    for convolution in (module for module in network.modules() if isinstance(module, torch.nn.Conv3d)):
        # Channels last: two thirds of the time of a step on a CPU.
        convolution.weight.data = convolution.weight.data.contiguous(memory_format=torch.channels_last_3d)
    weights = [parameter for parameter in network.parameters() if parameter.requires_grad and parameter.ndim > 1]
    others = [parameter for parameter in network.parameters() if parameter.requires_grad and parameter.ndim <= 1]
    decay = settings.learning.weight_decay
    groups = [{"params": weights, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
    return network, torch.optim.AdamW(groups, lr=settings.learning.learning_rate)


def _steps_an_epoch(training: PatchDataset, *, settings: Settings) -> int:
    return max(1, len(training) // settings.learning.batch_size)


def _augmented_batches(
    training: PatchDataset, *, settings: Settings, generator: torch.Generator
) -> Iterator[PatchBatch]:
    """Yield the batches of an epoch in a new order; a rest too small for a batch waits for another epoch."""
    size = min(settings.learning.batch_size, len(training))
    order = torch.randperm(len(training), generator=generator).to(training.cells.device)
    for step in range(_steps_an_epoch(training, settings=settings)):
        batch = training.batch(order[step * size : (step + 1) * size])
        draw = AugmentationDraw.draw(
            generator, cases=size, settings=settings.learning.augmentation, imaging=settings.imaging
        )
        image, distance_mm = draw.apply(batch.image, batch.distance_mm)
        yield PatchBatch(image, distance_mm, batch.cells, batch.ki67)


def _run_id(training: PatchDataset, validation: PatchDataset, *, settings: Settings, precision: str) -> str:
    """Return a digest of all that a run depends on."""
    digest = hashlib.sha256(json.dumps([settings.model_dump(mode="json"), precision]).encode())
    for dataset in (training, validation):
        digest.update(json.dumps(dataset.case_ids).encode())
        for tensor in (dataset.cells, dataset.ki67, dataset.image, dataset.distance_mm):
            digest.update(tensor.cpu().numpy().tobytes())
    return digest.hexdigest()


def _float64(tensor: Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy().astype(np.float64)
