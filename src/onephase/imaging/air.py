"""How dark air is in a volume: no signal comes from it, so brightness counts from there.

Against the darkest tissue around it, which is fat, a lesion is as bright as fat suppression let it be; against air, fat
itself is a yardstick. The stored zero would tell as well, but only of images that nobody has given another one. What
air shows is noise, which brightens the darkest tissue too.
"""

import math
from dataclasses import dataclass

import numpy as np

from onephase.arrays import Float32, Float64
from onephase.imaging.quantiles import quantile

AIR_QUANTILE = 0.005
"""Of all voxels; a breast coil's field of view is air by a third and more. The darkest of them may be an artefact."""
ENOUGH_VOXELS = 100_000
BLOCK = 4
"""Rows and columns of a block, whose mean power tells air from tissue where a voxel's cannot."""
DARKEST_BLOCKS = 0.02
AIR_POWER = 2.0
"""Air has less than so many times its mean power: in a block of 16 voxels it varies by a quarter (Rayleigh)."""
NOISE_AT_MOST = 0.05
"""Of the power of the brightest tenth, where air was set to nothing: if the darkest other has more, it is tissue."""
ROUNDS = 10


@dataclass(frozen=True, slots=True)
class Air:
    """What a volume shows of air.

    Attributes:
        level: Its brightness; of a volume that shows none, that of its darkest tissue.
        power: Mean square of how far noise lies above it.
    """

    level: float
    power: float


def air_of(volume: Float32[np.ndarray, "slice row column"]) -> Air:
    """Measure the air in a volume.

    Args:
        volume: Whole slices; every so-many-th row and column is looked at where there are many.
    """
    step = max(1, math.isqrt(volume.size // ENOUGH_VOXELS))
    level = quantile(volume[:, ::step, ::step], AIR_QUANTILE)
    return Air(level, _power(_blocks(volume, step) - np.float32(level)))


def _blocks(volume: Float32[np.ndarray, "slice row column"], step: int) -> Float32[np.ndarray, "block voxel"]:
    """Return every so-many-th block of each slice; of a slice that is smaller than a block, its voxels."""
    slices, rows, columns = volume.shape
    side = min(BLOCK, rows, columns)
    parted = volume[:, : rows // side * side, : columns // side * side].reshape(
        (slices, rows // side, side, columns // side, side)
    )
    return parted[:, ::step, :, ::step].swapaxes(2, 3).reshape(-1, side * side)


def _power(above: Float32[np.ndarray, "block voxel"]) -> float:
    """Return the mean square of the darkest blocks and of all that are as dark as they; empty ones show no noise."""
    power = np.sort((above.astype(np.float64) ** 2).mean(axis=1))
    shown = power[np.searchsorted(power, 0.0, side="right") :]
    if len(shown) in (0, len(power)):
        return _darkest(power)
    noise = _darkest(shown)
    return noise if noise < NOISE_AT_MOST * quantile(shown, 0.9) else 0.0


def _darkest(power: Float64[np.ndarray, " block"]) -> float:
    """Return the mean of the least of some ascending powers and of all that are less than twice as much."""
    air = float(power[: max(1, int(DARKEST_BLOCKS * power.size))].mean())
    for _ in range(ROUNDS):
        air = float(power[: max(1, int(np.searchsorted(power, AIR_POWER * air, side="right")))].mean())
    return air
