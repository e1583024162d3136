"""A synthetic breast in air, with a bright lesion off its middle along every axis."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from onephase.biomarkers.panel import Events
from onephase.cohort.quality.flag import QualityFlag
from onephase.cohort.quality.look import Look, look_of
from onephase.cohort.quality.scene import Scene, scene_of
from onephase.cohort.records import Record
from onephase.imaging.case import Case, Mask, Volume
from onephase.imaging.geometry import Grid
from onephase.imaging.outline import outline
from onephase.settings import ImagingSettings

SHAPE, SPACING_MM = (16, 60, 72), (2.5, 1.5, 1.25)
LESION = (slice(3, 7), slice(20, 28), slice(40, 51))
Check = Callable[[Scene], Iterator[QualityFlag]]


@dataclass(frozen=True)
class Phantom:
    """A case that can be changed and looked at."""

    case: Case

    @property
    def image(self) -> np.ndarray:
        return self.case.volume.array.copy()

    @property
    def mask(self) -> np.ndarray:
        return self.case.roi.array.copy()

    def with_image(self, image: np.ndarray) -> "Phantom":
        return Phantom(replace(self.case, volume=Volume(np.float32(image), self.case.volume.grid)))

    def with_mask(self, mask: np.ndarray) -> "Phantom":
        return Phantom(replace(self.case, roi=Mask(mask.copy(), self.case.volume.grid)))

    def with_spacing(self, *spacing: float) -> "Phantom":
        grid = Grid.axial(SHAPE, spacing)
        return Phantom(replace(self.case, volume=Volume(self.image, grid), roi=Mask(self.mask, grid)))

    def named(self, case_id: str) -> "Phantom":
        return Phantom(replace(self.case, case_id=case_id))

    def scene(self, *, in_plane: bool = False) -> Scene:
        return scene_of(self.case, outline(self.case), in_plane=in_plane)

    def look(self) -> Look:
        return look_of(self.case, outline(self.case), imaging=ImagingSettings())

    def said(self, check: Check, *, in_plane: bool = False) -> list[str]:
        return [flag.reason for flag in check(self.scene(in_plane=in_plane))]


def phantom_of(seed: int) -> Phantom:
    rng = np.random.default_rng(seed)
    slices, rows, columns = np.indices(SHAPE)
    breast = (rows - 8) ** 2 / 50**2 + (columns - 36) ** 2 / 34**2 < 1
    breast &= rows > 8
    waves = [
        np.cos(slices / 5 + rows / rng.uniform(4, 9) + columns / rng.uniform(4, 9) + rng.uniform(0, 6)) for _ in "abc"
    ]
    image = breast * (360.0 + 110 * sum(waves))
    mask = np.zeros(SHAPE, dtype=bool)
    mask[LESION] = True
    apart = [
        (index - (part.start + part.stop - 1) / 2) / rng.uniform(3, 9)
        for index, part in zip(np.indices(SHAPE), LESION, strict=True)
    ]
    image[mask] = 900 - 60 * np.square(apart).sum(axis=0)[mask]
    image += rng.normal(0, 12, SHAPE)
    grid = Grid.axial(SHAPE, SPACING_MM)
    return Phantom(Case(f"c{seed}", Volume(np.float32(image), grid), Mask(mask, grid)))


@pytest.fixture(scope="package")
def phantom() -> Phantom:
    return phantom_of(1)


@pytest.fixture(scope="package")
def phantoms() -> list[Phantom]:
    return [phantom_of(seed) for seed in range(12)]


def record_of(case_id: str, **more: object) -> Record:
    usual = {"patient_id": case_id, "image": Path(f"{case_id}.nii.gz"), "events": Events.unknown(1)}
    return Record(case_id=case_id, **{**usual, "cohort": "clinic", "site": "s", **more})
