"""Tubes around the lesion: how many, how strong and how bright, layer by layer.

After contrast, vessels are the brightest tubes of the breast: adjacent ones are counted by readers, and their blood is
the one tissue whose uptake is known. A tube bends the image strongly across itself in two directions and hardly along
itself, which the eigenvalues of its second derivatives tell from sheets (skin, septa) and balls (Sato et al., Med Image
Anal 1998, 2:143-168).
"""

from collections.abc import Iterator

import numpy as np

from onephase.arrays import Float32, Float64
from onephase.imaging.lesion import MARGIN_MM, SMALL, TRUNCATE, Lesion, regions_between, smoothed
from onephase.imaging.quantiles import quantiles
from onephase.settings import RegionName

TUBE_MM = 1.2
"""Gaussian at whose scale tubes are sought: about the radius of a vessel, and not below the voxels of a patch."""
ALONG = 0.5
"""Weight of the bend along a tube against the one across it."""
LAYERS_MM = ((2.0, 4.0), (4.0, 8.0), (8.0, 12.0), (12.0, MARGIN_MM))
"""By signed distance to the lesion surface; nearer are spicules and the rim itself."""
QUANTILES = (0.9, 0.97, 0.995)
PLAIN = 0.06  # of the lesion's brightness: a tube that stands out
OF_THE_STRONGEST = 0.4
STRONGEST_MM3 = (20.0, 60.0, 200.0, 600.0)
REFERENCE_MM3 = 60.0
FEWEST_VOXELS = 3
FAINT = 1e-3
LEAST_MM3 = 5.0


def vessels(lesion: Lesion) -> Iterator[tuple[str, set[RegionName], float]]:
    """Yield name, regions that are looked at, and value of each descriptor of the tubes around a lesion."""
    reach = TRUNCATE * TUBE_MM + 2 * max(lesion.spacing_mm[1:])  # two differences look at the neighbours' neighbours
    around = lesion.distance >= LAYERS_MM[0][0]
    tubes = tubeness(lesion)
    voxel_mm3 = float(np.prod(lesion.spacing_mm))
    strengths, brightness = _strongest_first(tubes[around], lesion.image[around])
    everywhere = regions_between(LAYERS_MM[0][0] - reach, np.inf)
    for volume in STRONGEST_MM3:
        first = slice(max(FEWEST_VOXELS, int(volume / voxel_mm3)))
        yield f"strongest {volume:g} mm3 of tubes", everywhere, np.log(_mean(strengths[first]) + FAINT)
        yield f"brightness of {volume:g} mm3 of tubes", everywhere, _mean(brightness[first])
    strong = OF_THE_STRONGEST * _mean(strengths[: max(FEWEST_VOXELS, int(REFERENCE_MM3 / voxel_mm3))]) + SMALL
    for start, stop in LAYERS_MM:
        values = tubes[(lesion.distance >= start) & (lesion.distance < stop)]
        regions, name = regions_between(start - reach, stop + reach), f"tubes at {start:g}-{stop:g} mm"
        levels = quantiles(values, QUANTILES) if values.size else np.zeros(len(QUANTILES))
        for share, level in zip(QUANTILES, levels, strict=True):
            yield f"{name} p{100 * share:g}", regions, np.log(float(level) + FAINT)
        yield f"{name} mean", regions, np.log(_mean(values) + FAINT)
        for kind, threshold in (("plain", PLAIN), ("strong", strong)):
            filled = float((values > threshold).sum()) * voxel_mm3
            yield f"{name} {kind} volume", regions, np.log(filled + LEAST_MM3)


def tubeness(lesion: Lesion) -> Float32[np.ndarray, "slice row column"]:
    """Return how much each voxel outside the lesion lies in a bright tube, about its contrast; 0 where in none."""
    smooth = smoothed(lesion.image, lesion, TUBE_MM)
    axes = [axis for axis in range(3) if smooth.shape[axis] > 1]  # a lesion in one slice of a stack has none across
    spacing = lesion.spacing_mm
    bends = np.zeros((*smooth.shape, 3, 3), dtype=np.float32)
    for place, one in enumerate(axes):
        slope = np.gradient(smooth, spacing[one], axis=one)
        for other in axes[place:]:
            bends[..., one, other] = bends[..., other, one] = np.gradient(slope, spacing[other], axis=other)
    candidates = (np.trace(bends, axis1=-2, axis2=-1) < 0) & (lesion.distance > 0)
    _, across, along = np.linalg.eigvalsh(bends[candidates]).T  # ascending: the strongest bend comes first
    tubes = np.zeros(smooth.shape, dtype=np.float32)
    tubes[candidates] = TUBE_MM**2 * np.maximum(0, -across - ALONG * np.abs(along))
    return tubes


def _strongest_first(
    tubes: Float32[np.ndarray, " voxel"], image: Float32[np.ndarray, " voxel"]
) -> tuple[Float64[np.ndarray, " voxel"], Float64[np.ndarray, " voxel"]]:
    order = np.argsort(-tubes, kind="stable")
    return tubes[order].astype(np.float64), image[order].astype(np.float64)


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else 0.0
