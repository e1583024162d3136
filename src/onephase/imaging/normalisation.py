"""Intensity without scanner gain: centred and scaled by the tissue around the lesion and its shell.

A magnetic resonance image has no unit, so only ratios to other tissue of the same image mean anything.
The answer is the same for every positive gain and every offset of the scanner.
"""

from dataclasses import dataclass

import numpy as np

from onephase.arrays import Bool, Float32
from onephase.imaging.quantiles import quantiles

AIR_SHARE = 0.1
"""Reference voxels below this share of the way from the 1st to the 99th percentile count as air."""

LEAST_TISSUE_VOXELS = 200
LEAST_SPREAD_SHARE = 0.05
"""The scale is at least this share of the patch's range: in plain fat the spread of tissue is only noise."""

NORMAL_90 = 3.29
"""Standard deviations between the 5th and 95th percentile of a normal distribution."""

LOWEST, HIGHEST = -1 / LEAST_SPREAD_SHARE, 16.0
"""Air of a hundredth of the patch or more lies no deeper: the scale is a share of the range at least."""

SCARCE = "little tissue lies around the lesion within the patch, so the intensity was normalised by all of the patch"


@dataclass(frozen=True, slots=True, eq=False)
class Normalised:
    """A patch without its scanner's gain and offset.

    Attributes:
        image: In units of the spread of the tissue around the lesion, clipped to -20..16; 0 outside the volume.
        centre: What 0 is in the scanner's units.
        scale: What 1 is.
        scarce: Whether there was so little tissue that all of the patch was taken for it.
    """

    image: Float32[np.ndarray, "slice row column"]
    centre: float
    scale: float
    scarce: bool

    def in_units(self, value: float) -> float:
        """Return a value of the scanner in units of the image, cut off where the image was."""
        units = (value - self.centre) / self.scale
        return max(units, LOWEST) if self.image.min() <= LOWEST else units


def normalise(
    image: Float32[np.ndarray, "slice row column"],
    *,
    inside: Bool[np.ndarray, "slice row column"],
    reference: Bool[np.ndarray, "slice row column"],
) -> Normalised:
    """Return the image in units of the spread of the tissue around the lesion.

    Args:
        image: The patch in the scanner's units.
        inside: Where the patch lies within the volume; elsewhere the answer is 0.
        reference: Where neither lesion nor shell is.
    """
    seen = image[inside]
    tissue = _tissue(image[inside & reference])
    scarce = len(tissue) < LEAST_TISSUE_VOXELS
    if scarce:
        tissue = seen
    low, centre, high = quantiles(tissue, (0.05, 0.5, 0.95)).tolist()
    darkest, brightest = quantiles(seen, (0.01, 0.99)).tolist()
    scale = max((high - low) / NORMAL_90, (brightest - darkest) * LEAST_SPREAD_SHARE)
    if scale <= 0:  # all but a few voxels are alike: the few still differ by the whole range
        scale = float(np.ptp(seen)) or 1.0
    normal = np.clip((image - centre) / scale, LOWEST, HIGHEST)
    return Normalised(np.where(inside, normal, 0).astype(np.float32), centre, scale, scarce)


def _tissue(reference: Float32[np.ndarray, " voxel"]) -> Float32[np.ndarray, " tissue"]:
    """Return the reference voxels that are no air."""
    if len(reference) == 0:
        return reference
    low, high = quantiles(reference, (0.01, 0.99)).tolist()
    return np.asarray(reference[reference > low + AIR_SHARE * (high - low)])
