"""The state of a training run: what changes from step to step, and how it is kept and taken up again."""

import copy
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from onephase.errors import TrainingError
from onephase.learning.checkpoint import optimizer_tensors, read_checkpoint, restore_optimizer, write_checkpoint
from onephase.network.network import PanelNetwork
from onephase.settings import LearningSettings
from onephase.statistics.standard_error import is_shown
from onephase.storage import write_text

LOG_NAME = "log.jsonl"


@dataclass(frozen=True, slots=True)
class EpochFigures:
    """One line of the log; negative log-likelihoods are nats a case.

    Attributes:
        epoch: From 1.
        train_nll: Mean over the epoch's batches, augmented and with dropout.
        validation_nll: Of the averaged weights.
        gain: What validation cases gain over the start, nats a case.
        gain_error: Its standard error over patients; None of a single one.
        prior_nll: Of the training cohort's panel without any image, on the same validation cases.
        seconds: Spent on the epoch.
    """

    epoch: int
    train_nll: float
    validation_nll: float
    gain: float
    gain_error: float | None
    prior_nll: float
    seconds: float


@dataclass(slots=True, eq=False)
class RunState:
    """What a run knows of itself between two epochs.

    Attributes:
        network: With the weights that are stepped.
        averaged: The same network with their moving average (Polyak and Juditsky 1992), which is what is kept.
        optimizer: Over the parameters of ``network``.
        step: Steps done.
        history: Figures of each epoch done.
        kept: Averaged weights of :attr:`kept_epoch`.
    """

    network: PanelNetwork
    averaged: PanelNetwork
    optimizer: torch.optim.Optimizer
    step: int = 0
    history: list[EpochFigures] = field(default_factory=list)
    kept: dict[str, Tensor] = field(init=False)

    def __post_init__(self) -> None:
        """The start is kept until an epoch is."""
        self.kept = copy.deepcopy(self.averaged.state_dict())

    @property
    def best_epoch(self) -> int:
        """The epoch of which validation cases gain most, the earliest where several are equal; 0 is the start."""
        return _most(self.history)

    @property
    def kept_epoch(self) -> int:
        """The same among epochs that gain more than one standard error: an accident of few cases does not choose."""
        return _most([one for one in self.history if is_shown(one.gain, one.gain_error)])

    def is_over(self, learning: LearningSettings) -> bool:
        """Whether all epochs are done, or validation has stopped improving."""
        done = len(self.history)
        return done >= learning.epochs or done - self.best_epoch >= learning.patience

    def tensors(self) -> dict[str, Tensor]:
        """Return all that a step changes, by name: the tensors themselves."""
        groups = {
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": optimizer_tensors(self.optimizer, self.network),
        }
        return {f"{group}:{name}": tensor for group, members in groups.items() for name, tensor in members.items()}

    @torch.no_grad()
    def average(self, *, decay: float | Tensor) -> None:
        """Move the averaged weights and normalisation statistics towards the network's."""
        for kept, stepped in zip(self.averaged.state_dict().values(), self.network.state_dict().values(), strict=True):
            if kept.is_floating_point():
                kept.lerp_(stepped, 1 - decay)
            else:
                kept.copy_(stepped)

    def close_epoch(self, figures: EpochFigures) -> None:
        """Take an epoch's figures into the history, and its weights where it is to be kept."""
        self.history.append(figures)
        if self.kept_epoch == figures.epoch:
            self.kept = copy.deepcopy(self.averaged.state_dict())

    def write(self, folder: Path, *, run_id: str) -> None:
        """Write the checkpoint and the log of the run.

        Args:
            folder: The run's folder.
            run_id: Stands for the settings and the cases, so that no other run takes this one up.
        """
        tensors = self.tensors() | {f"kept:{name}": tensor for name, tensor in self.kept.items()}
        history = [asdict(figures) for figures in self.history]
        write_checkpoint(folder, tensors, facts={"run_id": run_id, "step": self.step, "history": history})
        write_text(folder / LOG_NAME, "".join(json.dumps(line) + "\n" for line in history))

    def restore(self, folder: Path, *, run_id: str) -> None:
        """Take up what :meth:`write` left; nothing changes where nothing was left.

        Raises:
            TrainingError: If the checkpoint is broken or of another run.
        """
        found = read_checkpoint(folder)
        if found is None:
            return
        tensors, facts = found
        if facts["run_id"] != run_id:
            message = (
                f"the checkpoint in {folder} is of a run with other settings, cases, precision or stage: "
                "choose another folder, or move this one away to train anew"
            )
            raise TrainingError(message)
        groups: dict[str, dict[str, Tensor]] = {"network": {}, "averaged": {}, "kept": {}, "optimizer": {}}
        for key, tensor in tensors.items():
            group, name = key.split(":", maxsplit=1)
            groups[group][name] = tensor
        try:
            history = [EpochFigures(**line) for line in facts["history"]]
            self.network.load_state_dict(groups["network"])
            self.averaged.load_state_dict(groups["averaged"])
            restore_optimizer(self.optimizer, self.network, tensors=groups["optimizer"])
        except (KeyError, RuntimeError, TypeError) as fault:  # the same settings, other layers or figures
            message = (
                f"the checkpoint in {folder} is of another version of onephase ({str(fault).splitlines()[0]}): move it "
                "away to train anew"
            )
            raise TrainingError(message) from None
        self.kept, self.step, self.history = groups["kept"], facts["step"], history


def _most(history: Sequence[EpochFigures]) -> int:
    return -max([(0.0, 0), *((one.gain, -one.epoch) for one in history)])[1]


@contextmanager
def seeded(seed: int, *, epoch: int) -> Iterator[torch.Generator]:
    """Within the block, torch's own generators follow from the seed and the epoch; afterwards they are as before.

    Yields:
        A generator on the CPU, independent of torch's own.
    """
    own, ours = np.random.SeedSequence([seed, epoch]).generate_state(2, np.uint32)
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(int(own))
        yield torch.Generator().manual_seed(int(ours))
