"""The header of a DICOM file as its bytes stand: enough to see that a slice is like another, without reading it anew.

A series has hundreds of files that differ in a few elements. pydicom's lower level finds the elements of a file five
times as fast as it makes a data set of them, but on trust: what it finds counts only for a file whose other elements
are those, byte by byte, of a file that was read with care.
"""

import os
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from pydicom import Dataset
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.filereader import data_element_generator, read_preamble
from pydicom.tag import BaseTag, Tag
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    MRImageStorage,
)

from onephase.readers.dicom.files import BROKEN, UID_KEYWORDS, damage_is_a_sentence, read_dataset, tags_of

LONGEST_VALUE = 1 << 12
UNDEFINED_LENGTH = 0xFFFFFFFF
PIXEL_DATA = Tag("PixelData")
PIXELS = frozenset(map(Tag, ("FloatPixelData", "DoubleFloatPixelData", "PixelData")))
FILE_META = 0x0002
CLASS, SYNTAX = Tag("MediaStorageSOPClassUID"), Tag("TransferSyntaxUID")
OWN_META = frozenset(map(Tag, ("FileMetaInformationGroupLength", "MediaStorageSOPInstanceUID")))
NOT_PLAIN = ("", DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian)


@dataclass(frozen=True, slots=True)
class PixelElement:
    """Where the value of Pixel Data stands in a file.

    Attributes:
        offset: At which byte it begins.
        length: How many bytes the header says it has.
        written_ns: When the file was last written to, in nanoseconds.
    """

    offset: int
    length: int
    written_ns: int


@dataclass(frozen=True, slots=True, repr=False)  # its elements name the patient
class RawHeader:
    """Elements of a file, unconverted.

    Attributes:
        meta: Those of its file meta information.
        elements: Those that were asked for, by tag.
        pixels: Where Pixel Data stand; None where they are absent or of undefined length.
    """

    meta: tuple[RawDataElement, ...]
    elements: dict[BaseTag, RawDataElement]
    pixels: PixelElement | None

    def common(self, own: frozenset[BaseTag]) -> Hashable:
        """Return all but the elements that a file has of its own."""
        return _bytes_of(self.meta, but=OWN_META), _bytes_of(self.elements.values(), but=own)

    def part(self, tags: Iterable[BaseTag]) -> Dataset:
        """Return some of the elements as a data set."""
        return Dataset({tag: self.elements[tag] for tag in tags if tag in self.elements})


def raw_header(path: Path, *, only: Sequence[str]) -> RawHeader | None:
    """Return the elements of a file that stand before its pixels; None where it takes more care to read it.

    Args:
        path: A file that has the DICOM mark.
        only: Keywords to look for.
    """
    try:
        return _raw_header(path, tags_of((*only, *UID_KEYWORDS)))
    except BROKEN:  # whoever reads it with care says so
        return None


def header_and_pixels(path: Path) -> tuple[Dataset, PixelElement | None]:
    """Read the whole header of a file with care, and find where its pixels stand.

    Args:
        path: A file that has the DICOM mark.

    Returns:
        The header, and the place; None where Pixel Data are absent, of undefined length or not in little endian.

    Raises:
        ImageError: If the header is damaged.
        NotOurInputError: If a UID is malformed.
    """
    with damage_is_a_sentence(path), path.open("rb") as stream:
        written_ns = os.fstat(stream.fileno()).st_mtime_ns
        header = read_dataset(path, stream=stream)
        is_implicit, is_little = header.original_encoding
        if not is_little:
            return header, None
        return header, _pixels_next(stream, implicit=bool(is_implicit), written_ns=written_ns)


def _raw_header(path: Path, tags: list[BaseTag]) -> RawHeader:
    with path.open("rb") as stream:
        written_ns = os.fstat(stream.fileno()).st_mtime_ns
        read_preamble(stream, force=False)
        found = partial(data_element_generator, stream, is_little_endian=True, defer_size=LONGEST_VALUE)
        meta = tuple(_short(found(is_implicit_VR=False, stop_when=lambda tag, *_: tag >> 16 != FILE_META)))
        implicit = _is_implicit(meta)
        found = partial(found, is_implicit_VR=implicit)
        elements = tuple(_short(found(stop_when=lambda tag, *_: tag in PIXELS, specific_tags=tags)))
        pixels = _pixels_next(stream, implicit=implicit, written_ns=written_ns)
    return RawHeader(meta, {one.tag: one for one in elements}, pixels)


def _pixels_next(stream: BinaryIO, *, implicit: bool, written_ns: int) -> PixelElement | None:
    """Return where Pixel Data stand if they come next in an open file."""
    values = data_element_generator(
        stream,
        is_implicit_VR=implicit,
        is_little_endian=True,
        defer_size=LONGEST_VALUE,
        stop_when=lambda tag, _, length: tag != PIXEL_DATA or length == UNDEFINED_LENGTH,
    )
    value = next(values, None)
    return PixelElement(value.value_tell, value.length, written_ns) if isinstance(value, RawDataElement) else None


def _short(elements: Iterable[RawDataElement | DataElement]) -> Iterator[RawDataElement]:
    for one in elements:
        if not isinstance(one, RawDataElement) or one.length > LONGEST_VALUE:
            message = "a sequence, or a long value"
            raise ValueError(message)
        yield one


def _is_implicit(meta: Iterable[RawDataElement]) -> bool:
    written = {one.tag: (one.value or b"").decode("ascii").rstrip("\0 ") for one in meta if one.tag in (CLASS, SYNTAX)}
    if written.get(SYNTAX, "") in NOT_PLAIN or written.get(CLASS) != MRImageStorage:
        message = "a data set that does not stand as it is in little endian, or no single slice"
        raise ValueError(message)
    return written[SYNTAX] == ImplicitVRLittleEndian


def _bytes_of(elements: Iterable[RawDataElement], *, but: frozenset[BaseTag]) -> Hashable:
    return tuple((one.tag, one.VR, one.value) for one in elements if one.tag not in but)
