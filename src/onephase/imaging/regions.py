"""Core, rim and peritumoral shell, from the signed distance to the lesion surface in millimetres.

The radii are our choice within the published range (docs/regions.md). Memberships are soft: a voxel at
an edge belongs to two regions in part, so that no outline and no resampling makes it flip.
"""

import numpy as np

from onephase.arrays import Bool, Float32
from onephase.errors import ImageError
from onephase.imaging.frame import around, box_of
from onephase.imaging.nearest import offsets_to_nearest
from onephase.settings import FARTHEST_SHELL_MM, RegionSettings

FAR_MM = 30.0
"""Distance of whatever is far from the lesion, and of every voxel outside the volume: in no region."""

REACH_MM = FARTHEST_SHELL_MM
"""Outside the lesion, distances are told apart up to here; measuring farther would cost more than reading."""


def signed_distance(
    mask: Bool[np.ndarray, "slice row column"],
    spacing_mm: tuple[float, float, float],
    *,
    in_plane: bool,
) -> Float32[np.ndarray, "slice row column"]:
    """Return each voxel's distance to the lesion surface, negative inside.

    The surface runs midway between the voxels inside and those outside, and is found from the nearest
    voxel of the other kind. What lies beyond the array is outside the lesion.

    Args:
        mask: True inside the lesion; not empty.
        spacing_mm: Voxel spacing in mm, same axis order.
        in_plane: Whether each slice is measured by itself, for slices that are not contiguous; a slice
            without lesion is then far away everywhere.

    Returns:
        Distance in mm: no less than ``-FAR_MM`` inside, up to :data:`REACH_MM` outside, :data:`FAR_MM` beyond.

    Raises:
        ImageError: If the mask is empty.

    Examples:
        >>> line = np.array([[[False, True, True, True, False, False]]])
        >>> signed_distance(line, (1.0, 1.0, 2.0), in_plane=True)[0, 0].tolist()
        [1.0, -0.5, -0.5, -0.5, 1.0, 3.0]
    """
    if not mask.any():
        message = "the tumour mask is empty: no voxel is set; name another label or outline the tumour"
        raise ImageError(message)
    distance = np.full(mask.shape, FAR_MM, dtype=np.float32)
    near = around(mask, spacing_mm, margin_mm=REACH_MM)
    if in_plane:
        for index in range(near[0].start, near[0].stop):
            if mask[index].any():
                distance[index][near[1:]] = _signed(mask[index][near[1:]], spacing_mm[1:])
    else:
        distance[near] = _signed(mask[near], spacing_mm)
    return distance


def _signed(mask: np.ndarray, spacing_mm: tuple[float, ...]) -> Float32[np.ndarray, "*grid"]:
    distance = _to_surface(~mask, spacing_mm, reach_mm=REACH_MM)
    distance[distance > REACH_MM] = FAR_MM
    lesion = box_of(mask)
    inner = (slice(1, -1),) * mask.ndim
    padded = np.pad(mask[lesion], 1)  # what lies beyond the array is outside the lesion
    inward = _to_surface(padded, spacing_mm, reach_mm=FAR_MM)[inner]
    distance[lesion] = np.where(mask[lesion], np.maximum(-inward, -FAR_MM), distance[lesion])
    return distance


def _to_surface(where: np.ndarray, spacing_mm: tuple[float, ...], *, reach_mm: float) -> Float32[np.ndarray, "*grid"]:
    """Return, for the voxels in ``where``, the distance to the surface that the nearest voxel outside it marks.

    The surface runs midway between the last layer of voxels on either side. Layers lie one spacing apart
    along an axis and closer along a diagonal, by the cosine of the main direction.

    Returns:
        Distance in mm, 0 outside ``where``; infinite where it is farther than ``reach_mm``.
    """
    farthest_mm = reach_mm + 0.5 * max(spacing_mm)  # of a voxel's centre from the nearest voxel's
    reached, offsets = offsets_to_nearest(where, spacing_mm, farthest_mm=farthest_mm)
    centre_mm = np.sqrt(np.sum(np.square(offsets), axis=0))
    layer = np.max(offsets * np.array(spacing_mm, dtype=np.float32)[:, np.newaxis], axis=0)
    distance = np.where(where, np.float32(np.inf), np.float32(0))
    distance.reshape(-1)[reached] = centre_mm - 0.5 * layer / centre_mm
    return distance


def memberships(
    distance_mm: Float32[np.ndarray, "*grid"], regions: RegionSettings
) -> dict[str, Float32[np.ndarray, "*grid"]]:
    """Return how far each voxel belongs to core, rim and shell, 0..1; what they leave of 1 is outside.

    Each border is a linear ramp of width ``softness_mm`` about its radius. `network.region_weighting`
    computes the same in torch and is tested against this.
    """

    def beyond(depth_mm: float) -> np.ndarray:
        ramp = (distance_mm - np.float32(depth_mm)) / np.float32(regions.softness_mm) + 0.5
        return np.asarray(np.clip(ramp, 0, 1))

    past_core = beyond(-regions.core_depth_mm)
    past_rim, past_shell = beyond(regions.rim_reach_mm), beyond(regions.shell_reach_mm)
    return {"core": 1 - past_core, "rim": past_core - past_rim, "shell": past_rim - past_shell}
