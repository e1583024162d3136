"""A lesion cut out of its patch, in its own units: what descriptors and filter responses are computed from."""

from dataclasses import dataclass

import numpy as np

from onephase.arrays import Bool, Float, Float32, Float64
from onephase.errors import ImageError
from onephase.imaging.frame import box_of
from onephase.imaging.quantiles import quantile
from onephase.settings import RegionName

MARGIN_MM = 16.0
SMALL = 1e-6
LOWEST_QUANTILE = 0.02
RIM_MM = (-2.0, 2.0)
"""Where descriptors see the rim, by signed distance to the surface; core within, shell beyond."""
FARTHEST_ABOVE_AIR = 20.0
"""In a lesion's units; of one that hardly differs from its surroundings air lies endlessly far."""
TRUNCATE = 2.5  # standard deviations at which a Gaussian kernel ends


@dataclass(frozen=True, slots=True, eq=False)
class Lesion:
    """A lesion cut out of its patch with its surroundings.

    Attributes:
        image: Image, in units of the lesion's median intensity above the lowest surroundings.
        above_air: How bright the lowest surroundings are above air, in the same units.
        brightness: How bright the lesion's median is above air, in the same units.
        unit: What these units are in units of the patch.
        distance: Signed distance to the lesion surface in mm, negative inside.
        inside: The lesion.
        spacing_mm: Voxel spacing.
    """

    image: Float32[np.ndarray, "slice row column"]
    above_air: float
    brightness: float
    unit: float
    distance: Float32[np.ndarray, "slice row column"]
    inside: Bool[np.ndarray, "slice row column"]
    spacing_mm: tuple[float, float, float]


def cut_out(
    image: Float[np.ndarray, "slice row column"],
    distance_mm: Float[np.ndarray, "slice row column"],
    *,
    spacing_mm: tuple[float, float, float],
    air: float,
) -> Lesion:
    """Cut a lesion out of its patch, with 16 mm around it.

    Args:
        image: Patch around the lesion, any gain and offset.
        distance_mm: Signed distance to the lesion surface, negative inside.
        spacing_mm: Voxel spacing (slice, row, column).
        air: Brightness of air in units of the image.

    Raises:
        ImageError: If no voxel is inside, nor within a voxel of the lesion.
    """
    near = distance_mm < MARGIN_MM
    deepest = float(distance_mm.min())
    inside = distance_mm < max(0.0, np.nextafter(np.float32(deepest), np.float32(np.inf)))
    if deepest >= max(spacing_mm):  # less is a lesion that lies between voxels; its nearest stand for it
        message = (
            f"no lesion lies in the patch: the signed distance is {deepest:g} mm or more everywhere. Where parts of an "
            "outline lie far apart, the patch lies between them: give each lesion a row and an outline of its own"
        )
        raise ImageError(message)
    box = box_of(near)
    cut, inside = image[box].astype(np.float32), inside[box]
    lowest = darkest = quantile(cut, LOWEST_QUANTILE)
    middle = quantile(cut[inside], 0.5)
    if middle - lowest <= 0:  # darker than all around it: the range of all is the unit, the lesion's median 1 as ever
        lowest = middle - (quantile(cut, 1 - LOWEST_QUANTILE) - lowest)
    scale = max(middle - lowest, SMALL)
    return Lesion(
        (cut - np.float32(lowest)) / np.float32(scale),
        min(max(darkest - air, 0.0) / scale, FARTHEST_ABOVE_AIR),
        max(middle - air, SMALL) / scale,
        scale,
        distance_mm[box].astype(np.float32),
        inside,
        spacing_mm,
    )


def smoothed(
    array: Float32[np.ndarray, "slice row column"], lesion: Lesion, sigma_mm: float
) -> Float32[np.ndarray, "slice row column"]:
    """Return an array on the lesion's grid, smoothed by a Gaussian; what lies beyond mirrors what lies within."""
    for axis, spacing in enumerate(lesion.spacing_mm):
        kernel = _gaussian(sigma_mm / spacing)
        radius, size = len(kernel) // 2, array.shape[axis]
        mirrored = np.pad(
            array, [(radius, radius) if other == axis else (0, 0) for other in range(3)], mode="symmetric"
        )
        smooth = np.zeros_like(array)
        # One addend after the other: a matrix product would add them as processor and threads please.
        for start, weight in enumerate(kernel.tolist()):
            smooth += weight * mirrored[(*[slice(None)] * axis, slice(start, start + size))]
        array = smooth
    return array


def _gaussian(sigma: float) -> Float64[np.ndarray, " tap"]:
    """Return the weights of a Gaussian for a standard deviation in voxels."""
    radius = int(TRUNCATE * sigma + 0.5)
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    return np.asarray(kernel / kernel.sum())


def regions_between(start_mm: float, stop_mm: float) -> set[RegionName]:
    """Return the regions that a stretch of signed distance touches."""
    regions: set[RegionName] = set()
    if start_mm < RIM_MM[0]:
        regions.add("core")
    if start_mm < RIM_MM[1] and stop_mm > RIM_MM[0]:
        regions.add("rim")
    if stop_mm > RIM_MM[1]:
        regions.add("shell")
    return regions
