"""What is measured on an outline, in millimetres and millilitres."""

import numpy as np
from jaxtyping import Bool, Float64
from scipy.ndimage import binary_erosion
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import pdist

ML_PER_MM3 = 1e-3
MANY_POINTS = 500
"""Above this number of points, the hull is taken first: distances grow with its square."""


def volume_ml(mask: Bool[np.ndarray, "slice row column"], spacing_mm: tuple[float, float, float]) -> float:
    """Return the volume of a mask in millilitres."""
    return float(mask.sum() * np.prod(spacing_mm) * ML_PER_MM3)


def longest_mm(mask: Bool[np.ndarray, "slice row column"], spacing_mm: tuple[float, float, float]) -> float:
    """Return the greatest distance between the outer corners of two voxels of a mask, in mm."""
    surface = mask & ~binary_erosion(np.pad(mask, 1))[1:-1, 1:-1, 1:-1]
    centres = np.argwhere(surface) * np.asarray(spacing_mm)
    hull = _hull(centres)
    corners = np.array(np.meshgrid(*[(-0.5, 0.5)] * 3)).reshape(3, -1).T * np.asarray(spacing_mm)  # (8, 3)
    return float(pdist(_hull((hull[:, np.newaxis] + corners).reshape(-1, 3))).max())


def _hull(points: Float64[np.ndarray, "point 3"]) -> Float64[np.ndarray, "vertex 3"]:
    if len(points) <= MANY_POINTS:
        return points
    try:
        return np.asarray(points[ConvexHull(points).vertices])
    except QhullError:  # all points lie in one plane
        return points
