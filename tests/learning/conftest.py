"""Tiny data sets in which the receptors can be read off the patch, and settings small enough to train in seconds."""

from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra")

from onephase.biomarkers.panel import CELLS, Events
from onephase.imaging.descriptors import DESCRIPTORS
from onephase.learning.dataset import PatchDataset
from onephase.settings import Settings

PATCH = (6, 8, 10)


@pytest.fixture
def make_dataset() -> Callable[..., PatchDataset]:
    """A function that invents cases: ER shows as brightness of the core, HER2 of the shell, Ki-67 as size."""

    def make(cases: int, *, seed: int, known: bool = True) -> PatchDataset:
        rng = np.random.default_rng(seed)
        cell = rng.choice(8, size=cases, p=[0.2, 0.1, 0.05, 0.05, 0.05, 0.05, 0.3, 0.2])
        ki67 = rng.uniform(0.05, 0.9, size=cases)
        axes = np.meshgrid(*(np.arange(size) - (size - 1) / 2 for size in PATCH), indexing="ij")
        distance = 2.0 * np.sqrt(np.sum(np.square(axes), axis=0))[None] - (3 + 5 * ki67)[:, None, None, None]
        image = rng.normal(0, 0.3, size=(cases, *PATCH))
        image += np.where(distance < -1, 2.0 * CELLS[cell, 0, None, None, None], 0)
        image += np.where(distance > 2, 2.0 * CELLS[cell, 2, None, None, None], 0)
        percent = np.floor(100 * ki67) / 100
        events = Events(
            np.eye(8, dtype=bool)[cell],
            np.stack([percent, percent + 0.01], axis=1),
            np.full(cases, -1, dtype=np.int8),
        )
        return PatchDataset.from_arrays(
            [f"case {row}" for row in range(cases)],
            events if known else Events.unknown(cases),
            patients=[f"patient {row}" for row in range(cases)],
            image=image.astype(np.float16),
            distance_mm=distance.astype(np.float16),
            descriptors=rng.normal(size=(cases, len(DESCRIPTORS))).astype(np.float32),
        )

    return make


@pytest.fixture
def make_settings() -> Callable[..., Settings]:
    """A function that returns settings for a tiny network; network and learning take keywords of their sections.

    It starts from the prior: fitting a panel takes longer than its few steps.
    """

    def make(*, network: dict[str, object] | None = None, sampling: str = "volume", **learning: object) -> Settings:
        return Settings.model_validate(
            {
                "imaging": {"patch_voxels": PATCH, "sampling": sampling},
                "network": {
                    "widths": (4, 6),
                    "scales": (0, 1),
                    "dropout": 0.1,
                    "start": "prior",
                    **(network or {}),
                },
                "learning": {"epochs": 3, "batch_size": 8, **learning},
            }
        )

    return make
