"""Region descriptors: some 280 numbers a lesion, from first order and shape to filter responses and vessels.

The network starts from what they say and looks for what they miss; alone, in a linear panel, they are the honest
simple contestant that it must beat. Everything is computed from the patch, its signed distance and how bright
air is in the volume, in a few hundredths of a second. They are plain descriptors, not IBSI-compliant radiomics
features (MIRP gives those).
"""

from collections.abc import Collection, Iterable, Iterator
from itertools import chain, pairwise
from typing import Literal

import numpy as np

from onephase.arrays import Bool, Float, Float64, Int64
from onephase.imaging.lesion import RIM_MM, SMALL, Lesion, cut_out, regions_between, smoothed
from onephase.imaging.quantiles import quantile, quantiles
from onephase.imaging.responses import responses
from onephase.imaging.vessels import vessels
from onephase.imaging.yardsticks import LEVELS, MIXTURE, Yardsticks
from onephase.settings import RegionName

ZONES: dict[RegionName | Literal["far"], tuple[float, float]] = {
    "core": (-np.inf, RIM_MM[0]),
    "rim": RIM_MM,
    "shell": (RIM_MM[1], 6.0),
    "far": (6.0, 14.0),
}
"""First-order zones by signed distance to the lesion surface in mm."""
PROFILE_EDGES_MM = (-np.inf, -7.0, -5.0, -3.5, -2.0, -1.0, 0.0, 1.0, 2.0, 3.5, 5.0, 8.0, 12.0)
DEPTH_SHARES = (0.0, 0.15, 0.3, 0.45, 0.65, np.inf)
BANDS_MM = (0.75, 1.5, 3.0, 6.0)
WIDE_BAND_MM = 3.0
FEWEST_VOXELS = 8  # fewer have no spread
LAGS_MM = (1.5, 3.0, 4.5, 6.0, 9.0)
VIABLE = 0.55
DEPTH_TRENDS_MM = (1.5, 4.0)
SMOOTHINGS_MM = (1.2, 2.4, 4.8)
AROUND = ((0.5, 2.0), (2.0, 4.0), (4.0, 8.0), (8.0, 14.0))
QUANTILES = (0.02, 0.10, 0.25, 0.75, 0.90, 0.98)
LOW_SHARES = (0.35, 0.5, 0.7)
HIGH_SHARES = (0.5, 0.8)
HALF = 0.5
ABOVE_AIR = "log surroundings above air"
SHARE_ABOVE_AIR = "surroundings to lesion above air"
"""This descriptor is 0 where the darkest surroundings are air, and .5 where the lesion is twice as bright as they."""
FAINT = 0.05
"""Added before the logarithm to what is above air, in a lesion's units."""


def describe(
    image: Float[np.ndarray, "slice row column"],
    distance_mm: Float[np.ndarray, "slice row column"],
    *,
    spacing_mm: tuple[float, float, float],
    against: Yardsticks,
) -> Float64[np.ndarray, " descriptor"]:
    """Describe a lesion by :data:`DESCRIPTORS`; finite for every lesion, however small.

    Args:
        image: Patch around the lesion, any gain and offset.
        distance_mm: Signed distance to the lesion surface, negative inside.
        spacing_mm: Voxel spacing (slice, row, column).
        against: What the lesion's brightness is compared with, in units of the image.

    Raises:
        ImageError: If no voxel is inside, nor within a voxel of the lesion.
    """
    lesion = cut_out(image, distance_mm, spacing_mm=spacing_mm, air=against.air)
    values = np.array([value for _, _, value in _described(lesion, against)], dtype=np.float64)
    return np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)


def descriptors_within(regions: Collection[RegionName]) -> Int64[np.ndarray, " used"]:
    """Return the places in :data:`DESCRIPTORS` of those that look at no other region than the named ones.

    The outline itself lies in the rim; a network that is shown the core alone does not know it.
    """
    return np.flatnonzero([needed <= set(regions) for needed in _NEEDED])


def _described(lesion: Lesion, against: Yardsticks) -> Iterator[tuple[str, frozenset[RegionName], float]]:
    """Yield name, regions that are looked at, and value of each descriptor."""
    for zone, within in ZONES.items():
        yield from _within({"shell" if zone == "far" else zone}, _first_order(lesion, zone, within))
    for (start, stop), value in zip(pairwise(PROFILE_EDGES_MM), _profile(lesion), strict=True):
        yield from _within(regions_between(start, stop), [(f"profile to {stop:g} mm", value)])
    yield from _within({"core", "rim"}, _rim(lesion))
    for sigma, described in zip(BANDS_MM, _bands(lesion), strict=True):  # a wide band reaches past the surface
        yield from _within({"core", "rim"} if sigma < WIDE_BAND_MM else {"core", "rim", "shell"}, [described])
    yield from _within({"core", "rim"}, _texture(lesion))
    yield from _within({"core", "rim"}, _histogram(lesion))
    yield from _within({"rim"}, _shape(lesion))
    yield from _within({"rim", "shell"}, _surroundings(lesion))
    for name, regions, value in chain(responses(lesion), vessels(lesion)):
        yield name, frozenset(regions), value
    yield from _within({"core", "rim", "shell"}, chain(_fat(lesion.above_air), _against(lesion, against)))


def _within(
    regions: set[RegionName], described: Iterable[tuple[str, float]]
) -> Iterator[tuple[str, frozenset[RegionName], float]]:
    for name, value in described:
        yield name, frozenset(regions), value


def _first_order(lesion: Lesion, zone: str, within: tuple[float, float]) -> Iterator[tuple[str, float]]:
    values = lesion.image[(lesion.distance >= within[0]) & (lesion.distance < within[1])]
    if values.size == 0:  # a small lesion has no core: the lesion stands for it
        values = lesion.image[lesion.inside]
    centre, spread = float(values.mean()), float(values.std()) + SMALL
    standard = (values - centre) / spread
    low, median, high = quantiles(values, (0.1, 0.5, 0.9))
    yield f"{zone} mean", centre
    yield f"{zone} sd", np.log(spread)
    yield f"{zone} p10", float(low)
    yield f"{zone} median", float(median)
    yield f"{zone} p90", float(high)
    yield f"{zone} skewness", float((standard**3).mean())
    yield f"{zone} kurtosis", float(np.log((standard**4).mean() + SMALL))


def _profile(lesion: Lesion) -> list[float]:
    """Return the brightness of each layer by distance to the surface."""
    means: list[float] = []
    for start, stop in pairwise(PROFILE_EDGES_MM):
        values = lesion.image[(lesion.distance >= start) & (lesion.distance < stop)]
        means.append(quantile(values, 0.6) if values.size else np.nan)  # above what necrosis takes
    known = np.flatnonzero(np.isfinite(means))
    filled = np.interp(np.arange(len(means)), known, np.array(means)[known])  # depths a small lesion lacks
    return [float(value) for value in filled]


def _rim(lesion: Lesion) -> Iterator[tuple[str, float]]:
    """Brightness over depth as a share of the deepest, above what necrosis takes, against the lesion's own."""
    depth = -lesion.distance[lesion.inside]
    logs = np.log(np.maximum(lesion.image[lesion.inside], SMALL))
    whole = quantile(logs, 0.7)
    share = depth / max(float(depth.max()), SMALL)
    for start, stop in pairwise(DEPTH_SHARES):
        values = logs[(share >= start) & (share < stop)]
        yield f"rim {start:g}-{stop:g} of depth", quantile(values, 0.7) - whole if values.size else 0.0


def _bands(lesion: Lesion) -> Iterator[tuple[str, float]]:
    interior = _interior(lesion)
    smooth = [lesion.image, *(smoothed(lesion.image, lesion, sigma) for sigma in BANDS_MM)]
    for sigma, fine, coarse in zip(BANDS_MM, smooth[:-1], smooth[1:], strict=True):
        yield f"texture to {sigma:g} mm", np.log(float((fine - coarse)[interior].std()) + SMALL)


def _texture(lesion: Lesion) -> Iterator[tuple[str, float]]:
    interior = _interior(lesion)
    smooth = smoothed(lesion.image, lesion, BANDS_MM[0])
    slopes = [
        np.gradient(smooth, spacing, axis=axis)
        for axis, spacing in enumerate(lesion.spacing_mm)
        if smooth.shape[axis] > 1  # a lesion in one slice of a stack has none across
    ]
    steepness = np.sqrt(sum(slope**2 for slope in slopes))[interior]
    yield "gradient mean", np.log(float(steepness.mean()) + SMALL)
    yield "gradient sd", np.log(float(steepness.std()) + SMALL)
    yield from _variogram(lesion, interior)


def _interior(lesion: Lesion) -> Bool[np.ndarray, "slice row column"]:
    interior = lesion.distance < -1
    return interior if interior.sum() >= FEWEST_VOXELS else lesion.inside


def _histogram(lesion: Lesion) -> Iterator[tuple[str, float]]:
    values = smoothed(lesion.image, lesion, BANDS_MM[0])[lesion.inside]
    middle = max(quantile(values, 0.5), SMALL)
    for share, value in zip(QUANTILES, quantiles(values, QUANTILES) / middle, strict=True):
        yield f"lesion p{100 * share:g}", float(value)
    for share in LOW_SHARES:
        yield f"lesion below {share:g}", float((values < share * middle).mean())


def _variogram(lesion: Lesion, interior: Bool[np.ndarray, "slice row column"]) -> Iterator[tuple[str, float]]:
    """Half the mean squared difference at each lag, of log intensity without its trend over depth and necrosis."""
    viable = interior & (lesion.image > VIABLE * quantile(lesion.image[interior], 0.5))
    if not viable.any():  # a void darker than all around it, such as a clip leaves: nothing parts it further
        viable = interior
    logs = np.log(np.maximum(lesion.image, SMALL))
    depth = np.clip(-lesion.distance, 0, None)
    basis = np.stack([np.ones_like(depth), *(np.exp(-depth / scale) for scale in DEPTH_TRENDS_MM)])
    coefficients, *_ = np.linalg.lstsq(basis[:, viable].T, logs[viable], rcond=None)
    residual = logs - np.tensordot(coefficients.astype(np.float32), basis, axes=1)
    yield "texture spread", np.log(float(np.subtract(*quantiles(residual[viable], (0.84, 0.16)))) / 2 + SMALL)
    for lag in LAGS_MM:
        differences = [np.zeros(1)]
        for axis, spacing in enumerate(lesion.spacing_mm):
            here, there = _shifted(axis, step=max(1, round(lag / spacing)))
            both = viable[here] & viable[there]
            differences.append(np.abs(residual[here] - residual[there])[both])
        yield f"variogram at {lag:g} mm", 2 * np.log(quantile(np.concatenate(differences), 0.5) + SMALL)


def _shifted(axis: int, *, step: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    here, there = [slice(None)] * 3, [slice(None)] * 3
    here[axis], there[axis] = slice(None, -step), slice(step, None)
    return tuple(here), tuple(there)


def _shape(lesion: Lesion) -> Iterator[tuple[str, float]]:
    spacing = np.array(lesion.spacing_mm)
    voxel = float(spacing.prod())
    volume = float(lesion.inside.sum()) * voxel
    points = np.argwhere(lesion.inside) * spacing
    away = points - points.mean(axis=0)
    variances, vectors = np.linalg.eigh(away.T @ away / len(away) + np.eye(3) * SMALL)
    along = away @ vectors
    extents = np.sort(along.max(axis=0) - along.min(axis=0) + spacing.mean())
    radius = np.cbrt(volume * 3 / (4 * np.pi))
    surface = sum(
        float((np.diff(lesion.inside.astype(np.int8), axis=axis) != 0).sum()) * voxel / spacing[axis]
        for axis in range(3)
    )
    yield "log volume", np.log(volume)
    yield "log longest", np.log(extents[2])
    yield "elongation", float(np.sqrt(variances[1] / variances[2]))
    yield "flatness", float(np.sqrt(variances[0] / variances[2]))
    yield "filled share of extents", np.log(volume / extents.prod())
    yield "log surface over sphere", np.log((surface + SMALL) / (4 * np.pi * radius**2))
    yield "log depth over radius", np.log((max(-float(lesion.distance.min()), 0.0) + SMALL) / radius)
    from_surface = np.abs(lesion.distance)
    shell = from_surface <= max(spacing.mean(), from_surface.min())  # a lesion that fills its patch has no surface
    reach = np.linalg.norm(np.argwhere(shell) * spacing - points.mean(axis=0), axis=1)
    yield "surface radius spread", float(reach.std() / (reach.mean() + SMALL))
    yield "surface radius skewness", float((((reach - reach.mean()) / (reach.std() + SMALL)) ** 3).mean())
    filled = lesion.inside.astype(np.float32)
    for sigma in SMOOTHINGS_MM:
        smooth = smoothed(filled, lesion, sigma)
        yield f"spikes at {sigma:g} mm", float((lesion.inside & (smooth < HALF)).sum() * voxel / volume)
        yield f"clefts at {sigma:g} mm", float((~lesion.inside & (smooth > HALF)).sum() * voxel / volume)
        yield f"roughness at {sigma:g} mm", float(smooth[shell].std())


def _surroundings(lesion: Lesion) -> Iterator[tuple[str, float]]:
    fine = lesion.image - smoothed(lesion.image, lesion, 2.4)
    for start, stop in AROUND:
        ring = (lesion.distance >= start) & (lesion.distance < stop)
        if not ring.any():
            ring = ~lesion.inside if (~lesion.inside).any() else lesion.inside
        values, details = lesion.image[ring], fine[ring]
        for share in HIGH_SHARES:
            yield f"{start:g}-{stop:g} mm above {share:g}", float((values > share).mean())
        yield f"{start:g}-{stop:g} mm detail", np.log(float(details.std()) + SMALL)
        yield f"{start:g}-{stop:g} mm detail p98", quantile(details, 0.98)
        yield f"{start:g}-{stop:g} mm lower quartile", quantile(values, 0.25)


def _fat(above_air: float) -> Iterator[tuple[str, float]]:
    """How bright the lowest surroundings are above air, which is how far suppression let fat shine."""
    yield ABOVE_AIR, float(np.log(above_air + FAINT))
    yield SHARE_ABOVE_AIR, above_air / (above_air + 1)


def _against(lesion: Lesion, against: Yardsticks) -> Iterator[tuple[str, float]]:
    """How bright each yardstick is against the lesion's median, both above air."""
    for name, level in zip(LEVELS, against.levels / lesion.unit, strict=True):
        yield f"log {name} to lesion", float(np.log((level + FAINT) / (lesion.brightness + SMALL)))
    yield from zip(MIXTURE, against.mixture.tolist(), strict=True)


def _of_a_ball() -> tuple[tuple[str, frozenset[RegionName]], ...]:
    """Names and regions in the order of the numbers, read off a ball."""
    where = np.stack(np.meshgrid(*[np.arange(-6.0, 7.0)] * 3, indexing="ij"))
    distance = (np.linalg.norm(where, axis=0) - 4).astype(np.float32)
    ball = Lesion(np.exp(-distance).astype(np.float32), 1.0, 2.0, 1.0, distance, distance < 0, (1.0, 1.0, 1.0))
    return tuple((name, regions) for name, regions, _ in _described(ball, Yardsticks.even(air=0.0)))


DESCRIPTORS, _NEEDED = (tuple(part) for part in zip(*_of_a_ball(), strict=True))
