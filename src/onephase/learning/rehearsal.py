"""A training step on noise, to be timed: its speed does not depend on what the patches show."""

import time

import numpy as np
import torch

from onephase.biomarkers.panel import Events
from onephase.imaging.descriptors import DESCRIPTORS
from onephase.learning.dataset import PatchDataset
from onephase.learning.device import open_fabric, resolve_precision
from onephase.learning.step import open_step, quickened
from onephase.network.network import build_network
from onephase.settings import Settings

STEPS = 2


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
    """Return how long a training step takes here, as training takes it: the quickest of a few."""
    fabric = open_fabric(resolve_precision(settings.learning.precision))
    cases = settings.learning.batch_size
    batch = noise(settings, cases=cases).to(fabric.device).batch(slice(None))
    terms = torch.zeros((cases, 4), device=fabric.device)
    network = build_network(settings.network, settings.regions, settings.imaging)
    step = quickened(open_step(fabric, network, learning=settings.learning, cases=cases), batch, terms)
    step.pace(learning_rate=settings.learning.learning_rate, decay=settings.learning.ema_decay)
    taken = []
    for _ in range(1 + STEPS):  # the first one warms up
        started = time.perf_counter()
        float(step(batch, terms))  # waits for a GPU
        taken.append(time.perf_counter() - started)
    return min(taken[1:])
