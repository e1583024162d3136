"""Responses of a fixed bank of filters, layer by layer around the lesion's surface.

The filters are the classic first layer of seeing: log intensity, its differences of Gaussians over three octaves,
and the steepness of its slopes, all in millimetres. What a layer holds of a response is its mean and its spread. A
linear model of them reads texture, rim, uptake and surroundings better than the plain descriptors (docs/log.md).
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from onephase.arrays import Float32, Float64
from onephase.imaging.lesion import SMALL, TRUNCATE, Lesion, regions_between, smoothed
from onephase.imaging.quantiles import quantiles
from onephase.settings import RegionName

LAYER_EDGES_MM = (-np.inf, -7.0, -4.5, -3.2, -2.0, -1.0, 0.0, 1.0, 2.0, 3.5, 5.5, 8.5, 14.0, np.inf)
"""By signed distance to the lesion surface."""
OCTAVES_MM = (1.0, 2.0, 4.0)
SLOPE_MM = 1.0
VOXEL_MM = 1.5  # a slope looks at the neighbours
DARKEST = 0.03  # of the lesion's median: below, the logarithm would be that of noise in air
AIR, AIR_BEYOND_MM = 0.05, 8.5
"""What is darker than this share of the lesion and farther from it than this is air; nearer, it may be fat."""
FAR_MM = 6.0
FAR_QUANTILES = (0.05, 0.5, 0.85, 0.99, 0.999)
"""Of the tissue far from the lesion: fat, gland, and the brightest, which are vessels."""
FEWEST_VOXELS = 8
LEAST_SPREAD = 1e-3


def responses(lesion: Lesion) -> Iterator[tuple[str, set[RegionName], float]]:
    """Yield name, regions that are looked at, and value of each response."""
    logs = np.log(np.maximum(lesion.image, np.float32(DARKEST)))
    tissue = (lesion.image > AIR) | (lesion.distance < AIR_BEYOND_MM)
    layer = np.digitize(lesion.distance, LAYER_EDGES_MM[1:-1])
    layer = np.where(tissue, layer, -1)
    for name, reach_mm, response in _bank(logs, lesion):
        means, spreads = _by_layer(response, layer)
        for edges, mean, spread in zip(pairwise(LAYER_EDGES_MM), means, spreads, strict=True):
            regions = regions_between(edges[0] - reach_mm, edges[1] + reach_mm)
            yield f"{name} mean to {edges[1]:g} mm", regions, float(mean)
            yield f"{name} sd to {edges[1]:g} mm", regions, float(spread)
    far = lesion.image[tissue & (lesion.distance > FAR_MM)]
    values = quantiles(far, FAR_QUANTILES) if far.size >= FEWEST_VOXELS else np.ones(len(FAR_QUANTILES))
    for share, value in zip(FAR_QUANTILES, values, strict=True):
        yield f"far p{100 * share:g} to lesion", {"shell"}, float(np.log(max(value, SMALL)))


def _bank(
    logs: Float32[np.ndarray, "slice row column"], lesion: Lesion
) -> Iterator[tuple[str, float, Float32[np.ndarray, "slice row column"]]]:
    """Yield each filter's name, how far it sees in mm, and its response."""
    yield "log intensity", 0.0, logs
    finer = logs
    for sigma in OCTAVES_MM:
        coarser = smoothed(logs, lesion, sigma)
        yield f"detail to {sigma:g} mm", TRUNCATE * sigma, finer - coarser
        if sigma == SLOPE_MM:
            slopes = [
                np.gradient(coarser, spacing, axis=axis)
                for axis, spacing in enumerate(lesion.spacing_mm)
                if coarser.shape[axis] > 1  # a lesion in one slice of a stack has none across
            ]
            yield "slope", TRUNCATE * sigma + VOXEL_MM, np.sqrt(sum(slope**2 for slope in slopes))
        finer = coarser


def _by_layer(
    response: Float32[np.ndarray, "slice row column"], layer: np.ndarray
) -> tuple[Float64[np.ndarray, " layer"], Float64[np.ndarray, " layer"]]:
    """Return mean and logarithm of the spread in each layer; one that a small lesion lacks is like its neighbours."""
    layers = len(LAYER_EDGES_MM) - 1
    seen, place = response[layer >= 0].astype(np.float64), layer[layer >= 0]
    count = np.bincount(place, minlength=layers)
    total = np.maximum(count, 1)
    mean = np.bincount(place, seen, minlength=layers) / total
    variance = np.bincount(place, seen**2, minlength=layers) / total - mean**2
    known = np.flatnonzero(count >= FEWEST_VOXELS)
    if known.size == 0:
        return np.zeros(layers), np.zeros(layers)
    spread = np.log(np.sqrt(np.maximum(variance, 0)) + LEAST_SPREAD)
    every = np.arange(layers)
    return np.interp(every, known, mean[known]), np.interp(every, known, spread[known])
