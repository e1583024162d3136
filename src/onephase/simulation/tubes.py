"""Thin round structures drawn on a grid: vessels and spicules."""

from typing import TypeAlias

import numpy as np
from jaxtyping import Float32, Float64

from onephase.simulation.fields import Axes

Points: TypeAlias = Float64[np.ndarray, "point 3"]


def draw_tubes(
    canvas: Float32[np.ndarray, "slice row column"],
    axes: Axes,
    *,
    points_mm: Points,
    radii_mm: Float64[np.ndarray, " point"],
) -> None:
    """Draw balls along curves into ``canvas``, keeping the larger value where they overlap.

    A voxel's value is the share of it that the tube fills, by a linear ramp of one voxel's width; a
    tube thinner than a voxel fills a share that falls with its cross-section.

    Args:
        canvas: Values in 0..1 on a regular grid, changed in place.
        axes: Positions of the canvas's voxels in mm.
        points_mm: Centres (slice, row, column) along the curves, no further apart than half a voxel.
        radii_mm: Radius at each point.
    """
    if len(points_mm) == 0:
        return
    spacing = np.array([axis[1] - axis[0] for axis in axes])
    width = float(np.cbrt(spacing.prod()))
    index, squares = [], []
    for dimension, axis in enumerate(axes):
        reach = int(np.ceil((radii_mm.max() + width / 2) / spacing[dimension]))
        nearest = np.rint((points_mm[:, dimension] - axis[0]) / spacing[dimension]).astype(np.intp)
        along = nearest[:, None] + np.arange(-reach, reach + 1)  # (point, voxel of this axis)
        away = (along * spacing[dimension] + axis[0] - points_mm[:, [dimension]]).astype(np.float32)
        squares.append(np.where((along >= 0) & (along < len(axis)), away**2, np.float32(np.inf)))
        index.append(along)
    square = squares[0][:, :, None, None] + squares[1][:, None, :, None] + squares[2][:, None, None, :]
    reached = (radii_mm + width / 2).astype(np.float32) ** 2
    point, z, y, x = np.nonzero(square < reached[:, None, None, None])
    distance = np.sqrt(square[point, z, y, x])
    share = np.minimum(1, 2 * radii_mm / width) ** 2
    filled = np.clip((radii_mm[point] - distance) / width + 0.5, 0, 1) * share[point]
    where = (index[0][point, z], index[1][point, y], index[2][point, x])
    np.maximum.at(canvas, where, filled.astype(np.float32))


def bent_curve(
    start_mm: Float64[np.ndarray, " 3"],
    direction: Float64[np.ndarray, " 3"],
    *,
    length_mm: float,
    bend_per_mm: float,
    step_mm: float,
    rng: np.random.Generator,
) -> Points:
    """Return points along a curve whose direction wanders, from ``start_mm`` for ``length_mm``."""
    steps = max(2, int(length_mm / step_mm))
    wander = rng.standard_normal((steps, 3)).cumsum(axis=0) * bend_per_mm * step_mm
    headings = direction + wander
    headings /= np.linalg.norm(headings, axis=1, keepdims=True)
    return np.asarray(start_mm + np.cumsum(headings * step_mm, axis=0))


def random_directions(rng: np.random.Generator, count: int) -> Float64[np.ndarray, "count 3"]:
    """Return unit vectors, evenly distributed over the sphere."""
    vectors = rng.standard_normal((count, 3))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
