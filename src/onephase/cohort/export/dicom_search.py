"""What must not be in a DICOM copy: other attributes, texts that are not its own words, what the source is known by.

Numbers cannot be told from names by what they are, so a number is a finding where it is one that the source is known
by, however it is written, and pixels are searched like voxels.
"""

import re
import struct
from collections.abc import Collection, Iterator

from onephase.cohort.export.dicom_attributes import MAY_STAND
from onephase.cohort.export.dicom_elements import Element, elements
from onephase.cohort.export.identifier_search import IdentifierSearch, number_of

BINARY = {"AT", "FD", "FL", "OB", "OD", "OF", "OL", "OV", "OW", "SL", "SS", "SV", "UL", "US", "UV"}
PACKED = {"FD": "<d", "FL": "<f", "SL": "<i", "SV": "<q", "UL": "<I", "UV": "<Q"}  # that six digits have room in
NUMBERS, MOMENTS = {"DS", "IS"}, {"DA", "DT", "TM"}
A_NUMBER = "a number that the source is known by"
DUMMY_MOMENTS = {"19000101", "000000", "19000101000000"}
PAINTED = {0x5000, 0x6000}  # curves and overlays
CHUNK_BYTES = 1 << 20
CLASSES = {
    "1.2.840.10008.1.2.1",  # explicit VR little endian
    "1.2.840.10008.5.1.4.1.1.4",  # MR image
    "1.2.840.10008.5.1.4.1.1.4.1",  # enhanced MR image
    "1.2.840.10008.5.1.4.1.1.4.4",  # legacy converted enhanced MR image
    "1.2.840.10008.5.1.4.1.1.66.4",  # segmentation
    "2.25.252467351914416284150929117733817925561",  # onephase wrote it
}
_NEW_UID = re.compile(r"2\.25\.[0-9]{30,39}")
_PSEUDONYM = re.compile(r"patient-[bcdfghjklmnpqrst]{12}\^?")


def found_in_dicom(content: bytes, search: IdentifierSearch, *, words: Collection[str]) -> Iterator[str]:
    """Yield the kinds of what must not be in a DICOM file.

    Args:
        content: The file.
        search: For the identifiers of the source.
        words: Texts that may stand in it, each as a whole value.
    """
    try:
        for element in elements(content):
            yield from _in_element(element, search, words)
    except (ValueError, struct.error):
        yield "bytes that are no DICOM as a copy is written"


def _in_element(element: Element, search: IdentifierSearch, words: Collection[str]) -> Iterator[str]:
    if element.group % 2:
        yield "a private attribute"
    elif element.group & 0xFF00 in PAINTED:
        yield "a curve or an overlay"
    elif (element.group, element.number) not in MAY_STAND:
        yield "an attribute that no copy has"
    if element.vr in BINARY:
        yield from _in_bytes(element, search)
        return
    for value in element.value.split(b"\\"):
        text = value.decode("utf-8", "replace").strip(" \0")
        if text and not _stands_by_right(element.vr, text, search, words):
            yield next(search.in_text(value), _OUT_OF_PLACE.get(element.vr, "a text that no copy has"))


def _in_bytes(element: Element, search: IdentifierSearch) -> Iterator[str]:
    if element.vr in PACKED:
        numbers = (number for (number,) in struct.iter_unpack(PACKED[element.vr], element.value))
        if any(map(search.knows_number, numbers)):
            yield A_NUMBER
    for start in range(0, len(element.value), CHUNK_BYTES):
        yield from search.in_voxels(element.value[start : start + CHUNK_BYTES + search.reach])


_OUT_OF_PLACE = {
    "UI": "a UID that is not new",
    **dict.fromkeys(MOMENTS, "a date or a time"),
    **dict.fromkeys(NUMBERS, A_NUMBER),
    "PN": "the name of a person",
}


def _stands_by_right(vr: str, text: str, search: IdentifierSearch, words: Collection[str]) -> bool:
    if vr in MOMENTS:
        return text in DUMMY_MOMENTS
    if vr in NUMBERS:
        number = number_of(text)
        return number is not None and not search.knows_number(number)
    if vr == "UI":
        return text in CLASSES or (bool(_NEW_UID.fullmatch(text)) and not search.knows(text))
    return text in words or (bool(_PSEUDONYM.fullmatch(text)) and not search.knows(text.strip("^")))
