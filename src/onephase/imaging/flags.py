"""Sentences on what is unusual about a lesion in its patch; they stay with every result."""

import numpy as np

from onephase.arrays import Bool, Int64
from onephase.imaging.case import Box, Roi
from onephase.imaging.frame import sides_mm
from onephase.imaging.geometry import Grid
from onephase.settings import RegionSettings

NO_CORE = "the lesion is too thin to have a core, so core takes no part in the answer"
DEEP_AIR = (
    "the darkest tissue around the lesion is more than twice as far above air as the lesion is above it: look whether "
    "the volume is padded with a value darker than air"
)
ONE_VOXEL = "the outline holds one voxel only"
IN_PLANE = "slices are taken as not contiguous, so regions are measured in plane"
SHELL_LEAVES_PATCH = "the shell is cut by the border of the patch"
SHELL_LEAVES_VOLUME = "the shell is cut by the border of the volume"
ROUNDING_MM = 1e-6
LEAST_SHARE_OF_BOX, LARGEST_SHARE_OF_BOX = 0.03, 0.8
"""An ellipsoid fills 52 % of the box around it, and a cylinder along a stack's slices 79 %."""


def outline_flags(
    lesion: Bool[np.ndarray, "slice row column"],
    *,
    method: str,
    roi: Roi,
    grid: Grid,
    in_plane: bool,
    regions: RegionSettings,
) -> list[str]:
    """Return what must be said of an outline and of the slices that it lies on.

    Args:
        lesion: The outline within its bounding box.
        method: How it was drawn.
        roi: What it was drawn from.
        grid: The volume's grid.
        in_plane: Whether slices are taken as not contiguous.
        regions: How far the shell reaches.
    """
    flags = []
    if method != "given":
        flags.append(f"the outline is {method}; nobody has checked it")
    if isinstance(roi, Box):
        share = lesion.sum() / np.prod([stop - start for start, stop in roi.bounds])
        if not LEAST_SHARE_OF_BOX <= share <= LARGEST_SHARE_OF_BOX:
            flags.append(f"the outline fills {share:.0%} of its box: look whether the box fits the lesion")
    if lesion.sum() == 1:
        flags.append(ONE_VOXEL)
    if in_plane:
        flags.append(IN_PLANE)
    elif max(grid.spacing_mm) > regions.shell_reach_mm:
        flags.append(
            f"slices lie {max(grid.spacing_mm):.1f} mm apart, further than the shell reaches "
            f"({regions.shell_reach_mm:g} mm), so the shell is interpolated across slices"
        )
    return flags


def frame_flags(
    bounds: Int64[np.ndarray, "3 2"], *, frame: Grid, grid: Grid, in_plane: bool, regions: RegionSettings
) -> list[str]:
    """Return what the borders of patch and volume cut off.

    Args:
        bounds: First and last-plus-one voxel of the lesion along each axis of the volume.
        frame: The patch's grid.
        grid: The volume's grid.
        in_plane: Whether the slice axis has no part in the regions.
        regions: How far the shell reaches.
    """
    flags = []
    measured = slice(1, 3) if in_plane else slice(0, 3)  # a stack's first axis is its slice axis, in both grids
    room_mm = (np.asarray(frame.shape) * np.asarray(frame.spacing_mm))[measured]
    lesion_mm = np.array(sides_mm(bounds, grid, frame))[measured]
    if (lesion_mm > room_mm + ROUNDING_MM).any():
        worst = int((lesion_mm - room_mm).argmax())
        flags.append(
            f"the lesion ({lesion_mm[worst]:.1f} mm) is larger than the patch ({room_mm[worst]:.1f} mm) and is cut"
        )
    elif (lesion_mm + 2 * regions.shell_reach_mm > room_mm + ROUNDING_MM).any():
        flags.append(SHELL_LEAVES_PATCH)
    reach = regions.shell_reach_mm / np.asarray(grid.spacing_mm)
    cut = (bounds[:, 0] - reach < 0) | (bounds[:, 1] + reach > np.asarray(grid.shape))
    if cut[measured].any():
        flags.append(SHELL_LEAVES_VOLUME)
    return flags
