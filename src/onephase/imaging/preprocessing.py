"""From a case to a patch: crop first, then resample, so that a large volume costs little more than reading it."""

from dataclasses import replace

import numpy as np

from onephase.arrays import Float32, Int64
from onephase.imaging.air import air_of
from onephase.imaging.case import Case, Mask, Roi
from onephase.imaging.descriptors import DESCRIPTORS, SHARE_ABOVE_AIR, describe
from onephase.imaging.flags import DEEP_AIR, NO_CORE, frame_flags, outline_flags
from onephase.imaging.frame import lesion_bounds, patch_frame, sides_mm
from onephase.imaging.geometry import Grid
from onephase.imaging.measurements import ML_PER_MM3, longest_mm, volume_ml
from onephase.imaging.normalisation import SCARCE, normalise
from onephase.imaging.outline import outline
from onephase.imaging.patch import Patch
from onephase.imaging.regions import FAR_MM, memberships, signed_distance
from onephase.imaging.sampling import AxisSampling, crop_of, inside_of, resample, sampling_of
from onephase.imaging.yardsticks import yardsticks
from onephase.settings import ImagingSettings, RegionSettings

LEAST_CORE_VOXELS = 0.5
TWICE_ABOVE_AIR = 2 / 3
"""Of `SHARE_ABOVE_AIR`; of 300 lessons of the phenotype stage none has more than .61, of 264 public stacks .57."""
SIDES = ("height_mm", "depth_mm", "width_mm")
"""Of the bounding box, along the axes of a patch of a volume: up, posterior, left."""


def prepare_patch(case: Case, imaging: ImagingSettings, regions: RegionSettings, *, drawn: Mask | None = None) -> Patch:
    """Return the patch of a case.

    Args:
        case: Volume and region of interest; a box or a seed point is outlined first.
        imaging: Size and spacing of the patch, and whether slices are contiguous.
        regions: Where core, rim and shell part; here for the reference tissue and the flags.
        drawn: The outline of the region of interest, where it is drawn already.

    Raises:
        ImageError: If the region of interest holds nothing that can be outlined.
    """
    tumour = drawn or outline(case)
    grid = case.volume.grid
    bounds = lesion_bounds(tumour.array)
    lesion = tumour.array[tuple(slice(*bound) for bound in bounds)]
    frame = patch_frame(grid, bounds, imaging)
    axes = sampling_of(frame, grid)
    inside = inside_of(axes)
    in_plane = imaging.sampling == "stack"
    image, apart = (
        crop_of(case.volume.array, axes).astype(np.float32),
        _distance(tumour, bounds, axes=axes, in_plane=in_plane),
    )
    distance = np.where(inside, resample(apart, axes), np.float32(FAR_MM))
    beyond_shell = distance > regions.shell_reach_mm + regions.softness_mm
    normal = normalise(resample(image, axes), inside=inside, reference=beyond_shell)
    maps = memberships(distance, regions)
    voxel_ml = float(np.prod(frame.spacing_mm)) * ML_PER_MM3
    sides = dict(zip(SIDES, sides_mm(bounds, grid, frame), strict=True))
    facts = {
        "volume_ml": volume_ml(lesion, grid.spacing_mm),
        "longest_mm": longest_mm(lesion, grid.spacing_mm),
        **{f"{name}_ml": float(part.sum()) * voxel_ml for name, part in maps.items()},
        **sides,
    }
    air = air_of(case.volume.array[_slices(axes)])
    high, deep, wide = (grid.spacing_mm[sampling.axis] for sampling in axes)
    measured = yardsticks(image, apart, spacing_mm=(high, deep, wide), air=air).in_units(
        air=normal.in_units(air.level), scale=normal.scale
    )
    numbers = describe(normal.image, distance, spacing_mm=frame.spacing_mm, against=measured).astype(np.float32)
    flags = (
        *outline_flags(lesion, method=tumour.method, roi=case.roi, grid=grid, in_plane=in_plane, regions=regions),
        *frame_flags(bounds, frame=frame, grid=grid, in_plane=in_plane, regions=regions),
        *([] if maps["core"].sum() >= LEAST_CORE_VOXELS else [NO_CORE]),
        *([SCARCE] if normal.scarce else []),
        *([DEEP_AIR] if numbers[DESCRIPTORS.index(SHARE_ABOVE_AIR)] > TWICE_ABOVE_AIR else []),
    )
    return Patch(normal.image, distance, measured, numbers, frame, tumour.method, flags, facts)


def slices_needed(roi: Roi, grid: Grid, *, imaging: ImagingSettings) -> range:
    """Return the run of a volume's slices that its patch is made of; all where the outline is still to be drawn.

    Args:
        roi: Region of interest.
        grid: The volume's grid.
        imaging: Size and spacing of the patch.
    """
    if not isinstance(roi, Mask):
        return range(grid.shape[0])
    axes = sampling_of(patch_frame(grid, lesion_bounds(roi.array), imaging), grid)
    needed = _slices(axes)
    return range(needed.start, needed.stop)


def outlined(case: Case) -> Case:
    """Return the case with its region of interest as a mask."""
    return replace(case, roi=outline(case))


def _slices(axes: tuple[AxisSampling, AxisSampling, AxisSampling]) -> slice:
    """Return the slices of the volume that a patch needs; more of them need not be read."""
    return next(sampling.crop for sampling in axes if sampling.axis == 0)


def _distance(
    tumour: Mask,
    bounds: Int64[np.ndarray, "3 2"],
    *,
    axes: tuple[AxisSampling, AxisSampling, AxisSampling],
    in_plane: bool,
) -> Float32[np.ndarray, "first second third"]:
    """Return the signed distance on the part of the volume that the patch is made of.

    Interpolating it, not the mask, is shape-based interpolation (Raya and Udupa 1990, doi 10.1109/42.52980): between
    thick slices the outline changes gradually.
    """
    crops = {sampling.axis: sampling.crop for sampling in axes}
    # the whole lesion, even where the patch cuts it: a cut is no surface
    seen = tuple(
        slice(min(int(start), crops[axis].start), max(int(stop), crops[axis].stop))
        for axis, (start, stop) in enumerate(bounds)
    )
    distance = signed_distance(tumour.array[seen], tumour.grid.spacing_mm, in_plane=in_plane)
    within = tuple(
        slice(crops[axis].start - part.start, crops[axis].stop - part.start) for axis, part in enumerate(seen)
    )
    return distance[within].transpose([sampling.axis for sampling in axes])
