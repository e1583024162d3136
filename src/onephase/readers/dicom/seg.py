"""A tumour outline out of a DICOM SEG, each frame put where its own position says."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydicom import Dataset
from pydicom.uid import SegmentationStorage

from onephase.arrays import Bool
from onephase.errors import ImageError, NotOurInputError
from onephase.imaging.case import Mask
from onephase.imaging.geometry import Grid
from onephase.readers.dicom.enhanced import frame_headers
from onephase.readers.dicom.files import damage_is_a_sentence, dicom_files, is_dicom, read_dataset
from onephase.readers.dicom.header_text import shown, text_of, whole_number_of
from onephase.readers.dicom.pixels import check_pixels, decoded
from onephase.readers.dicom.slice import pixel_spacing, shape_of, vector
from onephase.readers.dicom.tumour_codes import says_tumour, shown_meaning, why_no_tumour

LABEL_MAP_STORAGE = "1.2.840.10008.5.1.4.1.1.66.7"
STRUCTURE_SET_STORAGE = "1.2.840.10008.5.1.4.1.1.481.3"
OFF_GRID_VOXELS = 0.1
HALF = 0.5


def read_seg(
    path: Path, *, segment: int | str | None, grid: Grid, frame_of_reference: str
) -> tuple[Mask, tuple[str, ...]]:
    """Return the tumour segment of a DICOM SEG on the grid of its image.

    Binary, fractional (set from one half on) and label-map SEG are read. Frames may cover some of the slices.

    Args:
        path: The SEG file, or a folder with exactly one.
        segment: Its number or label; None when there is one tumour segment only.
        grid: The image's grid.
        frame_of_reference: The image's Frame of Reference UID; empty when it has none.

    Returns:
        The mask, and what is suspicious about it, in sentences.

    Raises:
        ImageError: If the segment is absent or several could be meant, or it lies on another grid.
        NotOurInputError: If it is no SEG, or not a tumour; the message gives the reason.
    """
    path = _seg_file(path)
    dataset = read_dataset(path, pixels=True)
    with damage_is_a_sentence(path):
        _refuse_no_seg(path, dataset)
        chosen = _choose(path, dataset, segment)
        warnings = []
        if not says_tumour(chosen):
            warnings.append(
                f"nothing in the SEG says that its segment {_title(chosen, dataset)} is a tumour: taken on trust"
            )
        other = text_of(dataset, "FrameOfReferenceUID")
        if frame_of_reference and other and other != frame_of_reference:
            warnings.append("the SEG and the image name different frames of reference: check that they fit")
        check_pixels(path, dataset)
        inside = _placed(path, dataset, number=whole_number_of(chosen, "SegmentNumber") or 0, grid=grid)
    if not inside.any():
        message = f"{path}: segment {_title(chosen, dataset)} is empty: choose another segment or outline the tumour"
        raise ImageError(message)
    return Mask(inside, grid), tuple(warnings)


def _seg_file(path: Path) -> Path:
    if path.is_file():
        if not is_dicom(path):
            message = f"{path} is no DICOM file: give a DICOM SEG or a mask volume"
            raise ImageError(message)
        return path
    kind = "SOPClassUID"
    found = [file for file in dicom_files(path) if read_dataset(file, only=[kind]).get(kind) == SegmentationStorage]
    if len(found) != 1:
        message = f"{path} holds {len(found)} DICOM SEG files where one was expected: name the file of the tumour"
        raise ImageError(message)
    return found[0]


def _refuse_no_seg(path: Path, dataset: Dataset) -> None:
    kind = dataset.get("SOPClassUID")
    if kind == STRUCTURE_SET_STORAGE:
        message = f"{path} is an RT structure set, which is not read: convert it to DICOM SEG or a mask volume"
        raise NotOurInputError(message)
    if kind not in {SegmentationStorage, LABEL_MAP_STORAGE}:
        modality = shown(dataset, "Modality") or "unknown"
        message = f"{path} is no DICOM SEG (modality {modality}): give the outline of the tumour"
        raise NotOurInputError(message)


def _choose(path: Path, dataset: Dataset, wanted: int | str | None) -> Dataset:
    """Return the item of the Segment Sequence that is wanted and not known to be something else."""
    segments: Sequence[Dataset] = dataset.get("SegmentSequence") or []
    keywords = ("SeriesDescription", "DerivationDescription", "ContentDescription")
    series_words = " ".join(text_of(dataset, keyword) for keyword in keywords).lower()
    if wanted is not None:
        named = [
            one for one in segments if str(wanted) in {text_of(one, "SegmentNumber"), text_of(one, "SegmentLabel")}
        ]
        if len(named) != 1:
            message = f"{path} has no segment {wanted}: its segments are {_listed(segments, dataset)}"
            raise ImageError(message)
        segments = named
    reasons = [why_no_tumour(one, patient=dataset, series_words=series_words) for one in segments]
    tumours = [one for one, reason in zip(segments, reasons, strict=True) if not reason]
    if not tumours:
        told = "; ".join(
            f"segment {_title(one, dataset)}: {why}" for one, why in zip(segments[:4], reasons, strict=False)
        )
        message = f"{path} holds no tumour ({told or 'it has no segments'}): give the outline of the tumour"
        raise NotOurInputError(message)
    surest = [one for one in tumours if says_tumour(one)] or tumours
    if len(surest) > 1:
        message = f"{path} has several tumour segments ({_listed(surest, dataset)}): name one as the mask label"
        raise ImageError(message)
    return surest[0]


def _placed(path: Path, dataset: Dataset, *, number: int, grid: Grid) -> Bool[np.ndarray, "slice row column"]:
    kind = text_of(dataset, "SegmentationType")
    headers = frame_headers(path, dataset)
    mine = [
        frame
        for frame, own in enumerate(headers)
        if kind == "LABELMAP" or whole_number_of(own, "ReferencedSegmentNumber") == number
    ]
    inside = np.zeros(grid.shape, dtype=np.bool_)
    threshold = HALF * (whole_number_of(dataset, "MaximumFractionalValue") or 1)
    for frame, stored in zip(mine, decoded(path, dataset, frames=mine), strict=True):
        is_set = stored == number if kind == "LABELMAP" else stored >= threshold if kind == "FRACTIONAL" else stored > 0
        if is_set.any():
            inside[_slice_of(path, dataset, headers[frame], grid)] |= is_set
    return inside


def _slice_of(path: Path, dataset: Dataset, own: Dataset, grid: Grid) -> int:
    """Return the slice of the grid on which a frame lies, or refuse a frame that lies on none."""
    orientation = vector(path, own, "ImageOrientationPatient", length=6)
    axes = np.concatenate([grid.direction[:, 2], grid.direction[:, 1]])
    index = grid.index_of(vector(path, own, "ImagePositionPatient", length=3))
    place = round(float(index[0]))
    fits = (
        shape_of(dataset) == grid.shape[1:]
        and np.allclose(pixel_spacing(path, own), grid.spacing_mm[1:], rtol=1e-3)
        and np.allclose(orientation, axes, atol=1e-3)
        and np.abs(index - [place, 0, 0]).max() <= OFF_GRID_VOXELS
        and 0 <= place < grid.shape[0]
    )
    if not fits:
        message = f"{path}: the SEG's frames do not lie on the image's slices: export both from the same series"
        raise ImageError(message)
    return place


def _title(segment: Dataset, patient: Dataset) -> str:
    number, label = (shown(segment, keyword, patient=patient) for keyword in ("SegmentNumber", "SegmentLabel"))
    return f"{number} '{label}' ({shown_meaning(segment, patient=patient)})"


def _listed(segments: Sequence[Dataset], patient: Dataset) -> str:
    return ", ".join(_title(one, patient) for one in segments[:8]) or "none"
