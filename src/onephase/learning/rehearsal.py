"""A training step on noise, to be timed: its speed does not depend on what the patches show."""

import time

import numpy as np
import torch

from onephase.biomarkers.panel import Events
from onephase.imaging.descriptors import DESCRIPTORS
from onephase.learning.batches import augmented_batches
from onephase.learning.dataset import PatchDataset
from onephase.learning.device import open_fabric, resolve_precision
from onephase.learning.step import open_step, replayed_on_gpu
from onephase.network.network import build_network
from onephase.settings import Settings

TIMED = 2


def noise(settings: Settings, *, cases: int) -> PatchDataset:
    """Return cases of noise, every label known, on the CPU."""
    rng = np.random.default_rng(0)
    shape = (cases, *settings.imaging.patch_voxels)
    start = rng.integers(1, 98, size=cases) / 100
    cells = np.eye(8, dtype=bool)[rng.integers(0, 8, size=cases)]
    names = [str(case) for case in range(cases)]
    return PatchDataset.from_arrays(
        names,
        Events(cells, np.stack([start, start + 0.01], axis=1), np.full(cases, -1, dtype=np.int8)),
        patients=names,
        image=rng.normal(size=shape).astype(np.float16),
        distance_mm=rng.uniform(-8, 28, size=shape).astype(np.float16),
        descriptors=rng.normal(size=(cases, len(DESCRIPTORS))).astype(np.float32),
    )


def seconds_a_step(settings: Settings) -> float:
    """Return how long a training step takes here, its batch drawn and changed: the quickest of a few.

    Where the precision that is wanted is not at hand, it is timed in single precision: another machine may train.
    """
    wanted = settings.learning.precision
    fabric = open_fabric(resolve_precision("auto" if wanted == "bf16" else wanted))
    size = settings.learning.batch_size
    training = noise(settings, cases=size * (1 + TIMED)).to(fabric.device)
    terms = torch.zeros((size, 4), device=fabric.device)
    network = build_network(settings.network, settings.regions, settings.imaging)
    opened = open_step(fabric, network, learning=settings.learning, cases=len(training))
    step = replayed_on_gpu(opened, training.batch(slice(size)), terms)
    taken, started = list[float](), time.perf_counter()
    for _, batch in augmented_batches(training, settings, generator=torch.Generator()):
        float(step(batch, terms, learning_rate=settings.learning.learning_rate, decay=0.0))  # waits for a GPU
        taken.append(time.perf_counter() - started)
        started = time.perf_counter()
    return min(taken[1:])  # the first one warms up
