"""What the flags of one case look at: the volume's grey levels, the region that was given, and the lesion in it."""

from dataclasses import dataclass

import numpy as np

from onephase.arrays import Bool, Float32, Int64
from onephase.imaging.case import Box, Case, Mask
from onephase.imaging.frame import lesion_bounds
from onephase.imaging.geometry import Grid
from onephase.imaging.normalisation import AIR_SHARE

SAMPLE = 200_000
"""Voxels, evenly spaced over the volume, from which its grey levels are told."""
SEED_SIDE_MM = 6.0
DARK, BRIGHT = 1.0, 99.0  # percentiles


@dataclass(frozen=True, slots=True)
class Levels:
    """Grey levels of a volume: nearly the darkest, the middle, nearly the brightest, and below which is air."""

    dark: float
    middle: float
    bright: float

    @property
    def air(self) -> float:
        """The level below which a voxel counts as air, as in :mod:`onephase.imaging.normalisation`."""
        return self.dark + AIR_SHARE * (self.bright - self.dark)


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """One case as its flags see it.

    Attributes:
        image: The volume.
        grid: Where its voxels are.
        levels: Its grey levels.
        tissue_ml: How much of it is no air.
        region: What the table gave: the mask, the whole box, or a small cube at the seed point.
        lesion: The outline: the mask, or what was outlined in box or about the seed.
        in_plane: Whether slices are not contiguous, so that a stack ends where the lesion need not.
    """

    image: Float32[np.ndarray, "slice row column"]
    grid: Grid
    levels: Levels
    tissue_ml: float
    region: Bool[np.ndarray, "slice row column"]
    lesion: Bool[np.ndarray, "slice row column"]
    in_plane: bool

    @property
    def bounds(self) -> Int64[np.ndarray, "3 2"]:
        """First and last-plus-one voxel of the lesion along each axis."""
        return lesion_bounds(self.lesion)


def scene_of(case: Case, lesion: Mask, *, in_plane: bool) -> Scene:
    """Return what the flags of a case look at, beside its outline."""
    image, grid = case.volume.array, case.volume.grid
    sample = image[tuple(slice(None, None, _stride(size, image.size)) for size in image.shape)]
    dark, middle, bright = np.percentile(sample, (DARK, 50, BRIGHT))
    levels = Levels(float(dark), float(middle), float(bright))
    field_ml = float(np.prod(np.asarray(grid.shape) * np.asarray(grid.spacing_mm))) / 1000
    return Scene(
        image=image,
        grid=grid,
        levels=levels,
        tissue_ml=field_ml * float((sample > levels.air).mean()),
        region=_region(case),
        lesion=lesion.array,
        in_plane=in_plane,
    )


def _stride(size: int, voxels: int) -> int:
    """Return every how many voxels an axis is sampled; a short axis is taken whole."""
    return max(1, min(size // 8, int(np.cbrt(voxels / SAMPLE) + 0.5)))


def _region(case: Case) -> Bool[np.ndarray, "slice row column"]:
    if isinstance(case.roi, Mask):
        return case.roi.array
    if isinstance(case.roi, Box):
        bounds = case.roi.bounds
    else:
        reach = SEED_SIDE_MM / 2 / np.asarray(case.volume.grid.spacing_mm)
        point = np.array([case.roi.slice, case.roi.row, case.roi.column])
        first, second, third = zip(point - reach, point + reach + 1, strict=True)
        bounds = (first, second, third)
    region = np.zeros(case.volume.grid.shape, dtype=np.bool_)
    region[tuple(slice(max(0, int(start)), int(np.ceil(stop))) for start, stop in bounds)] = True
    return region
