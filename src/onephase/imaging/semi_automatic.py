"""From a box or a seed point to an outline: deterministic, documented, and marked semi-automatic.

In a box: the image is smoothed, Otsu's thresholds (1979) part the box and some millimetres around it into three
classes of brightness (a box that fits holds too little that is dark to tell bright from it), and of the brightest
within the box the largest connected part is taken, its holes filled slice by slice, so that a necrotic centre
belongs to the lesion. The middle class, most often parenchyma, joins the brightest only where it is
much nearer to it than to the darkest, as when noise parts an even lesion. About a seed point: the same
within a ball, and the part at the seed is taken. Box, clustering, connected part and hole filling are the
stages of Chen, Giger and Bick (2006, doi 10.1016/j.acra.2005.08.035), here on one phase, with SimpleITK.

The outline is a stand-in for a reader's, not a detection: what is bright in the box and is no tumour (a
vessel, skin, fat without suppression) is taken too. docs/regions.md shows its limits.
"""

import numpy as np
import SimpleITK
from scipy.ndimage import binary_fill_holes, generate_binary_structure

from onephase.arrays import Bool, Float32
from onephase.errors import ImageError
from onephase.imaging.case import Box, Case, Mask, SeedPoint
from onephase.imaging.outline_recipe import AT_SEED, IN_BOX, ROOM_MM, SEED_RADIUS_MM, Recipe

SEED_TOLERANCE_MM = 5.0
MUCH_NEARER = 0.5
IN_SLICE = generate_binary_structure(2, 1)[np.newaxis]
LEAST_VOXELS_TO_PART = 2


def outline_in_box(case: Case, box: Box, recipe: Recipe) -> Mask:
    """Return the largest bright part within a box.

    Raises:
        ImageError: If the box is constant, or nothing in it is bright.
    """
    grid = case.volume.grid
    inner = np.array([(np.floor(start), np.ceil(stop)) for start, stop in box.bounds], dtype=np.int64)
    room = np.floor(ROOM_MM / np.asarray(grid.spacing_mm)).astype(np.int64)  # slices that are far apart tell nothing
    outer = np.stack([np.maximum(inner[:, 0] - room, 0), np.minimum(inner[:, 1] + room, grid.shape)], axis=1)
    region = tuple(slice(*ends) for ends in outer.tolist())
    within = np.zeros((outer[:, 1] - outer[:, 0]).tolist(), dtype=bool)
    within[tuple(slice(*ends) for ends in (inner - outer[:, :1]).tolist())] = True
    bright = _bright(case, region, within=within, told_by=np.ones_like(within), recipe=recipe)
    parts = SimpleITK.RelabelComponent(SimpleITK.ConnectedComponent(bright), sortByObjectSize=True)
    return _mask(case, region, parts == 1, method=IN_BOX)


def outline_at_seed(case: Case, seed: SeedPoint, recipe: Recipe) -> Mask:
    """Return the bright part at a seed point.

    Raises:
        ImageError: If the surroundings of the seed are constant, or nothing bright lies at the seed.
    """
    grid = case.volume.grid
    point = np.array([seed.slice, seed.row, seed.column])
    reach = SEED_RADIUS_MM / np.asarray(grid.spacing_mm)
    low = np.maximum(np.floor(point - reach), 0).astype(int)
    high = np.minimum(np.ceil(point + reach) + 1, grid.shape).astype(int)
    region = tuple(slice(start, stop) for start, stop in zip(low, high, strict=True))
    offsets = np.stack(np.meshgrid(*(np.arange(part.start, part.stop) for part in region), indexing="ij"), axis=-1)
    apart_mm = np.linalg.norm((offsets - point) * np.asarray(grid.spacing_mm), axis=-1)
    within = apart_mm <= SEED_RADIUS_MM
    bright = _bright(case, region, within=within, told_by=within, recipe=recipe)
    parts = SimpleITK.ConnectedComponent(bright)
    labels = SimpleITK.GetArrayViewFromImage(parts)
    nearest_mm = np.where(labels > 0, apart_mm, np.inf)
    at = np.unravel_index(nearest_mm.argmin(), labels.shape)
    if nearest_mm[at] > SEED_TOLERANCE_MM:
        message = (
            f"case {case.case_id}: nothing bright lies within {SEED_TOLERANCE_MM:g} mm of the seed point: "
            "put it on the enhancing lesion, or give a box or a mask"
        )
        raise ImageError(message)
    return _mask(case, region, parts == int(labels[at]), method=AT_SEED)


def _bright(
    case: Case,
    region: tuple[slice, ...],
    *,
    within: Bool[np.ndarray, "slice row column"],
    told_by: Bool[np.ndarray, "slice row column"],
    recipe: Recipe,
) -> SimpleITK.Image:
    """Return the voxels ``within`` that lie above the threshold of those ``told_by``, on the region's own grid."""
    values = np.ascontiguousarray(case.volume.array[region])
    if within.sum() < LEAST_VOXELS_TO_PART or np.ptp(values[within]) == 0:
        message = (
            f"case {case.case_id}: the image is constant within the box or about the seed point, "
            "so there is no lesion to outline: place it on the enhancing lesion"
        )
        raise ImageError(message)
    image = _image_of(values, case.volume.grid.spacing_mm)
    smooth = SimpleITK.DiscreteGaussian(image, variance=[recipe.smoothing_mm**2] * 3, maximumKernelWidth=9)
    grey = SimpleITK.GetArrayFromImage(smooth)
    bright = within & (grey > _threshold(grey[told_by], raised=recipe.raised))
    if not bright.any():
        message = (
            f"case {case.case_id}: nothing within the box or about the seed point is as bright as what lies around it, "
            "so there is no lesion to outline: place it on the enhancing lesion"
        )
        raise ImageError(message)
    return _image_of(bright.astype(np.uint8), case.volume.grid.spacing_mm)


def _threshold(grey: Float32[np.ndarray, " voxel"], *, raised: float) -> float:
    """Return the brightness above which a voxel belongs to the lesion."""
    level = _otsu(grey)
    return level + raised * float(grey[grey > level].mean() - grey[grey <= level].mean())


def _otsu(grey: Float32[np.ndarray, " voxel"]) -> float:
    otsu = SimpleITK.OtsuMultipleThresholdsImageFilter()
    otsu.SetNumberOfThresholds(2)
    otsu.Execute(SimpleITK.GetImageFromArray(grey[np.newaxis]))
    lower, upper = otsu.GetThresholds()
    if not lower < upper < grey.max():  # two values only
        return float(lower)
    classes = (grey[grey <= lower], grey[(grey > lower) & (grey <= upper)], grey[grey > upper])
    if not all(part.size for part in classes):  # of a few voxels, or of few levels: nothing lies in between
        return float(upper)
    dark, middle, bright = (part.mean() for part in classes)
    return float(lower if bright - middle < MUCH_NEARER * (middle - dark) else upper)


def _image_of(array: np.ndarray, spacing_mm: tuple[float, float, float]) -> SimpleITK.Image:
    image = SimpleITK.GetImageFromArray(array)
    image.SetSpacing(spacing_mm[::-1])
    return image


def _mask(case: Case, region: tuple[slice, ...], part: SimpleITK.Image, *, method: str) -> Mask:
    # slice by slice, for a necrotic centre that lies open above or below in a thin stack is a centre all the same
    filled = binary_fill_holes(SimpleITK.GetArrayViewFromImage(part) > 0, structure=IN_SLICE)
    array = np.zeros(case.volume.grid.shape, dtype=bool)
    array[region] = filled
    return Mask(array, case.volume.grid, method=method)
