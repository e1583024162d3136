"""Flags of what lies in the outline: air, something dark, or nothing where the mirrored place is the lesion."""

from collections.abc import Iterator

import numpy as np

from onephase.arrays import Bool, Float32
from onephase.cohort.quality.brightness import brighter_share, brighter_than_around
from onephase.cohort.quality.flag import QualityFlag
from onephase.cohort.quality.scene import Scene
from onephase.imaging.frame import lesion_bounds

MOST_AIR = 0.3
"""Share of an outline's voxels that may be as dark as air."""
DARKER_BELOW = 0.4
LEAST_MOVED, CLEARLY_BRIGHTER, BRIGHT = 0.1, 0.8, 0.75
"""A flip is told where it moves so much of a region, to where so many comparisons with what it leaves find the voxel
brighter, and the place reached is so much brighter than its surroundings, and more than the given one."""
ALONG = ("left and right", "front and back", "head and feet")
"""What is turned over along each axis of the patient (LPS)."""


def outside_breast(scene: Scene) -> Iterator[QualityFlag]:
    """Flag an outline a good part of which is as dark as air."""
    share = float((scene.image[scene.lesion] < scene.levels.air).mean())
    if share > MOST_AIR:
        reason = (
            f"{share:.0%} of the outline is as dark as air: look whether outline and image are of the same series, "
            "and neither is shifted or turned."
        )
        yield QualityFlag("outside-breast", reason)


def flipped(scene: Scene) -> Iterator[QualityFlag]:
    """Flag a region whose mirror image along one axis of the volume is clearly the lesion, and itself is not.

    What only the mirrored region holds is compared with what only the given one holds, so that it works too where
    both overlap.
    """
    given = _brighter(scene, scene.region)
    for axis in range(3):
        here, there = _only_in_one(scene, axis)
        if len(here) < LEAST_MOVED * scene.region.sum() or brighter_share(there, here) < CLEARLY_BRIGHTER:
            continue
        if _brighter(scene, np.flip(scene.region, axis)) > max(given, BRIGHT):
            reason = (
                f"With {_turned(scene, axis)} turned over, the outline lies on something clearly brighter than where "
                "it lies now: look whether outline or image was flipped on the way."
            )
            yield QualityFlag("flipped", reason)
            return


def _only_in_one(scene: Scene, axis: int) -> tuple[Float32[np.ndarray, " here"], Float32[np.ndarray, " there"]]:
    """Return the values that only the region holds, and those that only its mirror image along an axis holds."""
    turned = np.flip(scene.region, axis)
    bounds = np.stack([lesion_bounds(scene.region), lesion_bounds(turned)])
    both = tuple(
        slice(int(start), int(stop)) for start, stop in zip(bounds[..., 0].min(0), bounds[..., 1].max(0), strict=True)
    )
    image, region, mirror = scene.image[both], scene.region[both], turned[both]
    return image[region & ~mirror], image[mirror & ~region]


def darker_than_surroundings(scene: Scene) -> Iterator[QualityFlag]:
    """Flag a mask that is darker than the tissue around it; an outline that was made in a box never is."""
    share = _brighter(scene, scene.lesion)
    if share < DARKER_BELOW:
        reason = (
            f"Only {share:.0%} of comparisons find the outline brighter than the tissue around it, and tumours "
            "enhance: look whether it outlines a tumour, and whether the phase is post-contrast."
        )
        yield QualityFlag("darker-than-surroundings", reason)


def _turned(scene: Scene, axis: int) -> str:
    """Return what is turned over along an axis of the volume."""
    words = ALONG[int(np.abs(scene.grid.direction[:, axis]).argmax())]
    return f"{words} (the order of the slices)" if axis == 0 else words


def _brighter(scene: Scene, region: Bool[np.ndarray, "slice row column"]) -> float:
    return brighter_than_around(scene.image, region, scene.grid.spacing_mm, air=scene.levels.air)
