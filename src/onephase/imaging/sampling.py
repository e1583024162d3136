"""Resampling axis by axis: each axis of a patch is a weighted sum along one axis of the volume.

The patch's axes are the volume's, permuted and flipped, never rotated; so three small matrices do all
the work. The kernel is a triangle as wide as the coarser of the two spacings: linear interpolation
where the patch is finer than the volume, and an anti-aliasing average where it is coarser.
"""

from dataclasses import dataclass

import numpy as np

from onephase.arrays import Bool, Float32, Shaped
from onephase.imaging.geometry import Grid

ON_THE_EDGE = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class AxisSampling:
    """How one axis of a patch is drawn from one axis of a volume.

    Attributes:
        axis: The volume's axis.
        start: First voxel of the volume that is needed.
        weights: One row for each voxel of the patch, over the voxels from ``start`` on; a row sums to
            1, or to 0 where the patch lies outside the volume.
    """

    axis: int
    start: int
    weights: Float32[np.ndarray, "patch volume"]

    @property
    def crop(self) -> slice:
        """The voxels of the volume that are needed."""
        return slice(self.start, self.start + self.weights.shape[1])

    @property
    def inside(self) -> Bool[np.ndarray, " patch"]:
        """Which voxels of the patch lie within the volume along this axis."""
        return np.asarray(self.weights.any(axis=1))


def axis_sampling(axis: int, positions: np.ndarray, *, size: int) -> AxisSampling:
    """Return the weights of one axis.

    Args:
        axis: The volume's axis.
        positions: Where the patch's voxels lie along it, in voxels of the volume, evenly spaced.
        size: Number of the volume's voxels along it.
    """
    step = abs(positions[1] - positions[0]) if len(positions) > 1 else 1.0
    width = max(1.0, float(step))
    start = int(np.clip(np.floor(positions.min() - width), 0, size - 1))
    stop = int(np.clip(np.ceil(positions.max() + width) + 1, start + 1, size))
    weights = np.maximum(0.0, 1 - np.abs(positions[:, np.newaxis] - np.arange(start, stop)) / width)
    outside = (positions < -0.5 - ON_THE_EDGE) | (positions > size - 0.5 + ON_THE_EDGE)
    weights[outside] = 0
    total = weights.sum(axis=1, keepdims=True)
    return AxisSampling(axis, start, (weights / np.where(total > 0, total, 1)).astype(np.float32))


def sampling_of(frame: Grid, grid: Grid) -> tuple[AxisSampling, AxisSampling, AxisSampling]:
    """Return how each axis of a patch is drawn from a volume.

    Args:
        frame: The patch's grid, with axes parallel to the volume's.
        grid: The volume's grid.
    """
    step = np.linalg.solve(grid.index_to_mm, frame.index_to_mm)  # (volume axis, patch axis)
    origin = grid.index_of(np.asarray(frame.origin_mm))
    first, second, third = (
        axis_sampling(
            axis := int(np.abs(step[:, patch_axis]).argmax()),
            origin[axis] + step[axis, patch_axis] * np.arange(frame.shape[patch_axis]),
            size=grid.shape[axis],
        )
        for patch_axis in range(3)
    )
    return first, second, third


def crop_of(
    array: Shaped[np.ndarray, "slice row column"], axes: tuple[AxisSampling, AxisSampling, AxisSampling]
) -> Shaped[np.ndarray, "first second third"]:
    """Return the part of a volume that a patch needs, a view with axes in the patch's order."""
    crops = {sampling.axis: sampling.crop for sampling in axes}
    return array[crops[0], crops[1], crops[2]].transpose([sampling.axis for sampling in axes])


def resample(
    crop: Float32[np.ndarray, "first second third"], axes: tuple[AxisSampling, AxisSampling, AxisSampling]
) -> Float32[np.ndarray, "slice row column"]:
    """Return the patch of a crop that :func:`crop_of` made."""
    first, second, third = (sampling.weights for sampling in axes)
    # as plain matrix products: NumPy hands only these to BLAS
    along_first = first @ np.ascontiguousarray(crop).reshape(crop.shape[0], -1)  # (slice, second x third)
    along_third = along_first.reshape(-1, crop.shape[2]) @ third.T  # (slice x second, column)
    return np.asarray(second @ along_third.reshape(len(first), crop.shape[1], len(third)))  # (slice, row, column)


def inside_of(axes: tuple[AxisSampling, AxisSampling, AxisSampling]) -> Bool[np.ndarray, "slice row column"]:
    """Return which voxels of a patch lie within the volume."""
    first, second, third = (sampling.inside for sampling in axes)
    return np.asarray(first[:, None, None] & second[None, :, None] & third[None, None, :])
