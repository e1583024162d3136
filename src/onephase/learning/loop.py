"""The training loop, written out: every epoch seeded, validated on the averaged weights, and kept.

An epoch's randomness (order, augmentation, dropout) follows from the run's seed and the epoch's number alone, so
that a run killed and resumed ends, on the CPU, with the same bits as one that was not.
"""

import hashlib
import json
import math
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from lightning.fabric import Fabric
from torch import Tensor

from onephase.arrays import Float64
from onephase.biomarkers.posterior import PanelPosterior
from onephase.biomarkers.potentials import Potentials
from onephase.biomarkers.prior import fit_prior
from onephase.errors import TrainingError
from onephase.learning.batches import augmented_batches, batches_an_epoch, cases_a_batch
from onephase.learning.dataset import PatchDataset
from onephase.learning.device import leads, open_fabric, resolve_precision
from onephase.learning.run_state import EpochFigures, RunState, seeded
from onephase.learning.schedule import averaging_decay, learning_rate_share
from onephase.learning.start import Start, fit_start
from onephase.learning.step import Step, open_step, replayed_on_gpu
from onephase.network.network import PanelNetwork, build_network
from onephase.network.taught import taught_sha256
from onephase.progress import Progress, silent
from onephase.settings import FEWEST_TO_NORMALISE, Settings
from onephase.statistics.standard_error import mean_and_error


@dataclass(frozen=True, slots=True, eq=False)
class TrainedNetwork:
    """What a run leaves.

    Attributes:
        network: With the averaged weights of the epoch that is kept, on the CPU, in evaluation mode.
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
    if len(training) < FEWEST_TO_NORMALISE or len(validation) == 0:
        message = (
            f"training needs at least {FEWEST_TO_NORMALISE} training cases and 1 validation case, got {len(training)} "
            f"and {len(validation)}: check the splits of the cohort"
        )
        raise TrainingError(message)
    learning, steps_an_epoch = settings.learning, batches_an_epoch(training, settings)
    steps = learning.epochs * steps_an_epoch
    prior = fit_prior(training.events)
    of_prior = PanelPosterior.from_potentials(prior).repeated(len(validation))
    prior_nll = -float(of_prior.log_probability(validation.events).mean())
    precision = resolve_precision(learning.precision)
    fabric = open_fabric(precision)
    refuse_lone_cases(learning.batch_size, cases=len(training), processes=fabric.world_size)
    progress = progress if leads() else silent  # one process tells for all
    progress("start", 0, 1)
    start = fit_start(training, settings, prior=prior)
    progress("start", 1, 1)
    training, validation = training.to(fabric.device), validation.to(fabric.device)

    told = max(1, int(training.events.informative().sum()))
    opened = open_step(fabric, _untrained(settings, start=start), learning=learning, cases=told)
    state = opened.state
    at_start = _judged(state.averaged, validation)
    run_id = _run_id(training, validation, settings=settings, precision=precision)
    if resume:
        state.restore(folder, run_id=run_id)
    terms = torch.tensor(start.terms, dtype=torch.float32, device=fabric.device)  # (case, 4)
    some = slice(cases_a_batch(training, settings))
    step = replayed_on_gpu(opened, training.batch(some), terms[some])
    progress("train", state.step, steps)
    while not state.is_over(learning):
        started = time.perf_counter()
        train_nll = _epoch(
            fabric, step, training=training, terms=terms, settings=settings, steps=steps, progress=progress
        )
        for buffer in filter(torch.is_floating_point, (*state.network.buffers(), *state.averaged.buffers())):
            buffer.copy_(fabric.all_reduce(buffer, reduce_op="mean"))  # statistics that each process has of its cases
        now = _judged_epoch(state, validation, train_nll=train_nll, learning_rate=learning.learning_rate)
        now = fabric.broadcast(now)  # so that all stop after the same epoch
        gained, seconds = mean_and_error(now - at_start, validation.patients), time.perf_counter() - started
        state.close_epoch(
            EpochFigures(len(state.history) + 1, train_nll, -float(now.mean()), *gained, prior_nll, seconds)
        )
        if leads():
            state.write(folder, run_id=run_id)
    progress("train", steps, steps)
    state.averaged.load_state_dict(state.kept)
    return TrainedNetwork(state.averaged.cpu(), prior, tuple(state.history))


def _epoch(  # noqa: PLR0913 - what steps, what it learns from, and who is told
    fabric: Fabric,
    step: Step,
    *,
    training: PatchDataset,
    terms: Tensor,
    settings: Settings,
    steps: int,
    progress: Progress,
) -> float:
    """Step once through the training cases; return the mean negative log-likelihood of the batches."""
    learning, state, nlls = settings.learning, step.state, []
    with seeded(learning.seed, epoch=len(state.history) + 1) as generator:
        own = slice(fabric.global_rank, None, fabric.world_size)
        for rows, batch in augmented_batches(training, settings, generator=generator, own=own):
            nll = step(
                batch,
                terms[rows],
                learning_rate=learning.learning_rate * learning_rate_share(state.step, steps=steps),
                decay=averaging_decay(state.step, decay=learning.ema_decay),
            )
            nlls.append(nll)
            state.step += 1
            progress("train", state.step, steps)
    return float(fabric.all_reduce(torch.stack(nlls).mean(), reduce_op="mean"))


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
        output = network(batch.image, batch.distance_mm, batch.descriptors)
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


def _judged(network: PanelNetwork, cases: PatchDataset) -> Float64[np.ndarray, " case"]:
    """Return the log probability that a network gives to what was found of each case."""
    return PanelPosterior.from_potentials(predict_potentials(network, cases)).log_probability(cases.events)


def _judged_epoch(
    state: RunState, validation: PatchDataset, *, train_nll: float, learning_rate: float
) -> Float64[np.ndarray, " case"]:
    """Return the log probability that the averaged weights of an epoch give to what was found of each case.

    Raises:
        TrainingError: If training has diverged, which the losses need not show: each is from before its step.
    """
    if math.isfinite(train_nll):
        with suppress(ValueError):  # weights beyond all bounds make no panel
            return _judged(state.averaged, validation)
    message = f"training diverged in epoch {len(state.history) + 1}: lower learning.learning_rate ({learning_rate})"
    raise TrainingError(message)


def _untrained(settings: Settings, *, start: Start) -> PanelNetwork:
    """Return a network that says what it starts from."""
    with seeded(settings.learning.seed, epoch=0):
        network = build_network(settings.network, settings.regions, settings.imaging)
    network.head.start_from(start.constants)
    if start.panel is not None:
        network.start_terms.tell(start.panel)
    return network


def refuse_lone_cases(batch_size: int, *, cases: int, processes: int) -> None:
    """Refuse batches of which a process gets a single case, from which normalisation learns nothing.

    Args:
        batch_size: As it is set.
        cases: Training cases; fewer than a batch are one batch.
        processes: Who share each batch.

    Raises:
        TrainingError: If there are fewer than two cases a process.
    """
    wanted, shared = FEWEST_TO_NORMALISE * processes, min(batch_size, cases)
    if shared < wanted:
        larger = f"raise learning.batch_size to {wanted}, or " if cases >= wanted else ""
        message = (
            f"{processes} processes share batches of {shared} cases, expected {FEWEST_TO_NORMALISE} cases each: "
            f"{larger}start fewer processes"
        )
        raise TrainingError(message)


def _run_id(training: PatchDataset, validation: PatchDataset, *, settings: Settings, precision: str) -> str:
    """Return a digest of all that a run depends on."""
    digest = hashlib.sha256(json.dumps([settings.model_dump(mode="json"), precision, taught_sha256()]).encode())
    for dataset in (training, validation):
        digest.update(json.dumps([dataset.case_ids, dataset.patients]).encode())
        for tensor in (dataset.cells, dataset.ki67, dataset.image, dataset.distance_mm, dataset.descriptors):
            digest.update(tensor.cpu().numpy().tobytes())
    return digest.hexdigest()


def _float64(tensor: Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy().astype(np.float64)
