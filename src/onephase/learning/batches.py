"""The batches of an epoch: cases in a new order, each changed as augmentation draws it."""

from collections.abc import Iterator

import torch
from torch import Tensor

from onephase.learning.augmentation import AugmentationDraw
from onephase.learning.dataset import PatchBatch, PatchDataset
from onephase.settings import Settings

ALL = slice(None)


def cases_a_batch(training: PatchDataset, settings: Settings) -> int:
    """Return how many cases a batch has."""
    return min(settings.learning.batch_size, len(training))


def batches_an_epoch(training: PatchDataset, settings: Settings) -> int:
    """Return how many batches an epoch has; a rest too small for a batch waits for another epoch."""
    return max(1, len(training) // settings.learning.batch_size)


def augmented_batches(
    training: PatchDataset, settings: Settings, *, generator: torch.Generator, own: slice = ALL
) -> Iterator[tuple[Tensor, PatchBatch]]:
    """Yield rows and batches of an epoch.

    Args:
        training: Cases to learn from.
        settings: Of the run.
        generator: Decides order and changes; on the CPU.
        own: Which part of each batch, drawn alike by all processes, this process is given.
    """
    size = cases_a_batch(training, settings)
    order = torch.randperm(len(training), generator=generator).to(training.cells.device)
    for step in range(batches_an_epoch(training, settings)):
        rows = order[step * size : (step + 1) * size]
        batch = training.batch(rows)
        draw = AugmentationDraw.draw(
            generator, cases=size, settings=settings.learning.augmentation, imaging=settings.imaging
        )
        image, distance_mm = draw.apply(batch.image, batch.distance_mm)
        told = (batch.descriptors[own], batch.cells[own], batch.ki67[own])
        yield rows[own], PatchBatch(image[own], distance_mm[own], *told)
