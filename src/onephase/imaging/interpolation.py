"""Linear interpolation at any points of a volume, for grids that are not parallel to its axes (see ``sampling``)."""

import math

import numpy as np

from onephase.arrays import Float64, Int64, Shaped


def interpolated(
    values: Shaped[np.ndarray, "slice row column"], index: Float64[np.ndarray, "*points 3"], *, outside: float
) -> Float64[np.ndarray, "*points"]:
    """Return the values of a volume at fractional indices.

    Args:
        values: The volume.
        index: Fractional indices (slice, row, column).
        outside: What stands where a point lies beyond the centres of the outermost voxels.
    """
    last = np.array(values.shape) - 1
    within = ((index >= 0) & (index <= last)).all(axis=-1)
    first, share, step = [], [], []
    for axis, place in enumerate(index[within].T):
        low = place.astype(np.intp)
        stride = math.prod(values.shape[axis + 1 :])
        first.append(low * stride)
        share.append(place - low)
        step.append(np.where(low < last[axis], stride, 0))  # on the last voxel nothing of a next one counts
    flat = values.reshape(-1)

    def along(axis: int, at: Int64[np.ndarray, " point"]) -> Float64[np.ndarray, " point"]:
        if axis == values.ndim:
            return np.asarray(flat[at], dtype=np.float64)
        here = along(axis + 1, at)
        return np.asarray(here + share[axis] * (along(axis + 1, at + step[axis]) - here))

    result = np.full(index.shape[:-1], outside, dtype=np.float64)
    result[within] = along(0, sum(first))
    return result
