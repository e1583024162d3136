"""How much brighter one part of an image is than another: a share that no gain and no offset changes."""

import numpy as np

from onephase.arrays import Bool, Float32
from onephase.imaging.frame import around
from onephase.statistics.roc import placements

AROUND_MM = 8.0
LEAST_VOXELS = 8


def brighter_share(values: Float32[np.ndarray, " voxel"], others: Float32[np.ndarray, " other"]) -> float:
    """Return how often one of some values is greater than one of others, ties counted by half.

    1 where every value is greater, 0.5 where nothing sets them apart: the area under the receiver operating
    characteristic, by ranks. It says nothing, 0.5, where there are fewer than eight of either.

    Examples:
        >>> brighter_share(np.arange(8, 16, dtype=np.float32), np.arange(8, dtype=np.float32))
        1.0
    """
    if min(len(values), len(others)) < LEAST_VOXELS:
        return 0.5
    first = np.arange(len(values) + len(others)) < len(values)
    return placements(np.concatenate([values, others]).astype(np.float64), first).auc


def brighter_than_around(
    image: Float32[np.ndarray, "slice row column"],
    region: Bool[np.ndarray, "slice row column"],
    spacing_mm: tuple[float, float, float],
    *,
    air: float,
) -> float:
    """Return how often a voxel of a region is brighter than one of the tissue within 8 mm of its bounding box.

    Args:
        image: The volume.
        region: True in the region; not empty.
        spacing_mm: Voxel spacing.
        air: Level below which a voxel around is no tissue.
    """
    near = around(region, spacing_mm, margin_mm=AROUND_MM)
    outside = image[near][~region[near]]
    return brighter_share(image[near][region[near]], outside[outside > air])
