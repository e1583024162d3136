"""Centred random fields: smooth noise of a given correlation length, drawn once, evaluated on any grid.

White noise on a coarse lattice is spread by cubic B-splines, axis by axis, so the cost is that of the
lattice and not of the voxels. Each weight row is normalised, which makes the variance exactly one
everywhere; the mean over the ensemble is zero. A field that scales something is centred first, over the
region where it acts (:func:`standardised`): an uncentred bias field shifts the gain of a whole case.
No BLAS is used, so the numbers do not depend on the number of threads.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int

from onephase.errors import ImageError

Axes: TypeAlias = tuple[Float64[np.ndarray, " slice"], Float64[np.ndarray, " row"], Float64[np.ndarray, " column"]]
"""Positions of voxel centres along (slice, row, column), in mm from the centre of the field of view."""

PITCH_PER_CORRELATION = np.sqrt(1.5)
"""Lattice pitch in correlation lengths. The kernel's autocorrelation is nearly a Gaussian of variance
2/3 pitch squared (two cubic B-splines, each of variance 1/3), which is exp(-1/2) at one correlation length."""

SUPPORT = 4  # lattice points that a cubic B-spline reaches


@dataclass(frozen=True, slots=True, eq=False)
class RandomField:
    """One realisation of a stationary random field of mean 0 and variance 1.

    Attributes:
        lattice: White noise on the lattice.
        start_mm: Position of the first lattice point along each axis.
        pitch_mm: Distance of lattice points.
    """

    lattice: Float32[np.ndarray, "slice row column"]
    start_mm: tuple[float, float, float]
    pitch_mm: float

    @classmethod
    def draw(cls, rng: np.random.Generator, *, axes: Axes, correlation_mm: float) -> "RandomField":
        """Draw a field that can be evaluated anywhere within the box that ``axes`` spans.

        Args:
            rng: Source of randomness.
            axes: Any axes whose first and last positions span the box.
            correlation_mm: Distance at which the autocorrelation falls to exp(-1/2).

        Raises:
            ImageError: If the correlation length is not positive.
        """
        if correlation_mm <= 0:
            message = f"the correlation length of a random field must be greater than 0 mm, got {correlation_mm}"
            raise ImageError(message)
        pitch = float(PITCH_PER_CORRELATION * correlation_mm)
        phase = rng.random(3)  # where the lattice lies against the voxels must not matter
        shape = [int(np.ceil((axis[-1] - axis[0]) / pitch)) + SUPPORT + 1 for axis in axes]
        starts = [float(axis[0]) - pitch * (1 + offset) for axis, offset in zip(axes, phase, strict=True)]
        lattice = rng.standard_normal(shape, dtype=np.float32)
        return cls(lattice, (starts[0], starts[1], starts[2]), pitch)

    def on(self, axes: Axes) -> Float32[np.ndarray, "slice row column"]:
        """Evaluate the field on a grid."""
        values = self.lattice
        for dimension in (2, 1, 0):  # the largest axis product last, along the contiguous blocks of slices
            first, weights = _spline_weights((axes[dimension] - self.start_mm[dimension]) / self.pitch_mm)
            values = _spread(values, first, weights, axis=dimension)
        return values


def standardised(
    values: Float32[np.ndarray, "slice row column"], where: Bool[np.ndarray, "slice row column"]
) -> Float32[np.ndarray, "slice row column"]:
    """Return the values with mean 0 and standard deviation 1 over ``where``; zero if that has no spread."""
    inside = values[where]
    spread = float(inside.std()) if inside.size else 0.0
    if spread == 0.0:
        return np.zeros_like(values)
    return np.asarray((values - inside.mean()) / spread, dtype=np.float32)


def _spline_weights(
    position: Float64[np.ndarray, " voxel"],
) -> tuple[Int[np.ndarray, " voxel"], Float32[np.ndarray, "voxel 4"]]:
    first = np.floor(position).astype(np.intp)
    t = position - first
    weights = np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], axis=1)
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    return first - 1, weights.astype(np.float32)


def _spread(
    values: Float32[np.ndarray, "a b c"],
    first: Int[np.ndarray, " voxel"],
    weights: Float32[np.ndarray, "voxel 4"],
    *,
    axis: int,
) -> Float32[np.ndarray, "slice row column"]:
    along = [1, 1, 1]
    along[axis] = len(first)
    result = np.take(values, first, axis=axis)
    result *= weights[:, 0].reshape(along)
    for step in range(1, SUPPORT):
        part = np.take(values, first + step, axis=axis)
        part *= weights[:, step].reshape(along)
        result += part
    return result
