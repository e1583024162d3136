"""Three planes through the lesion, in the radiologist's orientation, with what the network saw in them."""

from dataclasses import dataclass
from itertools import permutations
from typing import TypeAlias

import numpy as np

from onephase.arrays import Float32, Float64, UInt8
from onephase.imaging.case import Volume
from onephase.imaging.geometry import Grid
from onephase.imaging.interpolation import interpolated
from onephase.imaging.quantiles import quantiles

PIXEL_MM = 0.5
SMALLEST_FIELD_MM = 44.0
MARGIN_MM = 16.0
WINDOW_SHARES = (0.01, 0.995)
OUTSIDE_MM = 30.0
"""Distance where the patch knows none: so far out that it belongs to no region."""
OBLIQUE = 0.34
"""Direction cosine from which a second letter is shown: 20 degrees off the axis."""

View: TypeAlias = "tuple[Plane, Plane, Plane]"

# Directions in LPS of a plane's columns (to the right) and rows (down), as radiologists hang them.
_HANGING = {
    "axial": (np.array([1.0, 0, 0]), np.array([0, 1.0, 0])),
    "sagittal": (np.array([0, 1.0, 0]), np.array([0, 0, -1.0])),
    "coronal": (np.array([1.0, 0, 0]), np.array([0, 0, -1.0])),
}
_LETTERS = (("R", "L"), ("A", "P"), ("F", "H"))


@dataclass(frozen=True, slots=True, eq=False)
class Letters:
    """The orientation at the four edges of a plane, one or two letters each: L, R, A, P, H (head) or F (feet)."""

    top: str
    right: str
    bottom: str
    left: str


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """One plane through the lesion on square pixels of :data:`PIXEL_MM`.

    Attributes:
        name: ``axial``, ``sagittal`` or ``coronal``; the nearest of them when the scan is oblique.
        acquired: Whether this is the plane that the scanner acquired.
        image: Grey values, windowed.
        distance_mm: Signed distance to the lesion surface, as the network was given it.
        attention: Where the network looked, relative to the largest value in the patch.
        letters: Orientation at the edges.
    """

    name: str
    acquired: bool
    image: UInt8[np.ndarray, "row column"]
    distance_mm: Float32[np.ndarray, "row column"]
    attention: Float32[np.ndarray, "row column"]
    letters: Letters

    def __post_init__(self) -> None:
        """Make the arrays read-only."""
        for array in (self.image, self.distance_mm, self.attention):
            array.setflags(write=False)


def view(
    volume: Volume,
    frame: Grid,
    *,
    distance_mm: Float32[np.ndarray, "slice row column"],
    attention: Float32[np.ndarray, "slice row column"],
) -> View:
    """Return the axial, sagittal and coronal plane through the deepest point of the lesion, its middle in theirs.

    The planes follow the axes of the patch, so that no acquired slice is smeared by an oblique cut.

    Args:
        volume: The volume, from which the grey values come at full resolution.
        frame: Where the voxels of the patch are.
        distance_mm: Signed distance to the lesion surface on the patch, negative inside.
        attention: The network's attention on the patch, 0 or more.
    """
    deepest = np.array(np.unravel_index(np.argmin(distance_mm), distance_mm.shape), dtype=np.float64)
    lesion = _lesion(distance_mm, deepest)
    field_mm = _field_mm(frame, lesion)
    peak = float(attention.max()) or 1.0
    sampled = {}
    acquired = int(np.argmax(np.abs(volume.grid.direction[:, 0] @ frame.direction)))
    for name, normal, right, down in _hung_planes(frame):
        centre = lesion.mean(axis=0)
        centre[normal] = deepest[normal]
        positions = _positions(frame.position_mm(centre), right=right, down=down, field_mm=field_mm)
        grey = _sample(volume.array, volume.grid.index_of(positions), outside=np.nan)
        at_patch = frame.index_of(positions)
        distance = _sample(distance_mm, at_patch, outside=OUTSIDE_MM)
        looked = _sample(attention, at_patch, outside=0.0) / np.float32(peak)
        sampled[name] = (normal == acquired, grey, distance, looked, _letters(right=right, down=down))
    low, high = _window(np.concatenate([part[1].ravel() for part in sampled.values()]))
    axial, sagittal, coronal = (
        Plane(name, sampled[name][0], _grey(sampled[name][1], low=low, high=high), *sampled[name][2:])
        for name in _HANGING
    )
    return axial, sagittal, coronal


def _hung_planes(frame: Grid) -> list[tuple[str, int, Float64[np.ndarray, "3"], Float64[np.ndarray, "3"]]]:
    """Return (name, axis that is normal to the plane, direction to the right, direction down) of each plane."""
    along = np.abs(frame.direction)  # (LPS, axis)
    axis_of = max(permutations(range(3)), key=lambda order: sum(along[lps, axis] for lps, axis in enumerate(order)))
    planes = []
    for name, (right, down) in _HANGING.items():
        vectors, used = [], []
        for wanted in (right, down):
            lps = int(np.argmax(np.abs(wanted)))
            axis = frame.direction[:, axis_of[lps]]
            vectors.append(axis * (np.sign(axis @ wanted) or 1.0))
            used.append(axis_of[lps])
        planes.append((name, ({0, 1, 2} - set(used)).pop(), vectors[0], vectors[1]))
    return planes


def _lesion(distance_mm: np.ndarray, deepest: Float64[np.ndarray, "3"]) -> Float64[np.ndarray, "2 3"]:
    """Return the first and last voxel of the lesion along each axis; its deepest when it is smaller than a voxel."""
    inside = np.argwhere(distance_mm <= 0)
    return np.array([inside.min(axis=0), inside.max(axis=0)] if len(inside) else [deepest, deepest], dtype=np.float64)


def _field_mm(frame: Grid, lesion: Float64[np.ndarray, "2 3"]) -> float:
    """Return the side of the planes: the lesion and its surroundings, no more than the patch."""
    extent_mm = float(((np.ptp(lesion, axis=0) + 1) * np.asarray(frame.spacing_mm)).max())
    largest_mm = float(max(np.multiply(frame.shape, frame.spacing_mm)))
    return min(max(extent_mm + 2 * MARGIN_MM, SMALLEST_FIELD_MM), largest_mm)


def _positions(
    centre_mm: np.ndarray, *, right: np.ndarray, down: np.ndarray, field_mm: float
) -> Float64[np.ndarray, "row column 3"]:
    pixels = round(field_mm / PIXEL_MM)
    steps = (np.arange(pixels) - (pixels - 1) / 2) * PIXEL_MM
    return np.asarray(centre_mm + steps[:, None, None] * down + steps[None, :, None] * right)


def _sample(array: np.ndarray, index: np.ndarray, *, outside: float) -> Float32[np.ndarray, "row column"]:
    return interpolated(array, index, outside=outside).astype(np.float32)


def _window(grey: np.ndarray) -> tuple[float, float]:
    inside = grey[np.isfinite(grey)]
    low, high = quantiles(inside, WINDOW_SHARES).tolist()
    return low, high


def _grey(grey: np.ndarray, *, low: float, high: float) -> UInt8[np.ndarray, "row column"]:
    scaled = (np.nan_to_num(grey, nan=low) - low) / max(high - low, 1e-12)
    return np.asarray(np.clip(scaled * 255, 0, 255).astype(np.uint8))


def _letters(*, right: np.ndarray, down: np.ndarray) -> Letters:
    return Letters(top=_named(-down), right=_named(right), bottom=_named(down), left=_named(-right))


def _named(direction: np.ndarray) -> str:
    strongest = [axis for axis in np.argsort(-np.abs(direction)) if abs(direction[axis]) > OBLIQUE][:2]
    return "".join(_LETTERS[axis][int(direction[axis] > 0)] for axis in strongest)
