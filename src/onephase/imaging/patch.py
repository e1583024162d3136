"""A patch: what the network sees of one lesion."""

from dataclasses import dataclass

import numpy as np

from onephase.arrays import Float32
from onephase.imaging.geometry import Grid
from onephase.imaging.yardsticks import Yardsticks


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """One lesion in a frame of fixed physical size.

    Attributes:
        image: Normalised intensity; 0 outside the volume.
        distance_mm: Signed distance to the lesion surface, negative inside; `regions.FAR_MM` outside the volume.
        against: What the lesion's brightness is compared with, in units of the image.
        descriptors: The lesion in numbers, as `descriptors.DESCRIPTORS` names them.
        frame: Where its voxels are.
        outline_method: ``given``, or the semi-automatic method that drew the outline.
        flags: Sentences on what is unusual; they stay with every result.
        facts: Measurements by name: ``volume_ml``, ``longest_mm``, ``core_ml``, ``rim_ml``, ``shell_ml`` and the sides
            of the bounding box ``height_mm``, ``depth_mm``, ``width_mm`` (up, posterior, left).
    """

    image: Float32[np.ndarray, "slice row column"]
    distance_mm: Float32[np.ndarray, "slice row column"]
    against: Yardsticks
    descriptors: Float32[np.ndarray, " descriptor"]
    frame: Grid
    outline_method: str
    flags: tuple[str, ...]
    facts: dict[str, float]

    def __post_init__(self) -> None:
        """Make the arrays read-only."""
        for array in (self.image, self.distance_mm, self.descriptors):
            array.setflags(write=False)
