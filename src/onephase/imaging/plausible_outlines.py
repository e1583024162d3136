"""Outlines that might as well have been drawn: one lesion, several masks, to see how much hangs on the outline.

A mask is varied by its surface alone: moved outward or inward, and aside, by normal draws in millimetres. A box or
a seed point is varied first in how it is outlined (smoothing and threshold, each within a stated range), then by its
surface likewise. What is drawn depends on the case and on nothing else, so that it can be drawn again.
"""

import hashlib
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from onephase.arrays import Bool, Float32
from onephase.errors import ImageError
from onephase.imaging.case import Case, Mask, Roi
from onephase.imaging.frame import around
from onephase.imaging.outline import outline
from onephase.imaging.outline_moves import moved
from onephase.imaging.outline_recipe import Recipe

SMOOTHING_MM = (0.4, 1.0)
RAISED = (-0.15, 0.15)
MEASURED_MM = 1.0
"""Standard deviation of the surface that a program draws, by measurement on simulated lesions (docs/log.md)."""
ASIDE = 0.5
"""How far an outline lies aside along each axis, as a part of how far its surface lies outward (as measured)."""
DEEPEST = 0.5
"""No surface moves further inward than this part of the lesion's depth."""
USUAL_OUTLINES = 9
MOST_OUTLINES = 100


@dataclass(frozen=True, slots=True)
class Doubt:
    """How much an outline is doubted.

    Attributes:
        outlines: How many are drawn, the given one among them.
        error_mm: Standard deviation of the surface, outward; aside it is half of that along each axis.
    """

    outlines: int = USUAL_OUTLINES
    error_mm: float = MEASURED_MM

    def __post_init__(self) -> None:
        """Refuse no outline, too many of them, and an error that is no length."""
        if not 1 <= self.outlines <= MOST_OUTLINES:
            message = f"expected 1 to {MOST_OUTLINES} outlines, got {self.outlines}"
            raise ImageError(message)
        if not 0 <= self.error_mm < np.inf:
            message = f"the error of an outline is a length in mm, 0 or more, got {self.error_mm:g}"
            raise ImageError(message)


def doubt_about(roi: Roi, *, outlines: int = 0, error_mm: float = MEASURED_MM) -> Doubt | None:
    """Return the doubt about an outline; None where it is trusted.

    Args:
        roi: Where the lesion is.
        outlines: How many outlines; 0 for as many as usual: one from a mask, 9 from a box or a seed point.
        error_mm: Standard deviation of the surface.

    Raises:
        ImageError: If there are too many outlines, or the error is no length.
    """
    wanted = outlines or (1 if isinstance(roi, Mask) else USUAL_OUTLINES)
    return Doubt(wanted, error_mm) if wanted != 1 else None


def plausible_outlines(case: Case, doubt: Doubt, *, in_plane: bool) -> tuple[Mask, ...]:
    """Return outlines of a lesion, the one that is drawn without any doubt first.

    Outward moves are spread evenly over the normal distribution and shuffled, so that a few show its width. A recipe
    that finds no lesion draws no plausible outline and is left out.

    Args:
        case: A case; its mask, box or seed point is where the outlines start.
        doubt: How many, and how far apart.
        in_plane: Whether each slice is measured by itself, for slices that are not contiguous.

    Raises:
        ImageError: If nothing can be outlined without doubt.
    """
    from scipy.special import ndtri  # a prediction from one outline need not wait for it

    first, others = outline(case), doubt.outlines - 1
    lesion = around(first.array, first.grid.spacing_mm, margin_mm=0.0)
    rng = _draws(case.volume.array[lesion], first.array[lesion])
    spread = ndtri((rng.permutation(others) + 0.5) / max(others, 1))
    drawn = [first]
    for outward_mm in (doubt.error_mm * spread).tolist():
        recipe = Recipe(float(rng.uniform(*SMOOTHING_MM)), float(rng.uniform(*RAISED)))
        aside = ASIDE * doubt.error_mm * rng.standard_normal(3) * (0.0 if in_plane else 1.0, 1.0, 1.0)
        along_slice, along_row, along_column = aside.tolist()
        with suppress(ImageError):
            mask = first if isinstance(case.roi, Mask) else outline(case, recipe)
            step_mm = (along_slice, along_row, along_column)
            drawn.append(moved(mask, outward_mm=outward_mm, step_mm=step_mm, deepest=DEEPEST, in_plane=in_plane))
    return tuple(drawn)


def _draws(
    image: Float32[np.ndarray, "slice row column"], lesion: Bool[np.ndarray, "slice row column"]
) -> np.random.Generator:
    """Return a source of randomness that depends on the lesion and on nothing else."""
    digest = hashlib.sha256(image.tobytes() + lesion.tobytes()).digest()
    return np.random.default_rng(list(digest))
