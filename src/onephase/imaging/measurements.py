"""What is measured on an outline, in millimetres and millilitres."""

import numpy as np

from onephase.arrays import Bool, Float64

ML_PER_MM3 = 1e-3
MANY_VOXELS = 1000
"""Above this number of voxels, the hull is taken first: distances grow with its square."""


def volume_ml(mask: Bool[np.ndarray, "slice row column"], spacing_mm: tuple[float, float, float]) -> float:
    """Return the volume of a mask in millilitres."""
    return float(mask.sum() * np.prod(spacing_mm) * ML_PER_MM3)


def longest_mm(mask: Bool[np.ndarray, "slice row column"], spacing_mm: tuple[float, float, float]) -> float:
    """Return the greatest distance between the outer corners of two voxels of a mask, in mm."""
    outermost = np.ascontiguousarray(_hull(np.argwhere(_ends(mask)) * np.asarray(spacing_mm)).T)  # (3, voxel)
    size = np.asarray(spacing_mm)[:, np.newaxis]
    # to those that follow, from the outer corner of the one to the opposite corner of the other
    apart = (np.abs(outermost[:, at:] - outermost[:, at : at + 1]) + size for at in range(outermost.shape[1]))
    return float(np.sqrt(max((each**2).sum(axis=0).max() for each in apart)))


def _ends(mask: Bool[np.ndarray, "slice row column"]) -> Bool[np.ndarray, "slice row column"]:
    """Return the voxels that are the first or the last of a mask along every axis; no other is a corner of its hull."""
    ends = mask.copy()
    for axis in range(mask.ndim):
        place = mask.cumsum(axis=axis)  # of each voxel among those on its line, from 1
        ends &= (place == 1) | (place == place.max(axis=axis, keepdims=True))
    return ends


def _hull(points: Float64[np.ndarray, "point 3"]) -> Float64[np.ndarray, "vertex 3"]:
    if len(points) <= MANY_VOXELS:
        return points
    from scipy.spatial import ConvexHull, QhullError  # a tenth of what a prediction imports; few lesions need it

    try:
        return np.asarray(points[ConvexHull(points).vertices])
    except QhullError:  # all points lie in one plane
        return points
