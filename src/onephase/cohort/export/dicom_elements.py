"""The elements of a DICOM file, walked byte by byte (PS3.5 7.1.2), with no DICOM library: a second opinion on a copy.

Only what a copy is written in is understood: explicit VR, little endian, pixels as they are.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

HEAD = bytes(128) + b"DICM"
ITEMS = 0xFFFE  # group of items and of their ends, which have no VR
UNDEFINED = 0xFFFFFFFF
LONG = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}  # length in 32 bits
SHORT = {
    "AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "PN", "SH", "SL", "SS", "ST", "TM", "UI",
    "UL", "US",
}  # fmt: skip
_TAG, _SHORT, _LONG = struct.Struct("<HH2s"), struct.Struct("<6xH"), struct.Struct("<8xI")


class Element(NamedTuple):
    """One element, wherever it stands; ``value`` is empty for a sequence, whose items follow."""

    group: int
    number: int
    vr: str
    value: bytes


def elements(content: bytes) -> Iterator[Element]:
    """Yield the elements of a file in their order, those of items among them.

    Raises:
        ValueError: If it is written in any other way, or is cut short.
    """
    if not content.startswith(HEAD):
        message = "no DICOM mark after an empty preamble"
        raise ValueError(message)
    at = len(HEAD)
    try:
        while at < len(content):
            group, number, letters = _TAG.unpack_from(content, at)
            if group == ITEMS:
                at += _SHORT.size
                continue
            vr = letters.decode("latin-1")
            length, start = _extent(content, at, vr)
            if vr == "SQ":
                length = 0
            elif length == UNDEFINED or start + length > len(content):
                message = "a value of no length, or beyond the end"
                raise ValueError(message)
            yield Element(group, number, vr, content[start : start + length])
            at = start + length
    except struct.error:
        message = "cut short"
        raise ValueError(message) from None


def _extent(content: bytes, at: int, vr: str) -> tuple[int, int]:
    """Return how long the value of an element is, and where it begins."""
    if vr in LONG:
        return _LONG.unpack_from(content, at)[0], at + _LONG.size
    if vr in SHORT:
        return _SHORT.unpack_from(content, at)[0], at + _SHORT.size
    message = "a value of no known kind"
    raise ValueError(message)
