"""Teaching the phenotype stage to see, on simulated lessons."""

import math

import numpy as np
import torch
from torch import Tensor

from onephase.arrays import Bool, Float32
from onephase.imaging.descriptors import DESCRIPTORS, descriptors_within
from onephase.learning.lessons import Lessons
from onephase.learning.run_state import seeded
from onephase.network.phenotype import WIDTH, PhenotypeStage
from onephase.progress import Progress, silent
from onephase.settings import RegionName
from onephase.simulation.phenotype import CUE_NAMES

EPOCHS = 60
BATCH = 32
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 0.1
DROPOUT = 0.3
BLUR = 0.05
"""Sd of noise added to a standardised descriptor, so that nothing hangs on its last digit."""
RIDGE = 100.0
FULL_SIGHT = 0.75
"""Share of steps in which a lesson shows all regions; in the others some, for the ablations see no more."""
SIGHTS: tuple[tuple[RegionName, ...], ...] = (("core",), ("core", "rim"), ("rim",), ("rim", "shell"))


def teach_phenotype(lessons: Lessons, *, seed: int, width: int = WIDTH, progress: Progress = silent) -> PhenotypeStage:
    """Return a stage that reads the scores of the lessons from their descriptors.

    The linear reading starts as ridge regression; both parts then learn together by squared error.

    Args:
        lessons: At least a batch of them.
        seed: Of the weights, the order and what is hidden.
        width: Units of the hidden layer.
        progress: Told after each epoch.
    """
    descriptors, scores = torch.tensor(lessons.descriptors), torch.tensor(lessons.scores)
    steps_an_epoch = max(1, len(lessons) // BATCH)
    with seeded(seed, epoch=0) as generator:
        stage = PhenotypeStage(width=width, dropout=DROPOUT)
        stage.centre.copy_(descriptors.mean(dim=(0, 1)))
        stage.scale.copy_(descriptors.std(dim=(0, 1)).clamp_min(1e-6))
        standard = stage.standardise(descriptors)  # (lesson, view, descriptor)
        _start_linear(stage, standard, scores)
        optimizer = torch.optim.AdamW(stage.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
        sights = _sights()
        progress("teach", 0, EPOCHS)
        for epoch in range(EPOCHS):
            order = torch.randperm(len(lessons), generator=generator)
            for step in range(steps_an_epoch):
                rows = order[step * BATCH : (step + 1) * BATCH]
                done = (epoch + step / steps_an_epoch) / EPOCHS
                for group in optimizer.param_groups:
                    group["lr"] = LEARNING_RATE * min(1.0, 10 * done + 0.04) * (1 + math.cos(math.pi * done)) / 2
                seen = _seen(sights, len(rows), generator=generator)
                view = torch.randint(standard.shape[1], (len(rows),), generator=generator)
                shown = standard[rows, view]  # (lesson, descriptor)
                blurred = shown + BLUR * torch.randn(shown.shape, generator=generator)
                error = (stage.read(blurred * seen) - scores[rows]).square().mean()
                optimizer.zero_grad()
                error.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
            progress("teach", epoch + 1, EPOCHS)
    return stage.eval()


@torch.no_grad()
def reading_skill(stage: PhenotypeStage, lessons: Lessons) -> dict[str, float]:
    """Return what share of the variance of each property the stage reads in the true outline: 1 is all, 0 nothing."""
    read = stage(torch.tensor(lessons.descriptors[:, 0])).numpy()
    left = ((read - lessons.scores) ** 2).mean(axis=0) / lessons.scores.var(axis=0)
    return dict(zip(CUE_NAMES, (1 - left).round(4).tolist(), strict=True))


def _start_linear(stage: PhenotypeStage, standard: Tensor, scores: Tensor) -> None:
    """Set the linear reading to ridge regression, and let the hidden layer begin with hardly a word."""
    about = scores.mean(dim=0)
    every = standard.flatten(0, 1)
    told = (scores - about).repeat_interleave(standard.shape[1], dim=0)
    square = every.T.double() @ every.double() + RIDGE * torch.eye(every.shape[1], dtype=torch.float64)
    slopes = torch.linalg.solve(square, every.T.double() @ told.double())
    with torch.no_grad():
        stage.linear.weight.copy_(slopes.T)
        stage.linear.bias.copy_(about)
        stage.refine.weight.mul_(0.1)


def _sights() -> Float32[Tensor, "sight descriptor"]:
    """Which descriptors are seen where all regions are (first), and where some are."""
    everything = np.ones(len(DESCRIPTORS), dtype=bool)
    masks: list[Bool[np.ndarray, " descriptor"]] = [everything]
    for regions in SIGHTS:
        mask = np.zeros_like(everything)
        mask[descriptors_within(regions)] = True
        masks.append(mask)
    return torch.tensor(np.stack(masks).astype(np.float32))


def _seen(
    sights: Float32[Tensor, "sight descriptor"], lessons: int, *, generator: torch.Generator
) -> Float32[Tensor, "lesson descriptor"]:
    partly = torch.rand(lessons, generator=generator) >= FULL_SIGHT
    which = torch.randint(1, len(sights), (lessons,), generator=generator)
    return sights[which * partly]
