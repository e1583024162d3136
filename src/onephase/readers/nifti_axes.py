"""The axes of a NIfTI-1 header, checked before ITK computes with them: an infinite one keeps it busy for ever."""

import struct
from pathlib import Path

from onephase.errors import ImageError
from onephase.readers.nifti_pixels import HEADER_BYTES, byte_order, nifti_stream

FARTHEST_MM = 1e6  # a kilometre: nothing in a scanner is farther away or longer, and squares of it are still numbers
CODES = 252  # the byte where qform_code and sform_code stand (nifti1.h)
QFORM, SFORM = (256, 6), (280, 12)  # the byte where each begins, and how many numbers it has


def check_nifti_axes(path: Path) -> None:
    """Refuse a header whose axes are no numbers, or reach farther than anything that is imaged.

    Its first number is its own length, which tells the order of bytes; ITK goes by another number, and with a wrong
    length the two would read different axes.

    Args:
        path: A .nii or .nii.gz file.

    Raises:
        ImageError: In one sentence; also where the gzip stream is damaged.
    """
    with nifti_stream(path) as stream:
        header = stream.read(HEADER_BYTES)
    if len(header) < HEADER_BYTES:
        message = f"{path} is cut short or its header is broken: copy or export it again"
        raise ImageError(message)
    order = byte_order(header)
    length = struct.unpack_from(f"{order}i", header, 0)[0]
    if length != HEADER_BYTES:
        message = f"{path} says that its header has {length} bytes, expected {HEADER_BYTES}: export it again"
        raise ImageError(message)
    codes = struct.unpack_from(f"{order}2h", header, CODES)
    for name, code, (start, count) in zip(("qform", "sform"), codes, (QFORM, SFORM), strict=True):
        numbers = struct.unpack_from(f"{order}{count}f", header, start)
        wrong = next((number for number in numbers if not abs(number) <= FARTHEST_MM), None)  # NaN among them
        if code > 0 and wrong is not None:
            message = f"{path} has axes that lead nowhere (its {name} holds {wrong:g}): export it again"
            raise ImageError(message)
