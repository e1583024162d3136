"""A case: one post-contrast volume and where its tumour lies. Whoever holds one may rely on it."""

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from onephase.arrays import Bool, Float32
from onephase.errors import ImageError
from onephase.imaging.geometry import Grid


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """One single-phase volume; ``array`` is read-only, finite, and not constant.

    Attributes:
        array: The voxels.
        grid: Where they are.
        slices: The run of slices that was read, all where None; the others are 0.
    """

    array: Float32[np.ndarray, "slice row column"]
    grid: Grid
    slices: range | None = None

    def __post_init__(self) -> None:
        """Refuse an array of another shape than the grid, NaN or infinity, and a constant image."""
        if self.array.shape != self.grid.shape:
            message = f"the image array {self.array.shape} does not fit its grid {self.grid.shape}"
            raise ImageError(message)
        read = self.array if self.slices is None else self.array[self.slices.start : self.slices.stop]
        low, high = float(read.min()), float(read.max())  # NaN anywhere makes both NaN
        if not (np.isfinite(low) and np.isfinite(high)):
            message = "the image holds NaN or infinite values: export it again without them"
            raise ImageError(message)
        if low == high:
            message = f"the image is constant (every voxel is {low:g}): there is nothing to see in it"
            raise ImageError(message)
        self.array.setflags(write=False)


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """A tumour mask on its own grid; not empty.

    Attributes:
        array: True inside the tumour.
        grid: Where its voxels are.
        method: ``given`` when a person or another program drew it; otherwise the name of the
            semi-automatic method, which is carried on into every result.
    """

    array: Bool[np.ndarray, "slice row column"]
    grid: Grid
    method: str = "given"

    def __post_init__(self) -> None:
        """Refuse an array of another shape than the grid and an empty mask."""
        if self.array.shape != self.grid.shape:
            message = f"the mask array {self.array.shape} does not fit its grid {self.grid.shape}"
            raise ImageError(message)
        if not self.array.any():
            message = "the tumour mask is empty: no voxel is set; name another label or outline the tumour"
            raise ImageError(message)
        self.array.setflags(write=False)


@dataclass(frozen=True, slots=True)
class Box:
    """A box around the tumour in voxels of the volume, half-open (start <= index < stop), fractions allowed.

    Each pair is (start, stop). Whether it lies within a volume is checked by :class:`Case`.
    """

    column: tuple[float, float]
    row: tuple[float, float]
    slice: tuple[float, float]

    def __post_init__(self) -> None:
        """Refuse an inverted or empty box."""
        for name in ("column", "row", "slice"):
            start, stop = getattr(self, name)
            if not (np.isfinite((start, stop)).all() and start < stop):
                message = (
                    f"the box is inverted or empty along {name}: start {start:g} is not below stop {stop:g}: "
                    "give start and stop of columns, rows and slices in voxels, the stop not included"
                )
                raise ImageError(message)

    @property
    def bounds(self) -> tuple[tuple[float, float], tuple[float, float], tuple[float, float]]:
        """The three (start, stop) pairs in array order: slice, row, column."""
        return self.slice, self.row, self.column


@dataclass(frozen=True, slots=True)
class SeedPoint:
    """A point inside the tumour, in voxels of the volume."""

    column: float
    row: float
    slice: float

    def __post_init__(self) -> None:
        """Refuse a coordinate that is no number."""
        if not np.isfinite((self.column, self.row, self.slice)).all():
            message = (
                f"the seed point ({self.column:g}, {self.row:g}, {self.slice:g}) is no place: "
                "give column, row and slice of a voxel inside the tumour"
            )
            raise ImageError(message)


Roi: TypeAlias = Mask | Box | SeedPoint


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One lesion to be read: a volume, its region of interest, and what must be said about both.

    Attributes:
        case_id: Name used in every message and result; never a patient's name.
        volume: The post-contrast volume.
        roi: Mask on the volume's own grid, or box, or seed point in its voxels.
        phase: Which phase this is and how it was decided, in words; empty for a single-phase file.
        phase_number: Its number among the phases of what was read, counted from 1.
        phase_warnings: Those of the warnings that doubt the phase.
        warnings: Sentences that must stay with every result of this case.
        source: Facts about the acquisition that are no patient data (modality, field strength, ...).
    """

    case_id: str
    volume: Volume
    roi: Roi
    phase: str = ""
    warnings: tuple[str, ...] = ()
    source: dict[str, str] = field(default_factory=dict)
    phase_number: int = 1
    phase_warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a mask on another grid and a box or seed point outside the volume."""
        grid = self.volume.grid
        if isinstance(self.roi, Mask):
            if not self.roi.grid.same_as(grid):
                message = (
                    f"case {self.case_id}: the mask's grid ({self.roi.grid}) differs from the image's ({grid}): "
                    "export both from the same series"
                )
                raise ImageError(message)
            return
        refuse_outside(self.roi, grid, case_id=self.case_id)


def refuse_outside(region: Box | SeedPoint, grid: Grid, *, case_id: str) -> None:
    """Refuse a box or seed point that reaches outside the grid of its volume.

    Raises:
        ImageError: In one sentence that names the case and the axis.
    """
    for name, size in zip(("slice", "row", "column"), grid.shape, strict=True):
        bound = getattr(region, name)
        start, stop = bound if isinstance(bound, tuple) else (bound, bound + 1)
        if start < 0 or stop > size:
            message = (
                f"case {case_id}: the {'box' if isinstance(region, Box) else 'seed point'} reaches "
                f"{start:g} to {stop:g} along {name}, outside the volume's 0 to {size}: "
                "give voxels of the volume as read, columns first"
            )
            raise ImageError(message)
