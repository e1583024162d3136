"""The outline drawn otherwise: tighter, wider, beside the lesion, or a box in its place."""

from dataclasses import replace

import numpy as np

from onephase.arrays import Float64
from onephase.errors import ImageError
from onephase.evaluation.robustness.change import Original
from onephase.imaging.case import Box, Case
from onephase.imaging.frame import lesion_bounds
from onephase.imaging.outline_moves import moved


def regrown(original: Original, rng: np.random.Generator, *, by_mm: float) -> Case:  # noqa: ARG001 - nothing is drawn
    """Move the whole surface outward, or inward where ``by_mm`` is negative.

    Raises:
        ImageError: If nothing of the outline is left.
    """
    return replace(original.case, roi=moved(original.mask, outward_mm=by_mm, in_plane=original.in_plane))


def shifted(original: Original, rng: np.random.Generator, *, by_mm: float) -> Case:
    """Move the outline in a direction that is drawn; within slices where they are not contiguous."""
    along_slice, along_row, along_column = (by_mm * _direction(rng, in_plane=original.in_plane)).tolist()
    step_mm = (along_slice, along_row, along_column)
    return replace(original.case, roi=moved(original.mask, step_mm=step_mm, in_plane=original.in_plane))


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
