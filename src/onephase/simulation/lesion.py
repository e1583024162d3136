"""The lesion: an enhancing mass whose shape, margin, rim, necrosis and texture follow its phenotype.

An ellipsoid is pushed outward by lobes and a fine irregularity, grows spicules, and carries a profile of
transfer constants: a rim, a texture of a given spread and correlation length, a necrotic part of a given
volume. Every field is standardised over the region where it acts, so that the phenotype is what was drawn.
Non-mass enhancement is left out: no part of the phenotype describes it.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Float64
from scipy import ndimage

from onephase.simulation.fields import Axes, RandomField, standardised
from onephase.simulation.tubes import bent_curve, draw_tubes, random_directions

RIM_DEPRESSION = 1.6  # how much a full rim lowers the logarithm of the interior's transfer constant
OEDEMA_REACH_MM = (2.0, 7.0)  # decay length of oedema outside the surface, from faint to marked
NECROSIS_EDGE = 0.15
VIABLE_WALL_MM = 1.8  # beneath the surface tumour lives, fed from outside
MOST_SPICULES = 42
SPICULES_IN_OUTLINE = 0.7  # a reader includes the base of a spicule, not its tip
FAR_OUTSIDE_MM = 14.0
HALF = 0.5


class Phenotype(NamedTuple):
    """The visible properties of one tumour, in the order of ``phenotype.CUE_NAMES``."""

    size_mm: float
    spiculation: float
    lobulation: float
    rim: float
    necrosis: float
    heterogeneity: float
    correlation_mm: float
    uptake_per_min: float
    oedema: float
    vessels: float


@dataclass(frozen=True, slots=True, eq=False)
class LesionMaps:
    """A lesion on a fine grid.

    Attributes:
        tissue: Share of each voxel that the lesion fills, spicules included.
        outline: Share that a reader would outline.
        log_uptake: Logarithm of the local transfer constant over the lesion's own mean.
        necrosis: Share of the lesion in a voxel that does not take up contrast.
        oedema: Share of a voxel's surroundings that is oedema.
    """

    tissue: Float32[np.ndarray, "slice row column"]
    outline: Float32[np.ndarray, "slice row column"]
    log_uptake: Float32[np.ndarray, "slice row column"]
    necrosis: Float32[np.ndarray, "slice row column"]
    oedema: Float32[np.ndarray, "slice row column"]


@dataclass(frozen=True, slots=True, eq=False)
class Ellipsoid:
    """The plain body of a lesion; ``axes`` holds the unit vectors of the semi-axes as rows."""

    centre_mm: Float64[np.ndarray, " 3"]
    semi_axes_mm: Float64[np.ndarray, " 3"]
    axes: Float64[np.ndarray, "3 3"]

    @property
    def radius_mm(self) -> float:
        """Radius of the sphere of the same volume."""
        return float(np.cbrt(self.semi_axes_mm.prod()))

    def reach_mm(self, directions: Float64[np.ndarray, "ray 3"]) -> Float64[np.ndarray, " ray"]:
        """Return the distance from the centre to the surface along unit vectors."""
        return np.asarray(1 / np.linalg.norm(directions @ self.axes.T / self.semi_axes_mm, axis=1))

    def radial_distance_mm(self, grid: Axes) -> Float32[np.ndarray, "slice row column"]:
        """Return the distance to the surface along the ray from the centre, negative inside."""
        slices, rows, columns = (
            (axis - centre).astype(np.float32) for axis, centre in zip(grid, self.centre_mm, strict=True)
        )
        square = np.zeros((len(slices), len(rows), len(columns)), dtype=np.float32)
        for direction, semi_axis in zip(self.axes, self.semi_axes_mm, strict=True):
            z, y, x = (direction / semi_axis).astype(np.float32)
            square += (z * slices[:, None, None] + y * rows[:, None] + x * columns) ** 2
        level = np.sqrt(np.maximum(square, np.float32(1e-8)))
        away = np.sqrt(slices[:, None, None] ** 2 + rows[:, None] ** 2 + columns**2)
        return np.asarray(away - np.maximum(away, np.float32(1e-3)) / level)


def draw_ellipsoid(rng: np.random.Generator, *, size_mm: float) -> Ellipsoid:
    """Draw the body of a lesion of a given longest diameter, near the centre of the field of view."""
    ratios = np.array([1.0, rng.uniform(0.72, 1.0), rng.uniform(0.65, 0.95)])
    orthogonal, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    return Ellipsoid(rng.uniform(-5, 5, size=3), size_mm / 2 * ratios, orthogonal)


def grow_lesion(rng: np.random.Generator, *, phenotype: Phenotype, body: Ellipsoid, axes: Axes) -> LesionMaps:
    """Grow a lesion with the given phenotype on a grid that holds it with 14 mm to spare."""
    voxel = float(np.cbrt(np.prod([axis[1] - axis[0] for axis in axes])))
    distance = _lobulated_distance(rng, phenotype=phenotype, body=body, axes=axes)
    spicules = _spicules(rng, phenotype=phenotype, body=body, axes=axes)
    mass = np.clip(np.float32(0.5) - distance / np.float32(voxel), 0, 1)
    tissue = np.maximum(mass, spicules)
    reader = np.float32(rng.normal(0, 0.35))  # readers draw a little wide or a little tight
    outline = np.clip(np.float32(0.5) - (distance - reader) / np.float32(voxel), 0, 1)
    outline = np.maximum(outline, np.float32(SPICULES_IN_OUTLINE) * spicules)
    inside = distance < 0
    necrosis = _necrosis(rng, share=phenotype.necrosis, body=body, axes=axes, distance=distance, inside=inside)
    log_uptake = _uptake_profile(
        rng,
        phenotype=phenotype,
        axes=axes,
        distance=distance,
        viable=inside & (necrosis < HALF),
    )
    return LesionMaps(tissue, outline, log_uptake, necrosis, _oedema(rng, phenotype.oedema, axes, distance))


def outlined(shares: Float32[np.ndarray, "slice row column"]) -> Bool[np.ndarray, "slice row column"]:
    """Return the mask of a reader: at least half filled, the largest connected part only."""
    parts, count = ndimage.label(shares >= HALF)
    if count <= 1:
        return np.asarray(parts > 0)
    return np.asarray(parts == 1 + np.bincount(parts.ravel())[1:].argmax())


def _lobulated_distance(
    rng: np.random.Generator, *, phenotype: Phenotype, body: Ellipsoid, axes: Axes
) -> Float32[np.ndarray, "slice row column"]:
    plain = body.radial_distance_mm(axes)
    surface = np.abs(plain) < max(1.5, 0.1 * body.radius_mm)
    field = RandomField.draw(rng, axes=axes, correlation_mm=max(3.0, 0.45 * body.radius_mm)).on(axes)
    lobes = standardised(np.abs(field), surface)  # rounded outward, clefts between, as lobes are
    np.clip(lobes, -1.5, 1.8, out=lobes)
    irregular = RandomField.draw(rng, axes=axes, correlation_mm=2.5).on(axes)
    amplitude = np.float32(phenotype.lobulation * body.radius_mm)
    return np.asarray(plain - amplitude * lobes - np.float32(0.3) * irregular)


def _spicules(
    rng: np.random.Generator, *, phenotype: Phenotype, body: Ellipsoid, axes: Axes
) -> Float32[np.ndarray, "slice row column"]:
    canvas = np.zeros([len(axis) for axis in axes], dtype=np.float32)
    count = int(np.rint(MOST_SPICULES * phenotype.spiculation))
    directions = random_directions(rng, count)
    points, radii = [np.zeros((0, 3))], [np.zeros(0)]
    for direction, surface in zip(directions, body.reach_mm(directions), strict=True):
        outside = (4 + 7 * phenotype.spiculation) * rng.uniform(0.6, 1.4)
        start = body.centre_mm + direction * 0.75 * surface
        length = 0.25 * surface + outside
        curve = bent_curve(start, direction, length_mm=length, bend_per_mm=0.05, step_mm=0.6, rng=rng)
        points.append(curve)
        radii.append(np.linspace(rng.uniform(1.3, 2.1), 0.35, len(curve)))
    draw_tubes(canvas, axes, points_mm=np.concatenate(points), radii_mm=np.concatenate(radii))
    return canvas


def _necrosis(
    rng: np.random.Generator,
    *,
    share: float,
    body: Ellipsoid,
    axes: Axes,
    distance: Float32[np.ndarray, "slice row column"],
    inside: Bool[np.ndarray, "slice row column"],
) -> Float32[np.ndarray, "slice row column"]:
    # Central and irregular: deep voxels first, pushed about by two fields; the threshold gives the exact volume.
    field = RandomField.draw(rng, axes=axes, correlation_mm=max(2.0, 0.4 * body.radius_mm)).on(axes)
    jagged = RandomField.draw(rng, axes=axes, correlation_mm=1.6).on(axes)
    potential = np.float32(0.3) * field + np.float32(0.12) * jagged - distance / np.float32(body.radius_mm)
    potential -= 2 * np.clip(1 + distance / np.float32(VIABLE_WALL_MM), 0, 1)
    threshold = np.quantile(potential[inside], 1 - share)
    filled = np.clip((potential - np.float32(threshold)) / np.float32(NECROSIS_EDGE) + 0.5, 0, 1)
    return np.asarray(np.where(inside, filled, 0), dtype=np.float32)


def _uptake_profile(
    rng: np.random.Generator,
    *,
    phenotype: Phenotype,
    axes: Axes,
    distance: Float32[np.ndarray, "slice row column"],
    viable: Bool[np.ndarray, "slice row column"],
) -> Float32[np.ndarray, "slice row column"]:
    texture = RandomField.draw(rng, axes=axes, correlation_mm=phenotype.correlation_mm).on(axes)
    texture = standardised(texture, viable)
    thickness = np.float32(rng.uniform(2.0, 3.5))
    interior = np.clip(-distance / thickness, 0, 1)
    profile = np.float32(phenotype.heterogeneity) * texture - np.float32(RIM_DEPRESSION * phenotype.rim) * interior
    return np.asarray(profile - profile[viable].mean())


def _oedema(
    rng: np.random.Generator, amount: float, axes: Axes, distance: Float32[np.ndarray, "slice row column"]
) -> Float32[np.ndarray, "slice row column"]:
    reticular = RandomField.draw(rng, axes=axes, correlation_mm=2.5).on(axes)
    decay = np.float32(OEDEMA_REACH_MM[0] + amount * (OEDEMA_REACH_MM[1] - OEDEMA_REACH_MM[0]))
    outside = np.maximum(distance, 0)
    level = np.float32(amount) * np.exp(-outside / decay) * (1 + np.float32(0.35) * reticular)
    level *= np.clip((FAR_OUTSIDE_MM - outside) / 4, 0, 1)
    return np.asarray(np.clip(level, 0, 1), dtype=np.float32)
