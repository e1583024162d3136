"""The outline drawn otherwise: tighter, wider, beside the lesion, or a box in its place.

All in millimetres on the signed distance to the surface, so that an anisotropic grid changes as much along every axis.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Float32, Float64
from scipy import ndimage

from onephase.errors import ImageError
from onephase.evaluation.robustness.change import Original, around
from onephase.imaging.case import Box, Case, Mask
from onephase.imaging.frame import lesion_bounds
from onephase.imaging.regions import signed_distance

SPARE_MM = 2.0  # about the changed outline, so that it never touches the edge of what is looked at


def regrown(original: Original, rng: np.random.Generator, *, by_mm: float) -> Case:  # noqa: ARG001 - nothing is drawn
    """Move the whole surface outward, or inward where ``by_mm`` is negative.

    Raises:
        ImageError: If nothing of the outline is left.
    """
    mask = original.mask
    near = around(mask, margin_mm=max(by_mm, 0.0) + SPARE_MM)
    distance = signed_distance(mask.array[near], mask.grid.spacing_mm, in_plane=original.in_plane)
    return _drawn(original.case, mask, near, distance - np.float32(by_mm))


def shifted(original: Original, rng: np.random.Generator, *, by_mm: float) -> Case:
    """Move the outline in a direction that is drawn; within slices where they are not contiguous."""
    mask = original.mask
    near = around(mask, margin_mm=by_mm + SPARE_MM)
    distance = signed_distance(mask.array[near], mask.grid.spacing_mm, in_plane=original.in_plane)
    step = by_mm * _direction(rng, in_plane=original.in_plane) / np.asarray(mask.grid.spacing_mm)
    return _drawn(original.case, mask, near, ndimage.shift(distance, step, order=1, mode="nearest"))


def boxed(original: Original, rng: np.random.Generator) -> Case:  # noqa: ARG001 - nothing is drawn
    """Give the outline's bounding box in its place, in which the program outlines anew.

    Raises:
        ImageError: If the case had no mask to begin with.
    """
    if original.record.mask is None:
        message = "the case has no mask: its outline was drawn from a box or a seed point already"
        raise ImageError(message)
    slices, rows, columns = ((float(start), float(stop)) for start, stop in lesion_bounds(original.mask.array))
    return replace(original.case, roi=Box(slice=slices, row=rows, column=columns))


def _direction(rng: np.random.Generator, *, in_plane: bool) -> Float64[np.ndarray, "3"]:
    drawn = rng.standard_normal(3)
    if in_plane:
        drawn[0] = 0.0
    return np.asarray(drawn / np.linalg.norm(drawn))


def _drawn(
    case: Case, mask: Mask, near: tuple[slice, slice, slice], distance_mm: Float32[np.ndarray, "slice row column"]
) -> Case:
    """Return the case with the outline where the distance is 0 or less."""
    array = np.zeros(mask.grid.shape, dtype=bool)
    array[near] = distance_mm <= 0
    if not array.any():
        message = "nothing of the outline is left"
        raise ImageError(message)
    return replace(case, roi=Mask(array, mask.grid, mask.method))
