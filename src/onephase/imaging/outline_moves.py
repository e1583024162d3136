"""An outline as it might have been drawn instead: tighter or wider, and a little beside.

In millimetres on the signed distance to its surface, so that an anisotropic grid changes as much along every axis.
"""

import numpy as np

from onephase.errors import ImageError
from onephase.imaging.case import Mask
from onephase.imaging.frame import around
from onephase.imaging.regions import signed_distance

STAYS = (0.0, 0.0, 0.0)
SPARE_MM = 2.0  # about the moved outline, so that it never touches the edge of what is looked at


def moved(
    mask: Mask,
    *,
    outward_mm: float = 0.0,
    step_mm: tuple[float, float, float] = STAYS,
    deepest: float | None = None,
    in_plane: bool,
) -> Mask:
    """Return the outline with its whole surface moved outward and then aside.

    Args:
        mask: The outline.
        outward_mm: How far the surface moves outward; inward where negative.
        step_mm: How far it moves along (slice, row, column).
        deepest: Of the lesion's depth, how far its surface moves inward at the most; below 1 something is always left.
        in_plane: Whether each slice is measured by itself, for slices that are not contiguous.

    Raises:
        ImageError: If nothing of the outline is left.
    """
    margin_mm = max(outward_mm, 0.0) + float(np.linalg.norm(step_mm)) + SPARE_MM
    near = around(mask.array, mask.grid.spacing_mm, margin_mm=margin_mm)
    distance = signed_distance(mask.array[near], mask.grid.spacing_mm, in_plane=in_plane)
    if step_mm != STAYS:
        from scipy import ndimage  # a prediction from one outline need not wait for it

        distance = ndimage.shift(
            distance, np.asarray(step_mm) / np.asarray(mask.grid.spacing_mm), order=1, mode="nearest"
        )
    if deepest is not None:
        outward_mm = max(outward_mm, deepest * float(distance.min()))  # the deepest voxel has the least distance
    array = np.zeros(mask.grid.shape, dtype=bool)
    array[near] = distance <= np.float32(outward_mm)
    if not array.any():
        message = "nothing of the outline is left"
        raise ImageError(message)
    return Mask(array, mask.grid, mask.method)
