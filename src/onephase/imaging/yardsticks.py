"""Yardsticks: how bright the tissues around a lesion would be in its place, and how bright blood would be.

A magnetic resonance image has no unit, so a lesion is bright only against something. Twice the uptake makes it brighter
by about a sixth, and over the breast the receive field changes by as much: a yardstick must be freed of it. So the
surroundings are averaged to blocks, freed of the noise that air shows, and parted into a darker and a brighter tissue
under one smooth field, each estimated by the other in turn (Wells et al., IEEE Trans Med Imaging 1996, 15:429-442; the
field here is a quadratic, 1 at the lesion). Blood, the one tissue whose uptake is known, fills no block: it is the
brightest of the single voxels outside the lesion, freed of the same field.
"""

from dataclasses import dataclass, replace

import numpy as np

from onephase.arrays import Bool, Float32, Float64
from onephase.imaging.air import AIR_POWER, Air
from onephase.imaging.quantiles import quantile, quantiles

BLOCK_MM = 4.0
AWAY_MM = 3.0
"""Nearer to the surface lie spicules and what of the lesion an outline missed."""
MOST_NOISE = 0.25
"""Of the power of half of all blocks: more is no noise but a volume that shows no air."""
EMPTY = 1e-3
"""Of the power of the brightest tenth of all blocks: less is air that was set to nothing, and shows no noise."""
FEWEST_BLOCKS = 60
NEAR_MM = 30.0
REACH_MM = 40.0
"""Unit of length of the field, so that its coefficients are of one size."""
STIFFNESS = 0.01
ROUNDS = 10
LEAST_SPREAD = 0.04
OTHER = 0.02
"""Density of what is neither tissue: skin, vessels, blocks of both."""
SHARES = (0.02, 0.05, 0.25, 0.75)
BLOOD_MM3 = (5.0, 20.0, 60.0, 200.0)
"""So much of what lies around a lesion is brighter than blood is taken to be."""
FAINT = 1e-6

LEVELS = (
    *(f"surroundings p{100 * share:g}" for share in SHARES),
    "darker tissue",
    "brighter tissue",
    *(f"brightest {volume:g} mm3" for volume in BLOOD_MM3),
    "noise",
)
MIXTURE = ("log spread of darker tissue", "log spread of brighter tissue", "share of darker tissue")


@dataclass(frozen=True, slots=True, eq=False)
class Yardsticks:
    """What a lesion's brightness is compared with.

    Attributes:
        air: Brightness of air, in units of the image.
        levels: How far above air each of :data:`LEVELS` would be in the lesion's place, in the same units.
        mixture: :data:`MIXTURE`, without unit.
    """

    air: float
    levels: Float64[np.ndarray, " level"]
    mixture: Float64[np.ndarray, " 3"]

    @classmethod
    def even(cls, *, air: float) -> "Yardsticks":
        """Return those of surroundings in which everything is 1 above air, for whom they do not matter."""
        return cls(air, np.ones(len(LEVELS)), np.zeros(len(MIXTURE)))

    def in_units(self, *, air: float, scale: float) -> "Yardsticks":
        """Return the same in other units.

        Args:
            air: Brightness of air in them.
            scale: What 1 of them is in the units until now.
        """
        return replace(self, air=air, levels=self.levels / scale)


def yardsticks(
    image: Float32[np.ndarray, "slice row column"],
    distance_mm: Float32[np.ndarray, "slice row column"],
    *,
    spacing_mm: tuple[float, float, float],
    air: Air,
) -> Yardsticks:
    """Measure the surroundings of a lesion.

    Args:
        image: What lies around it, as the scanner stored it.
        distance_mm: Signed distance to the lesion surface, negative inside.
        spacing_mm: Voxel spacing (slice, row, column).
        air: Of the volume.
    """
    above = image - np.float32(air.level)
    inside = np.argwhere(distance_mm <= max(0.0, float(distance_mm.min())))
    centre = inside.mean(axis=0)
    fold = [min(size, max(1, round(BLOCK_MM / mm))) for size, mm in zip(image.shape, spacing_mm, strict=True)]
    power = _in_blocks(above * above, fold)
    noise = min(air.power, MOST_NOISE * quantile(power, 0.5))
    tissue = _tissue(power, _in_blocks((distance_mm < AWAY_MM).astype(np.float32), fold) == 0, noise=noise)
    logs = np.log(np.maximum(power[tissue].astype(np.float64) - noise, _least(power))) / 2
    places = ((np.argwhere(tissue) + 0.5) * fold - 0.5 - centre) * spacing_mm / REACH_MM
    terms = _quadratic(places)
    means, spreads, shares, field = _two_tissues(logs, terms)
    level = logs - terms @ field
    away = np.linalg.norm(places, axis=1) * REACH_MM
    near = level[away <= max(NEAR_MM, np.sort(away)[min(FEWEST_BLOCKS, len(away)) - 1])]
    brightest = _brightest(above, distance_mm, spacing_mm=spacing_mm, centre=centre, field=field)
    order = means.argsort()
    levels = np.exp([*quantiles(near, SHARES), *means[order], *brightest])
    mixture = np.array([*np.log(spreads[order]), shares[order[0]]])
    return Yardsticks(air.level, np.append(levels, np.sqrt(noise)), mixture)


def _in_blocks(
    array: Float32[np.ndarray, "slice row column"], fold: list[int]
) -> Float32[np.ndarray, "coarse_slice coarse_row coarse_column"]:
    """Return the means of blocks of so many voxels; what fills none is left out."""
    slices, rows, columns = (size // by * by for size, by in zip(array.shape, fold, strict=True))
    parted = array[:slices, :rows, :columns].reshape(
        (slices // fold[0], fold[0], rows // fold[1], fold[1], columns // fold[2], fold[2])
    )
    return np.asarray(parted.mean(axis=(1, 3, 5)))


def _tissue(
    power: Float32[np.ndarray, "slice row column"], outside: Bool[np.ndarray, "slice row column"], *, noise: float
) -> Bool[np.ndarray, "slice row column"]:
    """Return the blocks of tissue outside the lesion; without those beside air, which are skin, if enough are left."""
    airy = power < max(AIR_POWER * noise, EMPTY * quantile(power, 0.9))
    for chosen in (outside & ~_grown(airy), outside & ~airy, outside):
        if chosen.sum() >= FEWEST_BLOCKS:
            return chosen
    return outside if outside.any() else np.ones_like(outside)


def _grown(chosen: Bool[np.ndarray, "slice row column"]) -> Bool[np.ndarray, "slice row column"]:
    """Return the chosen blocks and their neighbours."""
    grown = chosen.copy()
    for axis in range(3):
        low, high = [slice(None)] * 3, [slice(None)] * 3
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        grown[tuple(low)] |= chosen[tuple(high)]
        grown[tuple(high)] |= chosen[tuple(low)]
    return grown


def _least(values: Float32[np.ndarray, "*values"]) -> float:
    """Return what is as good as nothing beside the greatest of some values, but has a logarithm."""
    return max(FAINT * float(values.max()), float(np.finfo(np.float32).tiny))


def _quadratic(places: Float64[np.ndarray, "place 3"]) -> Float64[np.ndarray, "place 9"]:
    """Return the terms of a quadratic that is 0 in the middle."""
    first, second = np.triu_indices(3)
    return np.column_stack([places, places[:, first] * places[:, second]])


def _two_tissues(
    logs: Float64[np.ndarray, " block"], terms: Float64[np.ndarray, "block 9"]
) -> tuple[Float64[np.ndarray, " 2"], Float64[np.ndarray, " 2"], Float64[np.ndarray, " 2"], Float64[np.ndarray, " 9"]]:
    """Fit two normal tissues under one field by expectation and maximisation.

    Returns:
        Mean logarithm of each, standard deviation, share of the blocks, coefficients of the field.
    """
    middle = quantile(logs, 0.5)
    logs = logs - middle  # so that a tissue of no block is none of a scanner's unit
    means, spreads, shares = quantiles(logs, (0.25, 0.75)), np.full(2, 0.2), np.full(2, 0.5)
    field = np.zeros(terms.shape[1])
    for _ in range(ROUNDS):
        level = logs - terms @ field
        apart = (level[:, np.newaxis] - means) / spreads
        density = shares / spreads * np.exp(-0.5 * apart**2)
        member = density / (density.sum(axis=1, keepdims=True) + OTHER)  # (block, tissue)
        count = member.sum(axis=0) + FAINT
        shares = count / count.sum()
        means = (member * level[:, np.newaxis]).sum(axis=0) / count
        spreads = np.sqrt((member * (level[:, np.newaxis] - means) ** 2).sum(axis=0) / count + LEAST_SPREAD**2)
        weight = member / spreads**2
        total = weight.sum(axis=1)
        wanted = (weight * (logs[:, np.newaxis] - means)).sum(axis=1)
        # einsum adds one after the other; a matrix product would add as processor and threads please
        square = np.einsum("bi,b,bj->ij", terms, total, terms) + (STIFFNESS * total.sum() + FAINT) * np.eye(len(field))
        field = np.linalg.solve(square, np.einsum("bi,b->i", terms, wanted))
    return means + middle, spreads, shares, field


def _brightest(
    above: Float32[np.ndarray, "slice row column"],
    distance_mm: Float32[np.ndarray, "slice row column"],
    *,
    spacing_mm: tuple[float, float, float],
    centre: Float64[np.ndarray, " 3"],
    field: Float64[np.ndarray, " 9"],
) -> Float64[np.ndarray, " volume"]:
    """Return the logarithm of the brightness that so much of the surroundings exceeds, freed of the field."""
    outside = distance_mm >= AWAY_MM
    looked_at = np.flatnonzero(outside if outside.any() else np.ones_like(outside))
    values = above.ravel()[looked_at]
    ranks = [int(volume / np.prod(spacing_mm)) for volume in BLOOD_MM3]
    many = min(len(values), 2 * ranks[-1] + 1)  # the field may put others first
    chosen = np.argpartition(values, len(values) - many)[len(values) - many :]
    where = np.column_stack(np.unravel_index(looked_at[chosen], above.shape))  # (voxel, 3)
    places = (where - centre) * spacing_mm / REACH_MM
    bright = np.log(np.maximum(values[chosen].astype(np.float64), _least(values))) - _quadratic(places) @ field
    falling = -np.sort(-bright)
    return np.asarray([falling[min(rank, len(falling) - 1)] for rank in ranks])
