"""An outline as it might have been drawn instead: tighter or wider, and a little beside.

In millimetres on the signed distance to its surface, so that an anisotropic grid changes as much along every axis.
"""

import numpy as np
from jaxtyping import Int64
from scipy import ndimage

from onephase.errors import ImageError
from onephase.imaging.case import Mask
from onephase.imaging.frame import lesion_bounds
from onephase.imaging.regions import signed_distance

STAYS = (0.0, 0.0, 0.0)
SPARE_MM = 2.0  # about the moved outline, so that it never touches the edge of what is looked at


def moved(
    mask: Mask,
    *,
    outward_mm: float = 0.0,
    step_mm: tuple[float, float, float] = STAYS,
    in_plane: bool,
) -> Mask:
    """Return the outline with its whole surface moved outward and then aside.

    Args:
        mask: The outline.
        outward_mm: How far the surface moves outward; inward where negative.
        step_mm: How far it moves along (slice, row, column).
        in_plane: Whether each slice is measured by itself, for slices that are not contiguous.

    Raises:
        ImageError: If nothing of the outline is left.
    """
    spacing = np.asarray(mask.grid.spacing_mm)
    near = around(mask, margin_mm=max(outward_mm, 0.0) + float(np.linalg.norm(step_mm)) + SPARE_MM)
    distance = signed_distance(mask.array[near], mask.grid.spacing_mm, in_plane=in_plane)
    if step_mm != STAYS:
        distance = ndimage.shift(distance, np.asarray(step_mm) / spacing, order=1, mode="nearest")
    array = np.zeros(mask.grid.shape, dtype=bool)
    array[near] = distance <= np.float32(outward_mm)
    if not array.any():
        message = "nothing of the outline is left"
        raise ImageError(message)
    return Mask(array, mask.grid, mask.method)


def around(mask: Mask, *, margin_mm: float) -> tuple[slice, slice, slice]:
    """Return the box about a lesion with a margin, as far as the grid reaches."""
    bounds: Int64[np.ndarray, "3 2"] = lesion_bounds(mask.array)
    margin = np.ceil(margin_mm / np.asarray(mask.grid.spacing_mm)).astype(np.int64)
    starts, stops = np.maximum(bounds[:, 0] - margin, 0), np.minimum(bounds[:, 1] + margin, mask.grid.shape)
    first, second, third = (slice(int(start), int(stop)) for start, stop in zip(starts, stops, strict=True))
    return first, second, third
