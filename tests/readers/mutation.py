"""Broken files made from whole ones, by fields of their format, so that a reader gets far before it breaks."""

import gzip
import io
import struct
import zipfile
from collections import defaultdict
from collections.abc import Callable
from functools import lru_cache, partial
from typing import TypeAlias

import numpy as np
import pydicom
from pydicom.tag import BaseTag, Tag
from small_forms import holders

Mutation: TypeAlias = Callable[[bytes, np.random.Generator], bytes]

INTEGERS = (0, 1, -1, 2, 3, 7, 255, 32767, -32768)
WHOLE = tuple(abs(one) for one in INTEGERS)
NUMBERS = (0.0, -0.0, 1.0, -1.0, 1e-38, 1e38, -1e38, float("nan"), float("inf"), float("-inf"), 0.1, 1e6)
WORDS = (
    "",
    "0",
    "-1",
    "1",
    "nan",
    "inf",
    "1e308",
    "99999999999",
    "../../etc/passwd",
    "=1+1",
    "\x00",
    "é",
    "a" * 300,
    "1\\2\\3",
)

# offset, number and format of the fields of a NIfTI-1 header that a reader looks at
NIFTI_FIELDS = (
    (0, 1, "i"),
    *((40 + 2 * place, 1, "h") for place in range(8)),
    (70, 1, "h"),
    (72, 1, "h"),
    *((76 + 4 * place, 1, "f") for place in range(8)),
    (108, 1, "f"),
    (112, 1, "f"),
    (116, 1, "f"),
    (123, 1, "b"),
    (252, 1, "h"),
    (254, 1, "h"),
    *((256 + 4 * place, 1, "f") for place in range(18)),
    (344, 1, "i"),
)
DICOM_KEYWORDS = (
    *("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel"),
    *("NumberOfFrames", "PixelSpacing", "SliceThickness", "SpacingBetweenSlices", "ImagePositionPatient"),
    *("ImageOrientationPatient", "RescaleSlope", "RescaleIntercept", "PhotometricInterpretation", "Modality"),
    *("SeriesInstanceUID", "StudyInstanceUID", "SOPInstanceUID", "SOPClassUID", "FrameOfReferenceUID"),
    *("AcquisitionTime", "ContentTime", "TriggerTime", "TemporalPositionIdentifier", "InstanceNumber"),
    *("MagneticFieldStrength", "ContrastBolusAgent", "SegmentSequence", "PerFrameFunctionalGroupsSequence"),
    *("SharedFunctionalGroupsSequence", "DimensionIndexSequence", "ReferencedSeriesSequence", "SegmentationType"),
    *(
        "SegmentNumber",
        "ReferencedSegmentNumber",
        "MaximumFractionalValue",
        "EffectiveEchoTime",
        "FrameType",
        "ImageType",
    ),
    *("PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence", "FrameContentSequence"),
    *(
        "TemporalPositionIndex",
        "FrameAcquisitionDateTime",
        "SeriesDescription",
        "CodeValue",
        "CodeMeaning",
        "PixelData",
    ),
    *("StructureSetROISequence", "ROINumber", "ROIName", "ROIContourSequence", "ReferencedROINumber"),
    *("ContourSequence", "ContourGeometricType", "NumberOfContourPoints", "ContourData"),
)
PRIVATE_TAGS = {
    Tag(0x0117, 0x1000 + element): f"private {element:02X}" for element in (0x30, 0x35, 0xA1, 0xA2)
}  # UCSF's
DICOM_TAGS = {Tag(keyword): keyword for keyword in DICOM_KEYWORDS} | PRIVATE_TAGS
BYTES = (b"", b"\0", bytes(31), bytes(5000), b"\xff" * 2048)
MEMBERS = (
    *("1.dcm", "../1.dcm", "/1.dcm", "a/b/c/1.dcm", "DICOMDIR", "C:\\1.dcm", "a\x00b", "1.zip", ".", "é.dcm"),
    "a" * 300,
)


def bytes_turned(content: bytes, rng: np.random.Generator) -> bytes:
    """Turn, cut out or push in a few bytes, most of them near the beginning."""
    changed = bytearray(content)
    for _ in range(int(rng.integers(1, 6))):
        reach = len(changed) if rng.random() < 0.2 else min(len(changed), 2000)
        place, kind = int(rng.integers(max(reach, 1))), int(rng.integers(4))
        if kind == 0 and changed:
            changed[place] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            del changed[place : place + int(rng.integers(1, 9))]
        elif kind == 2:
            changed[place:place] = rng.bytes(int(rng.integers(1, 5)))
        else:
            del changed[place if rng.random() < 0.5 else len(changed) - int(rng.integers(1, 200)) :]
    return bytes(changed)


def nifti_fields(content: bytes, rng: np.random.Generator) -> bytes:
    """Put strange values into one to three fields of a NIfTI header; packed again where it was packed."""
    packed = content[:2] == b"\x1f\x8b"
    changed = bytearray(gzip.decompress(content) if packed else content)
    for _ in range(int(rng.integers(1, 4))):
        offset, _count, form = NIFTI_FIELDS[rng.integers(len(NIFTI_FIELDS))]
        value = NUMBERS[rng.integers(len(NUMBERS))] if form == "f" else INTEGERS[rng.integers(len(INTEGERS))]
        if form == "b":
            value = int(np.clip(value, -128, 127))
        struct.pack_into(f"<{form}", changed, offset, value)
    return gzip.compress(bytes(changed), 1) if packed else bytes(changed)


def header_lines(content: bytes, rng: np.random.Generator) -> bytes:
    """Change, double or drop a line of a text header (NRRD)."""
    head, gap, pixels = content.partition(b"\n\n")
    lines = head.split(b"\n")
    place = int(rng.integers(len(lines)))
    word = WORDS[rng.integers(len(WORDS))].encode()
    name, _, value = lines[place].partition(b": ")
    parts = value.split(b" ")
    parts[int(rng.integers(len(parts)))] = word
    kind = int(rng.integers(4))
    if kind == 0:
        del lines[place]
    elif kind == 1:
        lines.insert(int(rng.integers(len(lines) + 1)), lines[place])
    elif kind == 2:
        lines[place] = name + b": " + word
    else:
        lines[place] = name + b": " + b" ".join(parts)
    return b"\n".join(lines) + gap + pixels


def dicom_elements(content: bytes, rng: np.random.Generator) -> bytes:
    """Drop elements of a DICOM file, at any depth, or give them strange values."""
    dataset, present = _parsed(content)
    as_before: list[Callable[[], object]] = []
    for _ in range(int(rng.integers(1, 4))):
        tag, holding_it = present[int(rng.integers(len(present)))]
        holding = [holder for holder in holding_it if tag in holder]
        if not holding:
            continue
        holder = holding[int(rng.integers(len(holding)))]
        element, kind = holder[tag], int(rng.integers(3))
        if kind == 0 or element.VR == "SQ":
            as_before.append(partial(holder.__setitem__, element.tag, element))
            del holder[tag]
            continue
        values = {"US": WHOLE, "UL": WHOLE, "FD": NUMBERS, "OB": BYTES, "OW": BYTES}.get(element.VR, WORDS)
        value = values[int(rng.integers(len(values)))]
        several = kind == 1 and values in {NUMBERS, WORDS}
        as_before.append(partial(setattr, element, "_value", element._value))
        element._value = [value] * int(rng.integers(1, 8)) if several else value
    out = io.BytesIO()
    try:
        dataset.save_as(out, enforce_file_format=False)
    except Exception:  # noqa: BLE001 - a value that cannot be written makes no input: its bytes are turned instead
        return bytes_turned(content, rng)
    finally:
        for undo in reversed(as_before):
            undo()
    return out.getvalue()


@lru_cache(maxsize=4)
def _parsed(content: bytes) -> tuple[pydicom.Dataset, list[tuple[BaseTag, list[pydicom.Dataset]]]]:
    """Return a DICOM file and who holds each element that is changed: parsing takes longer than changing it.

    Elements are converted now, for a converted one may be written otherwise than a raw one.
    """
    dataset = pydicom.dcmread(io.BytesIO(content), force=True)
    places: defaultdict[BaseTag, list[pydicom.Dataset]] = defaultdict(list)
    for holder in holders(dataset):
        for tag in sorted(holder.keys() & DICOM_TAGS.keys()):
            places[tag].append(holder)
            holder[tag]
    return dataset, sorted(places.items(), key=lambda place: DICOM_TAGS[place[0]])


def csv_cells(content: bytes, rng: np.random.Generator) -> bytes:
    """Change cells, drop columns' names, double rows."""
    rows = [line.split(",") for line in content.decode().splitlines()]
    for _ in range(int(rng.integers(1, 6))):
        row = rows[int(rng.integers(len(rows)))]
        kind = int(rng.integers(4))
        if kind == 0:
            row[int(rng.integers(len(row)))] = WORDS[rng.integers(len(WORDS))]
        elif kind == 1:
            row.append(WORDS[rng.integers(len(WORDS))])
        elif kind == 2 and len(row) > 1:
            del row[int(rng.integers(len(row)))]
        else:
            rows.insert(int(rng.integers(len(rows) + 1)), list(row))
    return "\n".join(",".join(row) for row in rows).encode()


def zip_members(content: bytes, rng: np.random.Generator) -> bytes:
    """Pack the files of a ZIP again: under strange names, twice or not at all; then turn bytes of the archive."""
    with zipfile.ZipFile(io.BytesIO(content)) as whole:
        files = [(name, whole.read(name)) for name in whole.namelist()]
    for _ in range(int(rng.integers(0, 4))):
        place, kind = int(rng.integers(len(files))), int(rng.integers(4))
        name = MEMBERS[int(rng.integers(len(MEMBERS)))]
        if kind == 0 and len(files) > 1:
            del files[place]
        elif kind == 1:
            files.append((name, files[place][1]))
        elif kind == 2:
            files[place] = (name, files[place][1])
        else:
            files[place] = (
                files[place][0],
                bytes(2_000_000) if rng.random() < 0.2 else bytes_turned(files[place][1], rng),
            )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, file in files:
            if zipfile.ZipInfo(name).filename not in archive.namelist():
                archive.writestr(name, file)
    packed = out.getvalue()
    return packed if rng.random() < 0.5 else bytes_turned(packed, rng)


def mutated(content: bytes, rng: np.random.Generator, mutation: Mutation) -> bytes:
    """Return a file's content after a mutation, or once in four after mere turning of bytes."""
    return bytes_turned(content, rng) if rng.random() < 0.25 else mutation(content, rng)
