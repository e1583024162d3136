"""Tissue of one region exchanged for other tissue, so that what the network needs of it shows.

The outline and every distance stay. A region's soft edge is kept: at half membership, a voxel is half exchanged.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree

from onephase.arrays import Bool, Float32, Float64
from onephase.errors import ImageError
from onephase.imaging.regions import FAR_MM, memberships
from onephase.imaging.yardsticks import Yardsticks
from onephase.settings import RegionSettings

TURN_MM = 10.0
"""A quarter turn about the lesion counts as much as some 14 mm of depth when tissue is matched (our choice)."""


@dataclass(frozen=True, slots=True, eq=False)
class Tissue:
    """What is seen of one lesion.

    Attributes:
        image: Normalised intensities.
        distance_mm: Signed distance to the lesion surface, negative inside.
        spacing_mm: Voxel spacing.
        against: What the lesion's brightness is compared with, in units of the image; an exchange leaves it as it is.
    """

    image: Float32[np.ndarray, "slice row column"]
    distance_mm: Float32[np.ndarray, "slice row column"]
    spacing_mm: tuple[float, float, float]
    against: Yardsticks


def with_surroundings(tissue: Tissue, region: str, regions: RegionSettings, *, rng: np.random.Generator) -> Tissue:
    """Return the lesion with a region filled by voxels drawn from beyond the shell, one by one.

    Raises:
        ImageError: If the patch shows nothing beyond the shell.
    """
    member = memberships(tissue.distance_mm, regions)[region]
    reach = regions.shell_reach_mm + regions.softness_mm / 2
    beyond = tissue.image[(tissue.distance_mm > reach) & (tissue.distance_mm < FAR_MM)]
    if len(beyond) == 0:
        message = "the patch shows nothing beyond the shell that a region could be filled with"
        raise ImageError(message)
    where = member > 0
    return _exchanged(tissue, member, where, rng.choice(beyond, size=int(where.sum())))


def with_region_of(tissue: Tissue, donor: Tissue, region: str, regions: RegionSettings) -> Tissue:
    """Return the lesion with a region's tissue taken from another lesion.

    Each voxel gets the donor's voxel of the same region that lies nearest in depth and in direction from the lesion's
    centre; so neighbours stay neighbours, and the donor's texture comes along. Where the donor has no such region, or
    the lesion itself has none, nothing changes.
    """
    member = memberships(tissue.distance_mm, regions)[region]
    theirs = memberships(donor.distance_mm, regions)[region] > 0
    where = member > 0
    if not (where.any() and theirs.any()):
        return tissue
    _, nearest = cKDTree(_places(donor, theirs)).query(_places(tissue, where))
    return _exchanged(tissue, member, where, donor.image[theirs][nearest])


def _exchanged(
    tissue: Tissue,
    member: Float32[np.ndarray, "slice row column"],
    where: Bool[np.ndarray, "slice row column"],
    other: Float32[np.ndarray, " voxel"],
) -> Tissue:
    image = tissue.image.copy()
    image[where] += member[where] * (other - image[where])
    return replace(tissue, image=image)


def _places(tissue: Tissue, where: Bool[np.ndarray, "slice row column"]) -> Float64[np.ndarray, "voxel 4"]:
    """Return direction from the lesion's centre and depth of some voxels, so that they can be matched."""
    spacing = np.asarray(tissue.spacing_mm)
    deepest = float(tissue.distance_mm.min())  # above 0 where the lesion is smaller than a voxel
    inside = np.argwhere(tissue.distance_mm <= max(deepest, 0.0))
    away = (np.argwhere(where) - inside.mean(axis=0)) * spacing
    length = np.linalg.norm(away, axis=1, keepdims=True)
    direction = away / np.where(length > 0, length, 1)
    return np.column_stack([TURN_MM * direction, tissue.distance_mm[where]])
