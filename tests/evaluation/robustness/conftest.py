"""A ball of a lesion on a grid of three spacings, and what its cohort says of it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from onephase.biomarkers.panel import Events
from onephase.cohort.records import Record
from onephase.evaluation.robustness.change import Original
from onephase.imaging.case import Case, Mask, Volume
from onephase.imaging.geometry import Grid

SPACING_MM = (1.5, 1.0, 1.25)
SHAPE = (34, 50, 42)


@pytest.fixture(scope="session")
def ball() -> Callable[..., Original]:
    """A function that makes a bright ball of a given radius in noise."""

    def make(radius_mm: float = 8.0, *, in_plane: bool = False) -> Original:
        grid = Grid.axial(SHAPE, SPACING_MM, origin_mm=(-3.0, 5.0, 7.0))
        index = np.stack(np.meshgrid(*(np.arange(size) for size in SHAPE), indexing="ij"), axis=-1)
        away = (index - (np.array(SHAPE) - 1) / 2) * SPACING_MM
        inside = np.linalg.norm(away, axis=-1) <= radius_mm
        noise = np.random.default_rng(3).normal(100, 5, size=SHAPE)
        case = Case("ball", Volume((noise + 300 * inside).astype(np.float32), grid), Mask(inside, grid))
        record = Record(
            case_id="ball", patient_id="p", image=Path("a/b/ball.nii.gz"), mask=Path("m"), events=Events.unknown(1)
        )
        return Original(record, case, Mask(inside, grid), in_plane)

    return make
