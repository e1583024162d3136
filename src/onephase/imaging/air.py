"""How dark air is in a volume: no signal comes from it, so brightness counts from there.

Against the darkest tissue around it, which is fat, a lesion is as bright as fat suppression let it be; against air, fat
itself is a yardstick. The stored zero would tell as well, but only of images that nobody has given another one.
"""

import math

import numpy as np

from onephase.arrays import Float32
from onephase.imaging.quantiles import quantile

AIR_QUANTILE = 0.005
"""Of all voxels; a breast coil's field of view is air by a third and more. The darkest of them may be an artefact."""
ENOUGH_VOXELS = 100_000


def air_level(volume: Float32[np.ndarray, "slice row column"]) -> float:
    """Return the brightness of air in a volume; of one that shows none, that of its darkest tissue.

    Args:
        volume: Whole slices; every so-many-th row and column is looked at where there are many.
    """
    step = max(1, math.isqrt(volume.size // ENOUGH_VOXELS))
    return quantile(volume[:, ::step, ::step], AIR_QUANTILE)
