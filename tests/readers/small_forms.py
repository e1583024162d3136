"""Small forms of real files: few voxels, few frames, few rows, and the structure of the whole; and forms that are ours.

A reader answers a small form many times as fast, and takes the same way through it. What it would refuse at the door (a
head, fibroglandular tissue) is called what we read, for behind the door is most of what can break.
"""

import gzip
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
from pydicom import Dataset

FRAMES, STEP = 4, 8
ROWS_OF_TABLE = 6
AROUND_TUMOUR = (slice(7, 12), slice(60, 80), slice(17, 34))  # slice, row, column of breast1's label
MASS = ("4147007", "SCT", "Mass")


def small_form(name: str, content: bytes) -> bytes:
    """Return the small form of a file, by the suffix of its name; the file itself where it is small."""
    form: Callable[[bytes], bytes] | None = SMALL.get(Path(name).suffix)
    return content if form is None else form(content)


def our_form(name: str, content: bytes) -> bytes:
    """Return a DICOM file as one of the breast, or of a tumour where it is an outline; other files as they are."""
    if Path(name).suffix != ".dcm":
        return content
    dataset = pydicom.dcmread(io.BytesIO(content))
    if "PerFrameFunctionalGroupsSequence" not in dataset:
        return content
    if "SegmentSequence" not in dataset:
        dataset.BodyPartExamined, dataset.SeriesDescription, dataset.ProtocolName = "BREAST", "t1 dyn", ""
        return _bytes_of(dataset)
    (segment,) = dataset.SegmentSequence
    segment.SegmentLabel = dataset.SeriesDescription = "Tumour"
    segment.SegmentDescription = dataset.DerivationDescription = dataset.ContentDescription = ""
    (code,) = segment.SegmentedPropertyTypeCodeSequence
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = MASS
    return _bytes_of(dataset)


def few_pixels(content: bytes) -> bytes:
    """Return a DICOM image of every eighth row and column, of few frames, without private attributes."""
    dataset = pydicom.dcmread(io.BytesIO(content))
    pixels = dataset.pixel_array[..., ::STEP, ::STEP]
    if "PerFrameFunctionalGroupsSequence" in dataset:
        dataset.NumberOfFrames = FRAMES
        pixels = pixels[:FRAMES]
    dataset.remove_private_tags()
    for holder in holders(dataset):
        for element in holder:
            if element.VR == "SQ":
                del element.value[FRAMES:]
        if "PixelSpacing" in holder:
            holder.PixelSpacing = [STEP * mm for mm in holder.PixelSpacing]
    dataset.Rows, dataset.Columns = pixels.shape[-2:]
    dataset.PixelData = pixels.tobytes()
    return _bytes_of(dataset)


def holders(dataset: Dataset) -> list[Dataset]:
    """Return a data set and every item of every sequence in it, at any depth."""
    inner = [item for element in dataset.values() if element.VR == "SQ" for item in element.value]
    return [dataset, *(one for item in inner for one in holders(item))]


def around_tumour(content: bytes) -> bytes:
    """Return the part of breast1 around its tumour, its text header as it was but for the sizes."""
    head, gap, packed = content.partition(b"\n\n")
    sizes = next(line for line in head.split(b"\n") if line.startswith(b"sizes: "))
    shape = tuple(int(word) for word in reversed(sizes.split()[1:]))
    part = np.frombuffer(gzip.decompress(packed), "<i2").reshape(shape)[AROUND_TUMOUR]
    fewer = "sizes: " + " ".join(str(size) for size in reversed(part.shape))
    return head.replace(sizes, fewer.encode()) + gap + gzip.compress(part.tobytes(), 1)


def first_rows(content: bytes) -> bytes:
    """Return the first rows of a table."""
    return b"".join(content.splitlines(keepends=True)[:ROWS_OF_TABLE])


def _bytes_of(dataset: Dataset) -> bytes:
    out = io.BytesIO()
    dataset.save_as(out, enforce_file_format=True)
    return out.getvalue()


SMALL = {".dcm": few_pixels, ".nrrd": around_tumour, ".csv": first_rows}
