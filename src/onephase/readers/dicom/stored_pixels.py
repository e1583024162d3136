"""Uncompressed grey values, read from where they stand in a file once its header has told where that is."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from onephase.arrays import Integer
from onephase.errors import ImageError
from onephase.readers.dicom.files import damage_is_a_sentence
from onephase.readers.dicom.header_text import text_of, whole_number_of
from onephase.readers.dicom.raw_header import PixelElement

AS_THEY_ARE = (ImplicitVRLittleEndian, ExplicitVRLittleEndian)  # transfer syntaxes that change no byte of a value
WHOLE_BYTES = (8, 16, 32)
FORM_KEYWORDS = (
    "SamplesPerPixel", "PhotometricInterpretation", "NumberOfFrames", "Rows", "Columns", "BitsAllocated", "BitsStored",
    "PixelRepresentation",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PixelForm:
    """How an uncompressed grey-value image is stored.

    Attributes:
        frames: How many frames it has.
        shape: Rows and columns of each.
        dtype: Of a value.
        unused_bits: How many bits above the stored ones mean nothing (PS3.5 8.1.1).
    """

    frames: int
    shape: tuple[int, int]
    dtype: np.dtype[np.integer]
    unused_bits: int

    @property
    def frame_bytes(self) -> int:
        """Bytes of one frame."""
        return self.shape[0] * self.shape[1] * self.dtype.itemsize

    @property
    def length(self) -> int:
        """Bytes of all frames, an even number (PS3.5 8.1.1)."""
        size = self.frames * self.frame_bytes
        return size + size % 2


@dataclass(frozen=True, slots=True)
class StoredPixels:
    """Where a frame of a file stands, and how.

    Attributes:
        element: The pixels of all frames.
        form: How they are stored.
        frame: Which of them, from 0.
    """

    element: PixelElement
    form: PixelForm
    frame: int = 0

    def read(self, path: Path) -> Integer[np.ndarray, "row column"]:
        """Return the stored values, not rescaled.

        Args:
            path: The file that the element was found in.

        Raises:
            ImageError: If the file is cut short, or has changed since.
        """
        rows, columns = self.form.shape
        with damage_is_a_sentence(path):
            with path.open("rb") as stream:
                status = os.fstat(stream.fileno())
                if status.st_mtime_ns != self.element.written_ns:
                    message = f"{path} changed while it was read: wait until the series is written, then read it again"
                    raise ImageError(message)
                if status.st_size < self.element.offset + self.form.length:
                    raise EOFError
                place = self.element.offset + self.frame * self.form.frame_bytes
                values = np.fromfile(stream, dtype=self.form.dtype, count=rows * columns, offset=place)
            frame = values.reshape(rows, columns)
        return frame << self.form.unused_bits >> self.form.unused_bits if self.form.unused_bits else frame


def pixel_form(header: Dataset, *, frames: int = 1) -> PixelForm | None:
    """Return how the pixels of a file are stored; None where only pydicom may decode or refuse them.

    Args:
        header: Its header, with at least ``FORM_KEYWORDS``.
        frames: How many frames it must have.
    """
    numbers = {keyword: whole_number_of(header, keyword) for keyword in FORM_KEYWORDS}
    grey = numbers["SamplesPerPixel"] == 1 and text_of(header, "PhotometricInterpretation") == "MONOCHROME2"
    declared = 1 if numbers["NumberOfFrames"] is None else numbers["NumberOfFrames"]
    plain = declared == frames and header.file_meta.get("TransferSyntaxUID") in AS_THEY_ARE
    allocated, stored = numbers["BitsAllocated"] or 0, numbers["BitsStored"] or 0
    signed = numbers["PixelRepresentation"]
    if not (grey and plain and allocated in WHOLE_BYTES and 1 <= stored <= allocated and signed in {0, 1}):
        return None
    shape = numbers["Rows"] or 0, numbers["Columns"] or 0
    return PixelForm(frames, shape, np.dtype(f"<{'i' if signed else 'u'}{allocated // 8}"), allocated - stored)


def stored_pixels(form: PixelForm | None, element: PixelElement | None) -> StoredPixels | None:
    """Return where the first frame stands; None where the form is another, or the element is not as long as it says."""
    if form is None or element is None or element.length != form.length:
        return None
    return StoredPixels(element, form)
