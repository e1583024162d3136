"""The nearest voxel of the other kind: exact, within a reach, one axis after the other.

scipy finds the same without a reach, but its import takes as long as the rest of a prediction.
"""

import math

import numpy as np

from onephase.arrays import Bool, Float32, Int32, Int64
from onephase.imaging.frame import box_of

WIDER = 1e-6
"""Of voxels equally near, the one across the widest layer is taken, however the axes are turned: a step costs a little
less the longer it is and the wider its layer."""


def offsets_to_nearest(
    where: Bool[np.ndarray, "*grid"], spacing_mm: tuple[float, ...], *, farthest_mm: float
) -> tuple[Int64[np.ndarray, " reached"], Float32[np.ndarray, "axis reached"]]:
    """Return how far along each axis the nearest voxel outside ``where`` lies.

    Args:
        where: The voxels that ask.
        spacing_mm: Voxel spacing.
        farthest_mm: How far they look.

    Returns:
        Flat index of every voxel in ``where`` that has one near enough, and its offset in mm along each axis, without
        its sign.
    """
    if where.all():
        return np.empty(0, dtype=np.int64), np.empty((where.ndim, 0), dtype=np.float32)
    squared, steps = _least_squares(where, spacing_mm, farthest_mm=farthest_mm)
    reached = np.flatnonzero(where & (squared <= farthest_mm**2))
    position = reached.copy()
    offsets = np.empty((where.ndim, len(reached)), dtype=np.float32)
    for axis in reversed(range(where.ndim)):  # the last axis was the last to be looked along
        taken = steps[axis].reshape(-1)[position]
        offsets[axis] = np.abs(taken) * np.float32(spacing_mm[axis])
        position += taken * np.int64(np.prod(where.shape[axis + 1 :]))
    return reached, offsets


def _least_squares(
    where: Bool[np.ndarray, "*grid"], spacing_mm: tuple[float, ...], *, farthest_mm: float
) -> tuple[Float32[np.ndarray, "*grid"], list[Int32[np.ndarray, "*grid"]]]:
    """Return the squared distance to the nearest voxel outside, and the step along each axis that leads there.

    A squared distance is a sum over axes, so that its least is a least over one axis after the other (Saito and
    Toriwaki 1994, doi 10.1016/0031-3203(94)90133-9).
    """
    squared = np.where(where, np.float32(np.inf), np.float32(0))
    box = box_of(~where)
    steps = []
    room, is_nearer = np.empty(where.size, dtype=np.float32), np.empty(where.size, dtype=bool)  # once, for all steps
    for axis, mm in enumerate(spacing_mm):
        part = (*[slice(None)] * (axis + 1), *box[axis + 1 :])  # beside it no line holds a voxel yet
        nearest, before = squared[part], squared[part].copy()
        step_along = np.zeros(where.shape, dtype=np.int32)
        chosen = step_along[part]
        for step in range(1, min(int(farthest_mm / mm) + 1, where.shape[axis])):
            step_mm2 = np.float32((step * mm) ** 2 * (1 - WIDER * step * mm * mm))
            if step_mm2 >= nearest.max():
                break
            ahead = (*[slice(None)] * axis, slice(step, None))
            behind = (*[slice(None)] * axis, slice(None, -step))
            for here, there, signed in ((ahead, behind, -step), (behind, ahead, step)):
                shape = before[there].shape
                other = np.add(before[there], step_mm2, out=room[: math.prod(shape)].reshape(shape))
                nearer = np.less(other, nearest[here], out=is_nearer[: math.prod(shape)].reshape(shape))
                np.minimum(nearest[here], other, out=nearest[here])
                np.copyto(chosen[here], np.int32(signed), where=nearer)
        steps.append(step_along)
    return squared, steps
