"""Where voxels are: a grid of (slice, row, column) indices in LPS millimetres."""

from dataclasses import dataclass

import numpy as np

from onephase.arrays import Float
from onephase.errors import ImageError

ORTHONORMAL_TOLERANCE = 1e-3
SAME_POSITION_MM = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """A regular grid of voxels in patient space.

    Attributes:
        shape: Number of voxels (slice, row, column).
        spacing_mm: Distance of neighbours along (slice, row, column).
        origin_mm: Centre of voxel (0, 0, 0) in LPS millimetres (x to the left, y to posterior, z up).
        direction: Columns are the LPS unit vectors of the slice, row and column axes.
    """

    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float]
    direction: Float[np.ndarray, "3 3"]

    def __post_init__(self) -> None:
        """Refuse an empty grid, a spacing of zero or less, and axes that are not orthonormal."""
        if min(self.shape) < 1:
            message = f"a grid needs at least one voxel along each axis, got shape {self.shape}"
            raise ImageError(message)
        if not all(np.isfinite(self.spacing_mm)) or min(self.spacing_mm) <= 0:
            message = f"voxel spacing must be greater than 0 mm, got {self.spacing_mm}"
            raise ImageError(message)
        product = self.direction.T @ self.direction
        if not np.allclose(product, np.eye(3), atol=ORTHONORMAL_TOLERANCE):
            message = "the axes of the image are not orthonormal (sheared or flattened header): export it again"
            raise ImageError(message)
        direction = np.array(self.direction, dtype=np.float64)
        direction.setflags(write=False)
        object.__setattr__(self, "direction", direction)

    def __str__(self) -> str:
        """Return shape, spacing and origin in words for a message, as ``4x5x6 at 2x1x1 mm from 0.0, 0.0, 0.0``."""
        shape, spacing = "x".join(map(str, self.shape)), "x".join(f"{mm:.3g}" for mm in self.spacing_mm)
        return f"{shape} at {spacing} mm from {', '.join(f'{mm:.1f}' for mm in self.origin_mm)}"

    @classmethod
    def axial(
        cls,
        shape: tuple[int, int, int],
        spacing_mm: tuple[float, float, float],
        *,
        origin_mm: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> "Grid":
        """Return an axial grid: slices go up, rows to posterior, columns to the left."""
        return cls(shape, spacing_mm, origin_mm, np.eye(3)[:, ::-1].copy())

    @property
    def index_to_mm(self) -> Float[np.ndarray, "3 3"]:
        """The matrix that takes an index step (slice, row, column) to an LPS step in millimetres."""
        return np.asarray(self.direction * np.asarray(self.spacing_mm))

    def position_mm(self, index: Float[np.ndarray, "*points 3"]) -> Float[np.ndarray, "*points 3"]:
        """Return LPS positions of (fractional) indices (slice, row, column)."""
        return np.asarray(index @ self.index_to_mm.T + np.asarray(self.origin_mm))

    def index_of(self, position_mm: Float[np.ndarray, "*points 3"]) -> Float[np.ndarray, "*points 3"]:
        """Return fractional indices (slice, row, column) of LPS positions."""
        return np.asarray((position_mm - np.asarray(self.origin_mm)) @ np.linalg.inv(self.index_to_mm).T)

    def same_as(self, other: "Grid", *, tolerance_mm: float = SAME_POSITION_MM) -> bool:
        """Tell whether both grids put every voxel in the same place, to a tolerance at all corners."""
        if self.shape != other.shape:
            return False
        corners = np.array(np.meshgrid(*[(0, n - 1) for n in self.shape]), dtype=np.float64).reshape(3, -1).T
        apart = np.linalg.norm(self.position_mm(corners) - other.position_mm(corners), axis=1)
        return bool(apart.max() <= tolerance_mm)
