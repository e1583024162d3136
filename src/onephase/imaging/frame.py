"""Where the patch of a case lies: fixed physical size, centred on the lesion, axes in one order for all."""

import numpy as np

from onephase.arrays import Bool, Int64
from onephase.imaging.geometry import Grid
from onephase.settings import ImagingSettings

CANONICAL = (2, 1, 0)
"""LPS axes in the order of a patch: slices go up (z), rows to posterior (y), columns to the left (x)."""


def box_of(mask: Bool[np.ndarray, "*grid"]) -> tuple[slice, ...]:
    """Return the smallest box that holds a mask, which is not empty; each pass sees only what is left."""
    box: tuple[slice, ...] = ()
    for axis in range(mask.ndim):
        others = tuple(other for other in range(mask.ndim) if other != axis)
        found = np.flatnonzero(mask[box].any(axis=others))
        box += (slice(int(found[0]), int(found[-1]) + 1),)
    return box


def lesion_bounds(mask: Bool[np.ndarray, "slice row column"]) -> Int64[np.ndarray, "3 2"]:
    """Return first and last-plus-one index of a mask along each axis; the mask is not empty."""
    return np.array([(part.start, part.stop) for part in box_of(mask)], dtype=np.int64)


def around(
    mask: Bool[np.ndarray, "slice row column"], spacing_mm: tuple[float, float, float], *, margin_mm: float
) -> tuple[slice, slice, slice]:
    """Return the box about a mask with a margin, as far as the grid reaches; the mask is not empty."""
    bounds = lesion_bounds(mask)
    margin = np.ceil(margin_mm / np.asarray(spacing_mm)).astype(np.int64)
    starts, stops = np.maximum(bounds[:, 0] - margin, 0), np.minimum(bounds[:, 1] + margin, mask.shape)
    first, second, third = (slice(int(start), int(stop)) for start, stop in zip(starts, stops, strict=True))
    return first, second, third


def patch_frame(grid: Grid, bounds: Int64[np.ndarray, "3 2"], imaging: ImagingSettings) -> Grid:
    """Return the grid of the patch.

    A volume's axes are reordered and flipped to the nearest of (up, posterior, left). A stack keeps its
    slices: as many as the patch holds, about the lesion, or every second, third, ... of a taller lesion.

    Args:
        grid: The volume's grid.
        bounds: First and last-plus-one voxel of the lesion along each axis.
        imaging: Spacing and size of the patch.
    """
    axes = _canonical_axes(grid)
    signs = np.array([np.sign(grid.direction[lps, axis]) for lps, axis in zip(CANONICAL, axes, strict=True)])
    centre = (bounds[:, 0] + bounds[:, 1] - 1) / 2
    spacing = np.full(3, imaging.spacing_mm)
    if imaging.sampling == "stack":
        first = axes.index(0)  # the slice axis comes first, the other two keep their order
        order = [first, *(place for place in range(3) if place != first)]
        axes, signs = [axes[place] for place in order], signs[order]
        room, height = imaging.patch_voxels[0], bounds[0, 1] - bounds[0, 0]
        stride = int(np.ceil(height / room))
        spacing[0] = stride * grid.spacing_mm[0]
        # the middle of the patch falls so that every voxel of it lies on a slice
        lowest = np.floor(centre[0] - stride * (room - 1) / 2 + 0.5)
        centre[0] = lowest + stride * (room - 1) / 2
    direction = grid.direction[:, axes] * signs
    half = (np.asarray(imaging.patch_voxels) - 1) / 2 * spacing
    origin = grid.position_mm(centre) - direction @ half
    return Grid(imaging.patch_voxels, _triple(spacing), _triple(origin), direction)


def sides_mm(bounds: Int64[np.ndarray, "3 2"], grid: Grid, frame: Grid) -> list[float]:
    """Return the sides of the lesion's bounding box in mm, along the axes of the patch."""
    along = np.abs(grid.direction.T @ frame.direction)  # (volume axis, patch axis)
    sides = (bounds[:, 1] - bounds[:, 0]) * np.asarray(grid.spacing_mm)
    return [float(sides[along[:, axis].argmax()]) for axis in range(3)]


def _triple(values: np.ndarray) -> tuple[float, float, float]:
    first, second, third = map(float, values)
    return first, second, third


def _canonical_axes(grid: Grid) -> list[int]:
    """Return which axis of the grid lies nearest to each canonical one, each used once."""
    left: list[int] = [0, 1, 2]
    axes = []
    along = np.abs(grid.direction)  # (LPS, axis)
    for lps in CANONICAL:
        axis = max(left, key=lambda candidate: along[lps, candidate])
        left.remove(axis)
        axes.append(axis)
    return axes
