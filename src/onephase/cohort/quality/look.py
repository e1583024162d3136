"""One look at one case: what a worker does. Each image is read once, and what is kept of it is small."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from onephase.arrays import Float32
from onephase.cohort.case_of import case_of
from onephase.cohort.quality.brightness_flags import darker_than_surroundings, flipped, outside_breast
from onephase.cohort.quality.flag import QualityFlag
from onephase.cohort.quality.intensities import intensities
from onephase.cohort.quality.picture import Picture, pictures
from onephase.cohort.quality.scene import Scene, scene_of
from onephase.cohort.quality.shape_flags import covers_breast, empty_slices, implausible_size, touches_border
from onephase.cohort.quality.signature import signature, volume_signature
from onephase.cohort.records import Record
from onephase.errors import OnephaseError
from onephase.imaging.case import Case, Mask
from onephase.imaging.measurements import longest_mm, volume_ml
from onephase.imaging.outline import outline
from onephase.settings import ImagingSettings

OF_ONE_CASE: tuple[Callable[[Scene], Iterator[QualityFlag]], ...] = (
    outside_breast,
    touches_border,
    implausible_size,
    empty_slices,
    flipped,
    covers_breast,
    darker_than_surroundings,
)


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What is kept of an image that could be read.

    Attributes:
        close: The lesion in a picture of a patch's size.
        whole: The slice in which it is largest.
        signature: The close picture in few numbers.
        volume_signature: The whole volume in few numbers, wherever its lesion lies.
        spacing_mm: The volume's spacing (slice, row, column).
        longest_mm: Longest extent of the outline.
        volume_ml: Its volume.
        intensities: Numbers that a site's images have in common.
        outline_method: ``given``, or how the outline was made from a box or a point.
    """

    close: Picture
    whole: Picture
    signature: Float32[np.ndarray, " coefficient"]
    volume_signature: Float32[np.ndarray, " numbers"]
    spacing_mm: tuple[float, float, float]
    longest_mm: float
    volume_ml: float
    intensities: dict[str, float]
    outline_method: str


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What one look at a case told.

    Attributes:
        case_id: Which case.
        seen: What is kept of its image; None where it cannot be read.
        flags: The doubts that the case raises by itself.
        notes: What the reader said of it, in sentences.
    """

    case_id: str
    seen: Seen | None
    flags: tuple[QualityFlag, ...]
    notes: tuple[str, ...] = field(default=())


def look_at(record: Record, *, imaging: ImagingSettings) -> Look:
    """Read a case, flag it and picture it; one that cannot be read has a flag too, for the others go on.

    Args:
        record: The case.
        imaging: Size of a patch, which the picture has too, and whether slices are contiguous.
    """
    try:
        case = case_of(record)
        return look_of(case, outline(case), imaging=imaging)
    except OnephaseError as fault:
        reason = _without_folders(str(fault).removeprefix(f"case {record.case_id}: "), record)
        return Look(record.case_id, None, (QualityFlag("unreadable", _sentence(reason)),))


def _without_folders(reason: str, record: Record) -> str:
    """Return a reason with the names of files alone, for folders are named after patients and the page may be sent."""
    for source in filter(None, (record.image, record.mask)):
        for path in (source, source.absolute(), source.resolve()):
            reason = reason.replace(str(path), source.name)
    return reason


def look_of(case: Case, lesion: Mask, *, imaging: ImagingSettings) -> Look:
    """Flag and picture a case that was read, with its outline."""
    scene = scene_of(case, lesion, in_plane=imaging.sampling == "stack")
    flags = [
        *(flag for check in OF_ONE_CASE for flag in check(scene)),
        *(QualityFlag("wrong-phase", _sentence(said)) for said in case.phase_warnings),
    ]
    notes = (case.phase, *(said for said in case.warnings if said not in case.phase_warnings))
    return Look(case.case_id, _seen(scene, case, lesion, imaging), tuple(flags), tuple(filter(None, notes)))


def _seen(scene: Scene, case: Case, lesion: Mask, imaging: ImagingSettings) -> Seen:
    cut = lesion.array[tuple(slice(*bound) for bound in scene.bounds)]
    side_mm = max(imaging.patch_voxels[1:]) * imaging.spacing_mm
    close, whole = pictures(case.volume, lesion.array, side_mm=side_mm)
    return Seen(
        close=close,
        whole=whole,
        signature=signature(close.grey),
        volume_signature=volume_signature(case.volume.array),
        spacing_mm=scene.grid.spacing_mm,
        longest_mm=longest_mm(cut, scene.grid.spacing_mm),
        volume_ml=volume_ml(cut, scene.grid.spacing_mm),
        intensities=intensities(scene),
        outline_method=lesion.method,
    )


def _sentence(said: str) -> str:
    return f"{said[:1].upper()}{said[1:].removesuffix('.')}."
