"""The image acquired worse: noise, a receive field, another gain, thicker slices."""

from dataclasses import dataclass, replace

import numpy as np

from onephase.errors import ImageError
from onephase.evaluation.robustness.change import Original
from onephase.imaging.air import air_of
from onephase.imaging.case import Case, Mask, Volume
from onephase.imaging.frame import around
from onephase.imaging.geometry import Grid
from onephase.simulation.acquisition import BIAS_CORRELATION_MM, rician
from onephase.simulation.fields import RandomField, standardised

SURROUNDINGS_MM = 20.0
DARK_PERCENTILE = 1.0
HALF = 0.5


@dataclass(frozen=True, slots=True)
class _Brightness:
    """What the scanner's unit is worth: the darkest of the surroundings, and the lesion's median above it."""

    darkest: float
    lesion: float


def noisy(original: Original, rng: np.random.Generator, *, share: float) -> Case:
    """Add a scanner's noise, of a standard deviation of a share of the lesion's median above the darkest around.

    Normal in both channels of which the image is the magnitude: air brightens by it, and nothing gets darker than air.
    """
    array = original.case.volume.array
    nothing = np.float32(air_of(array).level)
    signal = np.maximum(array - nothing, 0)
    return _with_array(original.case, nothing + rician(rng, signal, noise=share * _brightness(original).lesion))


def biased(original: Original, rng: np.random.Generator, *, spread: float) -> Case:
    """Multiply by a smooth field whose logarithm has the given standard deviation over the volume."""
    volume = original.case.volume
    slices, rows, columns = (
        mm * np.arange(size, dtype=np.float64)
        for size, mm in zip(volume.grid.shape, volume.grid.spacing_mm, strict=True)
    )
    axes = (slices, rows, columns)
    field = RandomField.draw(rng, axes=axes, correlation_mm=BIAS_CORRELATION_MM).on(axes)
    field = np.exp(np.float32(spread) * standardised(field, np.ones(field.shape, dtype=bool)))
    darkest = np.float32(_brightness(original).darkest)
    return _with_array(original.case, (volume.array - darkest) * field + darkest)


def amplified(original: Original, rng: np.random.Generator, *, times: float) -> Case:  # noqa: ARG001 - nothing is drawn
    """Multiply every stored value."""
    return _with_array(original.case, original.case.volume.array * np.float32(times))


def thickened(original: Original, rng: np.random.Generator, *, times: int) -> Case:  # noqa: ARG001 - nothing is drawn
    """Average so many neighbouring slices to one, and the outline with them.

    Raises:
        ImageError: If slices are not contiguous, or no averaged voxel is half filled by the outline.
    """
    if original.in_plane:
        message = "slices that are not contiguous cannot be averaged"
        raise ImageError(message)
    mask, grid = original.mask, original.case.volume.grid
    count = -(-grid.shape[0] // times)
    origin = grid.position_mm(np.array([(times - 1) / 2, 0.0, 0.0]))
    thick = Grid(
        (count, *grid.shape[1:]),
        (grid.spacing_mm[0] * times, *grid.spacing_mm[1:]),
        (float(origin[0]), float(origin[1]), float(origin[2])),
        grid.direction,
    )
    outlined = _averaged(mask.array.astype(np.float32), times) >= HALF
    if not outlined.any():
        message = "no averaged voxel is half filled by the outline"
        raise ImageError(message)
    return replace(
        original.case,
        volume=Volume(_averaged(original.case.volume.array, times), thick),
        roi=Mask(outlined, thick, mask.method),
    )


def _averaged(array: np.ndarray, times: int) -> np.ndarray:
    """Return the mean of each ``times`` slices; the last slice is repeated where some are wanting."""
    whole = np.pad(array, ((0, -len(array) % times), (0, 0), (0, 0)), mode="edge")
    return np.asarray(whole.reshape(-1, times, *array.shape[1:]).mean(axis=1, dtype=np.float32))


def _brightness(original: Original) -> _Brightness:
    mask, array = original.mask, original.case.volume.array
    near = around(mask.array, mask.grid.spacing_mm, margin_mm=SURROUNDINGS_MM)
    darkest = float(np.percentile(array[near], DARK_PERCENTILE))
    return _Brightness(darkest, float(np.median(array[mask.array])) - darkest)


def _with_array(case: Case, array: np.ndarray) -> Case:
    return replace(case, volume=Volume(np.asarray(array, dtype=np.float32), case.volume.grid))
