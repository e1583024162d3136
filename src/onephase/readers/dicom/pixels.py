"""Pixels of DICOM slices as float32, decoded by pydicom where they do not stand as they are."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydicom import Dataset
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import iter_pixels, pixel_array

from onephase.arrays import Float32
from onephase.errors import DamagedError, ImageError, NotOurInputError
from onephase.readers.dicom.files import damage_is_a_sentence, read_dataset
from onephase.readers.dicom.header_text import text_of, whole_number_of
from onephase.readers.dicom.slice import DicomSlice

UNSCALED = (1.0, 0.0)
"""Slope and intercept."""


def read_pixels(
    slices: Sequence[DicomSlice], *, into: Float32[np.ndarray, "slice row column"] | None = None
) -> Float32[np.ndarray, "slice row column"]:
    """Return the rescaled pixels of slices of one shape, in the order given.

    Args:
        slices: The slices.
        into: An array of their shape to read them into; a new one where None.

    Raises:
        ImageError: If a file has no pixels, is cut short, or is compressed in a way that cannot be undone here.
        NotOurInputError: If a file holds a colour picture.
    """
    voxels = np.empty((len(slices), *slices[0].shape), dtype=np.float32) if into is None else into
    files: dict[Path, list[int]] = {}
    for place, one in enumerate(slices):
        files.setdefault(one.path, []).append(place)
    for path, places in files.items():
        for place, stored in zip(places, _stored(path, [slices[place] for place in places]), strict=True):
            voxels[place] = stored
            if slices[place].scale != UNSCALED:
                slope, intercept = slices[place].scale
                voxels[place] *= np.float32(slope)
                voxels[place] += np.float32(intercept)
    return voxels


def _stored(path: Path, slices: Sequence[DicomSlice]) -> list[np.ndarray]:
    """Return the stored frames of slices of one file; its header is read again only where they must be decoded."""
    if all(one.pixels is not None for one in slices):
        return [one.pixels.read(path) for one in slices if one.pixels is not None]
    dataset = read_dataset(path, pixels=True)
    check_pixels(path, dataset)
    return decoded(path, dataset, frames=[one.frame or 0 for one in slices])


def check_pixels(path: Path, dataset: Dataset) -> None:
    """Refuse a file without pixels and a colour picture."""
    if not any(keyword in dataset for keyword in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        message = f"{path} is DICOM without pixels: export the images, not only their headers"
        raise DamagedError(message)
    with damage_is_a_sentence(path):
        colours, meaning = whole_number_of(dataset, "SamplesPerPixel"), text_of(dataset, "PhotometricInterpretation")
        if colours != 1 or meaning != "MONOCHROME2":
            message = f"{path} is no grey-value image ({meaning or 'no photometric interpretation'}): give the original"
            raise NotOurInputError(message)


def decoded(path: Path, dataset: Dataset, *, frames: Sequence[int]) -> list[np.ndarray]:
    """Return stored frames (from 0) of a data set that was read with its pixels."""
    with damage_is_a_sentence(path):
        syntax = dataset.file_meta.TransferSyntaxUID
    try:
        readable = get_decoder(syntax).is_available
    except NotImplementedError:
        readable = False
    if not readable:
        message = f"{path} is compressed as {syntax.name}, which cannot be undone here: export it uncompressed"
        raise ImageError(message)
    try:
        with damage_is_a_sentence(path):
            if dataset.BitsAllocated == 1:  # packed frames may begin within a byte: only all at once
                unpacked = pixel_array(dataset, raw=True).reshape(-1, dataset.Rows, dataset.Columns)
                return [unpacked[frame] for frame in frames]
            return [np.array(frame) for frame in iter_pixels(dataset, indices=list(frames), raw=True)]
    except RuntimeError:  # every decoder gave up on the compressed bytes
        message = f"{path} is a damaged or truncated DICOM file: copy or export it again"
        raise DamagedError(message) from None
