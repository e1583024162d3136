"""The files of one phase as they stand: headers whole and pixels as stored, for whoever copies or refers to them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom import Dataset

from onephase.arrays import Integer
from onephase.errors import ImageError, NotOurInputError
from onephase.imaging.geometry import Grid
from onephase.readers.dicom.files import damage_is_a_sentence, read_dataset
from onephase.readers.dicom.header_text import text_of
from onephase.readers.dicom.pixels import check_pixels, decoded
from onephase.readers.dicom.slice import DicomSlice

SCREEN_SAVE = "SCREEN SAVE"
NEEDED = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")


@dataclass(frozen=True, slots=True, eq=False)
class Original:
    """One file, or of an enhanced file the frames of the phase.

    Attributes:
        path: Where it stands.
        header: Its header, without pixels.
        stored: Its pixels as they are stored, decompressed but not rescaled.
        frames: Which frames of the enhanced file these are, from 0; empty for a single-frame file.
    """

    path: Path
    header: Dataset
    stored: Integer[np.ndarray, "frame row column"]
    frames: tuple[int, ...]


def original_headers(slices: Sequence[DicomSlice], *, where: Path) -> tuple[Dataset, ...]:
    """Return the headers of slices in their order; one header, cut down to the frames, where they are of one file.

    Raises:
        ImageError: If a file is damaged, or the frames are of several enhanced files.
    """
    return tuple(_cut(read_dataset(path), frames) for path, frames in _files(slices, where=where))


def originals(slices: Sequence[DicomSlice], *, where: Path) -> Iterator[Original]:
    """Yield the files of slices with their pixels, one after the other, in the order of the slices.

    Raises:
        ImageError: If a file is damaged or lacks a UID, or the frames are of several enhanced files.
        NotOurInputError: If a file says that something is painted into its pixels, or is a picture of a screen.
    """
    for path, frames in _files(slices, where=where):
        yield _original(path, frames)


def align(headers: Sequence[Dataset], grid: Grid) -> None:
    """Change headers into such as objects that refer to them need: one orientation, a thickness, shared geometry.

    The reader takes slices for parallel up to a tolerance, and some scanners leave the thickness out.
    """
    if "PerFrameFunctionalGroupsSequence" in headers[0]:
        first, shared = headers[0].PerFrameFunctionalGroupsSequence[0], headers[0].SharedFunctionalGroupsSequence[0]
        for keyword in ("PlaneOrientationSequence", "PixelMeasuresSequence"):
            if keyword not in shared:
                setattr(shared, keyword, first[keyword].value)
        return
    for header in headers:
        header.ImageOrientationPatient = headers[0].ImageOrientationPatient
        if not header.get("SliceThickness"):
            header.SliceThickness = f"{grid.spacing_mm[0]:.6g}"


def _original(path: Path, frames: tuple[int, ...]) -> Original:
    dataset = read_dataset(path, pixels=True)
    check_pixels(path, dataset)
    with damage_is_a_sentence(path):
        _refuse_painted(path, dataset)
        _refuse_nameless(path, dataset)
        stored = np.stack(decoded(path, dataset, frames=frames or (0,)))
        del dataset.PixelData
        return Original(path, _cut(dataset, frames), stored, frames)


def _refuse_painted(path: Path, dataset: Dataset) -> None:
    burned = text_of(dataset, "BurnedInAnnotation").upper() == "YES"
    captured = text_of(dataset, "ConversionType") or SCREEN_SAVE in text_of(dataset, "ImageType").upper()
    if burned or captured:
        what = "has annotations burned into its pixels" if burned else "is a picture of a screen or a film"
        message = f"{path} {what}, by its header: no copy of it can be shared; leave the case out"
        raise NotOurInputError(message)


def _refuse_nameless(path: Path, dataset: Dataset) -> None:
    for keyword in NEEDED:
        if not text_of(dataset, keyword):
            message = f"{path} has no {keyword}, without which a copy belongs nowhere: export it again"
            raise ImageError(message)


def _cut(header: Dataset, frames: tuple[int, ...]) -> Dataset:
    """Cut the header of an enhanced file down to some frames, in their order; without any it stays whole."""
    if not frames:
        return header
    every = header.PerFrameFunctionalGroupsSequence
    header.PerFrameFunctionalGroupsSequence = [every[frame] for frame in frames]
    header.NumberOfFrames = len(frames)
    return header


def _files(slices: Sequence[DicomSlice], *, where: Path) -> tuple[tuple[Path, tuple[int, ...]], ...]:
    """Return the file of each slice; of an enhanced file, once, with the frames."""
    frames = tuple(one.frame for one in slices if one.frame is not None)
    if not frames:
        return tuple((one.path, ()) for one in slices)
    if len({one.path for one in slices}) > 1:
        message = (
            f"{where}: the phase is spread over several enhanced files, for which no result objects and no copies are "
            "made: export it as one file"
        )
        raise ImageError(message)
    return ((slices[0].path, frames),)
