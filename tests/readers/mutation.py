"""Broken files made from whole ones, by fields of their format, so that a reader gets far before it breaks."""

import gzip
import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pydicom

Mutation: TypeAlias = Callable[[bytes, np.random.Generator], bytes]

INTEGERS = (0, 1, -1, 2, 3, 7, 255, 32767, -32768)
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
    """Drop elements of a DICOM file, or give them strange values."""
    dataset = pydicom.dcmread(io.BytesIO(content), force=True)
    present = [keyword for keyword in DICOM_KEYWORDS if keyword in dataset]
    for _ in range(int(rng.integers(1, 4))):
        keyword = present[int(rng.integers(len(present)))]
        if keyword not in dataset:
            continue
        element, kind = dataset[keyword], int(rng.integers(3))
        if kind == 0 or element.VR == "SQ":
            del dataset[keyword]
            continue
        values = {"US": [abs(one) for one in INTEGERS], "FD": NUMBERS}.get(element.VR, WORDS)
        value = values[int(rng.integers(len(values)))]
        element._value = [value] * int(rng.integers(1, 8)) if kind == 1 and element.VR != "US" else value
    out = io.BytesIO()
    try:
        dataset.save_as(out, enforce_file_format=False)
    except Exception:  # noqa: BLE001 - a value that cannot be written makes no input: its bytes are turned instead
        return bytes_turned(content, rng)
    return out.getvalue()


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
    """Pack a file under strange names, several times or not at all, then turn bytes of the archive."""
    names = (
        "1.dcm",
        "../1.dcm",
        "/1.dcm",
        "a/b/c/1.dcm",
        "DICOMDIR",
        "C:\\1.dcm",
        "a\x00b",
        "1.zip",
        ".",
        "é.dcm",
        "a" * 300,
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for _ in range(int(rng.integers(0, 4))):
            name = names[int(rng.integers(len(names)))]
            if zipfile.ZipInfo(name).filename not in archive.namelist():
                archive.writestr(name, content if rng.random() < 0.8 else bytes(10_000_000))
    packed = out.getvalue()
    return packed if rng.random() < 0.5 else bytes_turned(packed, rng)


def mutated(path: Path, rng: np.random.Generator, mutation: Mutation) -> bytes:
    """Return a file's content after a mutation, or once in four after mere turning of bytes."""
    content = path.read_bytes()
    return bytes_turned(content, rng) if rng.random() < 0.25 else mutation(content, rng)
