"""The breast around the lesion: fat, fibroglandular tissue, septa, skin, pectoral muscle, air, vessels."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64

from onephase.simulation.fields import Axes, RandomField
from onephase.simulation.tubes import bent_curve, draw_tubes, random_directions

SKIN_MM = 1.8
GLAND_STARTS_MM = 8.0  # beneath the skin and above the muscle there is fat
GLAND_EDGE = 0.7  # width of the transition from fat to gland, in standard deviations of its field
LOBULE_CORRELATION_MM = 2.6
LOBULE_SHARE = 0.45  # lobules break up the outline of the gland and its brightness
SEPTUM_WIDTH = 0.10
SEPTUM_SHARE = 0.35

DENSITY_THRESHOLD = (1.6, 0.8, 0.1, -0.6)
DENSITY_SHARE = (0.10, 0.40, 0.40, 0.10)
"""Gland fills about 5, 21, 46 and 73 % of the breast, for the four BI-RADS densities and their usual shares [J]."""


@dataclass(frozen=True, slots=True, eq=False)
class BreastMaps:
    """Shares of each voxel that a tissue covers; fat is what is left."""

    gland: Float32[np.ndarray, "slice row column"]
    nodularity: Float32[np.ndarray, "slice row column"]
    skin: Float32[np.ndarray, "slice row column"]
    muscle: Float32[np.ndarray, "slice row column"]
    air: Float32[np.ndarray, "slice row column"]


@dataclass(frozen=True, slots=True, eq=False)
class Breast:
    """One breast, in mm from the centre of the field of view; rows run from skin to muscle."""

    gland: RandomField
    lobules: RandomField
    septa: RandomField
    gland_threshold: float
    skin_row_mm: float
    skin_radius_mm: float
    muscle_row_mm: float

    @classmethod
    def draw(
        cls, rng: np.random.Generator, *, axes: Axes, lesion_centre_mm: Float64[np.ndarray, " 3"], radius_mm: float
    ) -> "Breast":
        """Draw a breast whose skin and muscle leave room for a lesion."""
        row = float(lesion_centre_mm[1])
        return cls(
            gland=RandomField.draw(rng, axes=axes, correlation_mm=float(rng.uniform(6, 11))),
            lobules=RandomField.draw(rng, axes=axes, correlation_mm=LOBULE_CORRELATION_MM),
            septa=RandomField.draw(rng, axes=axes, correlation_mm=float(rng.uniform(6, 9))),
            gland_threshold=float(rng.choice(DENSITY_THRESHOLD, p=DENSITY_SHARE) + 0.2 * rng.standard_normal()),
            skin_row_mm=row - 0.9 * radius_mm - float(rng.uniform(10, 38)),
            skin_radius_mm=float(rng.uniform(50, 90)),
            muscle_row_mm=row + 0.9 * radius_mm + float(rng.uniform(12, 45)),
        )

    def on(self, axes: Axes) -> BreastMaps:
        """Return the tissue shares on a grid."""
        slices, rows, columns = (axis.astype(np.float32) for axis in axes)
        pixel = float(axes[1][1] - axes[1][0])
        bow = (slices[:, None, None] ** 2 + columns**2) / np.float32(2 * self.skin_radius_mm)
        deep = rows[:, None] - np.float32(self.skin_row_mm) - bow  # depth beneath the skin's surface
        above = np.float32(self.muscle_row_mm) - rows[:, None] + 0.5 * bow  # height above the muscle
        air = _ramp(-deep, pixel)
        skin = _ramp(SKIN_MM - deep, pixel)
        muscle = _ramp(-above, pixel)
        fatty = np.minimum(deep, above)
        fatty -= GLAND_STARTS_MM
        fatty *= np.float32(0.25)
        np.clip(fatty, -6, 0, out=fatty)  # gland thins out towards skin and muscle
        lobules = self.lobules.on(axes)
        field = self.gland.on(axes) + np.float32(LOBULE_SHARE) * lobules
        gland = np.clip((field + fatty - np.float32(self.gland_threshold)) / np.float32(GLAND_EDGE) + 0.5, 0, 1)
        septum = np.clip(1 - np.abs(self.septa.on(axes)) / np.float32(SEPTUM_WIDTH), 0, 1)
        gland = np.maximum(gland, np.float32(SEPTUM_SHARE) * septum)
        return BreastMaps(gland, lobules, skin, muscle, air)


def draw_vessels(
    rng: np.random.Generator,
    *,
    axes: Axes,
    lesion_centre_mm: Float64[np.ndarray, " 3"],
    radius_mm: float,
    vascularity: float,
) -> Float32[np.ndarray, "slice row column"]:
    """Return the share of each voxel that blood vessels fill.

    Adjacent vessels lead to the lesion; their number and calibre grow with ``vascularity`` (0..1). One to
    three others pass anywhere.
    """
    canvas = np.zeros([len(axis) for axis in axes], dtype=np.float32)
    step = 0.6
    adjacent = int(rng.binomial(1, 0.4) + np.rint(9 * vascularity))
    points, radii = [], []
    for direction in random_directions(rng, adjacent):
        start = lesion_centre_mm + direction * radius_mm * rng.uniform(0.85, 1.05)
        length = rng.uniform(15, 35)
        curve = bent_curve(start, direction, length_mm=length, bend_per_mm=0.2, step_mm=step, rng=rng)
        points.append(curve)
        calibre = (0.75 + 0.65 * vascularity) * rng.uniform(0.85, 1.2)
        radii.append(np.linspace(calibre, 0.7 * calibre, len(curve)))
    for _ in range(int(rng.integers(1, 4))):
        start = rng.uniform(-48, 48, size=3)
        heading = random_directions(rng, 1)[0]
        curve = bent_curve(start, heading, length_mm=60.0, bend_per_mm=0.12, step_mm=step, rng=rng)
        away = np.linalg.norm(curve - lesion_centre_mm, axis=1) > radius_mm + 6
        points.append(curve[away])
        radii.append(np.full(int(away.sum()), rng.uniform(0.7, 1.3)))
    draw_tubes(canvas, axes, points_mm=np.concatenate(points), radii_mm=np.concatenate(radii))
    return canvas


def _ramp(
    depth_mm: Float32[np.ndarray, "slice row column"], width_mm: float
) -> Float32[np.ndarray, "slice row column"]:
    return np.asarray(np.clip(depth_mm / np.float32(width_mm) + np.float32(0.5), 0, 1))
