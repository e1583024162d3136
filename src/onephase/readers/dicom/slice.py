"""One slice of a DICOM image, by its header: a classic file, or a frame of an enhanced one."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydicom import Dataset
from pydicom.tag import Tag

from onephase.arrays import Float64
from onephase.errors import ImageError
from onephase.readers.dicom.files import damage_is_a_sentence, refuse_malformed_uids
from onephase.readers.dicom.header_text import (
    IDENTITY,
    agent_of,
    number_of,
    numbers_of,
    seconds_of,
    text_of,
    whole_number_of,
)
from onephase.readers.dicom.raw_header import RawHeader
from onephase.readers.dicom.series_header import SeriesHeader
from onephase.readers.dicom.stored_pixels import FORM_KEYWORDS, StoredPixels, pixel_form, stored_pixels

# Values of Image Type and Frame Type that part images of one series which are not repeats of each other.
CONTRASTS = frozenset({
    "P", "PHASE", "PHASE MAP", "R", "REAL", "I", "IMAGINARY", "W", "WATER", "F", "FAT", "IP", "IN_PHASE", "OP",
    "OPP_PHASE", "OUT_PHASE", "FIELD_MAP", "SUBTRACT", "SUBTRACTION", "MIP", "MAX_IP", "MIN_IP", "MEAN_IP",
    "PROJECTION IMAGE", "ADC", "DIFFUSION", "T2", "T2_STAR", "STIR", "FLUID_ATTENUATED", "LOCALIZER",
})  # fmt: skip

# What may differ from slice to slice of a series that is otherwise alike.
OWN_KEYWORDS = (
    "SOPInstanceUID", "InstanceNumber", "ImagePositionPatient", "AcquisitionDateTime", "AcquisitionDate",
    "AcquisitionTime", "ContentDate", "ContentTime", "RescaleSlope", "RescaleIntercept",
)  # fmt: skip
OWN_TAGS = frozenset(map(Tag, OWN_KEYWORDS))
STUDY_DATE = Tag("StudyDate")
SLICE_KEYWORDS = (
    *OWN_KEYWORDS, "ImageOrientationPatient", "PixelSpacing", "ImageType", "TemporalPositionIdentifier", "StudyDate",
    "ContrastBolusAgent", "ContrastBolusStartTime", "EchoTime", *FORM_KEYWORDS, *IDENTITY,
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class DicomSlice:
    """Where a slice lies, when it was taken, and where its pixels stand.

    Attributes:
        path: The file.
        frame: Frame of an enhanced file, from 0; None in a classic file.
        series: What it shares with its series.
        instance_uid: SOP Instance UID of the file.
        instance_number: Instance Number, or the frame's place in the file; None when absent.
        shape: Rows and columns.
        position_mm: Image Position (Patient), LPS.
        orientation: Image Orientation (Patient): direction along a row, then along a column.
        spacing_mm: Distance of rows, and of columns.
        echo_ms: Echo time; None when absent.
        contrasts: Marks in the image type that part it from other slices of its series.
        temporal_index: Temporal position where the header tells it.
        start_s: Start of the acquisition in seconds; None if unknown.
        bolus_s: Start of the contrast injection in seconds; None if unknown.
        agent: Contrast agent; empty when absent or written as none.
        scale: Rescale slope and intercept.
        pixels: Where its pixels stand; None where only pydicom may decode or refuse them.
    """

    path: Path
    frame: int | None
    series: SeriesHeader
    instance_uid: str
    instance_number: int | None
    shape: tuple[int, int]
    position_mm: Float64[np.ndarray, "3"]
    orientation: Float64[np.ndarray, "6"]
    spacing_mm: tuple[float, float]
    echo_ms: float | None
    contrasts: frozenset[str]
    temporal_index: int | None
    start_s: float | None
    bolus_s: float | None
    agent: str
    scale: tuple[float, float]
    pixels: StoredPixels | None

    @property
    def normal(self) -> Float64[np.ndarray, "3"]:
        """Direction across the slice: row direction x column direction, of unit length."""
        across = np.cross(self.orientation[:3], self.orientation[3:])
        return np.asarray(across / np.linalg.norm(across))


def classic_slice(path: Path, dataset: Dataset, *, series: SeriesHeader, raw: RawHeader | None = None) -> DicomSlice:
    """Return the slice that a classic single-frame file holds.

    Args:
        path: The file.
        dataset: Its header, with at least ``SLICE_KEYWORDS``.
        series: The header of its series.
        raw: The same header as it stands, where that could be read.

    Raises:
        ImageError: If it has no position, orientation or pixel spacing.
    """
    with damage_is_a_sentence(path):
        return DicomSlice(
            path=path,
            frame=None,
            series=series,
            instance_uid=text_of(dataset, "SOPInstanceUID"),
            instance_number=whole_number_of(dataset, "InstanceNumber"),
            shape=shape_of(dataset),
            position_mm=vector(path, dataset, "ImagePositionPatient", length=3),
            orientation=vector(path, dataset, "ImageOrientationPatient", length=6),
            spacing_mm=pixel_spacing(path, dataset),
            echo_ms=number_of(dataset, "EchoTime"),
            contrasts=contrasts_of(dataset.get("ImageType") or ()),
            temporal_index=whole_number_of(dataset, "TemporalPositionIdentifier"),
            start_s=seconds_of(dataset, "Acquisition", "Content"),
            bolus_s=seconds_of(dataset, "ContrastBolusStart"),
            agent=agent_of(dataset),
            scale=scale_of(dataset),
            pixels=None if raw is None else stored_pixels(pixel_form(dataset), raw.pixels),
        )


def sibling_slice(one: DicomSlice, path: Path, raw: RawHeader) -> DicomSlice:
    """Return what :func:`classic_slice` would of a file that differs from another in ``OWN_KEYWORDS`` only.

    Args:
        one: The slice of the other file.
        path: The file.
        raw: Its header, with at least ``SLICE_KEYWORDS``.

    Raises:
        ImageError: If it has no position.
        NotOurInputError: If its UID is malformed.
    """
    with damage_is_a_sentence(path):
        own = raw.part(OWN_TAGS | {STUDY_DATE})
        refuse_malformed_uids(path, own, ("SOPInstanceUID",))
        return replace(
            one,
            path=path,
            instance_uid=text_of(own, "SOPInstanceUID"),
            instance_number=whole_number_of(own, "InstanceNumber"),
            position_mm=vector(path, own, "ImagePositionPatient", length=3),
            start_s=seconds_of(own, "Acquisition", "Content"),
            scale=scale_of(own),
            pixels=None if one.pixels is None else stored_pixels(one.pixels.form, raw.pixels),
        )


def shape_of(dataset: Dataset) -> tuple[int, int]:
    """Return rows and columns; 0 where absent."""
    return whole_number_of(dataset, "Rows") or 0, whole_number_of(dataset, "Columns") or 0


def contrasts_of(image_type: Iterable[object]) -> frozenset[str]:
    """Return the marks of an image type that part images which are not repeats of each other."""
    return CONTRASTS.intersection(str(mark).strip().upper() for mark in image_type)


def scale_of(dataset: Dataset) -> tuple[float, float]:
    """Return rescale slope and intercept, 1 and 0 where absent."""
    slope = number_of(dataset, "RescaleSlope")
    return (1.0 if slope is None else slope), number_of(dataset, "RescaleIntercept") or 0.0


def vector(path: Path, dataset: Dataset, keyword: str, *, length: int) -> Float64[np.ndarray, "length"]:
    """Return a position or orientation; refuse a file that has none, for then nobody knows where it lies."""
    numbers = numbers_of(dataset, keyword)
    if len(numbers) != length or not np.isfinite(numbers).all():
        message = f"{path} has no {keyword}, so its place in the patient is unknown: give the original series"
        raise ImageError(message)
    return np.array(numbers, dtype=np.float64)


def pixel_spacing(path: Path, dataset: Dataset) -> tuple[float, float]:
    """Return the distance of rows, and of columns, in mm."""
    numbers = numbers_of(dataset, "PixelSpacing")
    if len(numbers) != 2 or min(numbers) <= 0:  # noqa: PLR2004 - rows and columns
        message = f"{path} has no PixelSpacing, so sizes in mm are unknown: give the original series"
        raise ImageError(message)
    return numbers[0], numbers[1]
