"""What in the headers of an image or mask may tell whose it is: to be looked for in a copy, never to be shown."""

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from pydicom import DataElement, Dataset
from pydicom.multival import MultiValue

from onephase.readers.archive import names_in, unpacked
from onephase.readers.dicom.files import damage_is_a_sentence, dicom_files, read_dataset
from onephase.readers.formats import Format, faults_told, probe
from onephase.readers.nifti_pixels import HEADER_BYTES, header_of, nifti_stream, voxel_offset
from onephase.readers.volume_file import open_volume_file

KINDS = {
    "PatientID": "a patient's number",
    "OtherPatientIDs": "a patient's number",
    "AccessionNumber": "an accession number",
    "InstitutionName": "an institution",
}
TEXT_VRS = {"LO", "SH", "LT", "ST", "UT", "UC", "AE"}
STANDARD_UIDS = "1.2.840.10008."  # classes and transfer syntaxes: the same in every file
DATE_LENGTH = 8
LONGEST = 64  # of a long text its beginning is enough to know it by
FILE_NAME = "the name of a file or folder"
HEADER_TEXT = "text of a header"
_PRINTABLE = re.compile(rb"[\x20-\x7e]{4,}")
_NIFTI_TEXTS = (slice(4, 32), slice(148, 252), slice(328, 344))  # data_type, db_name; descrip, aux_file; intent_name
_EXTENSION_BYTES = 1 << 20


class Identifier(NamedTuple):
    """A text by which somebody may be known, and what kind of thing it is, in words for a message."""

    text: str
    kind: str


def header_identifiers(source: Path) -> Iterator[Identifier]:
    """Yield what the headers of a source say of whom, where and when; also the names of files within a folder or ZIP.

    Of DICOM that is every name of a person, every UID, date and line of text, in sequences and private attributes too.

    Args:
        source: An image or mask as the readers take it.

    Raises:
        ImageError: If it cannot be read.
    """
    kind = probe(source)
    if kind is Format.ZIP:
        with unpacked(source) as folder:
            yield from _of_dicom_files(dicom_files(folder))
        yield from _named(part for name in names_in(source) for part in PurePosixPath(name).parts)
    elif kind is Format.FOLDER:
        yield from _of_dicom_files(dicom_files(source))
        yield from _named(path.name for path in source.rglob("*"))
    elif kind is Format.DICOM:
        yield from _of_dicom_files((source,))
    elif kind is Format.NIFTI:
        yield from _of_nifti(source)
    else:
        yield from (Identifier(text, HEADER_TEXT) for text in open_volume_file(source, kind).texts.values())


def name_identifiers(name: str) -> Iterator[Identifier]:
    """Yield the name of a file or folder, whole and without its suffixes."""
    yield Identifier(name, FILE_NAME)
    yield Identifier(name.partition(".")[0], FILE_NAME)


def _named(names: Iterator[str]) -> Iterator[Identifier]:
    for name in names:
        yield from name_identifiers(name)


def _of_nifti(path: Path) -> Iterator[Identifier]:
    """Yield the texts of a NIfTI-1 header and of the extensions between it and the voxels."""
    with faults_told(path), nifti_stream(path) as stream:
        header = header_of(path, stream)
        extensions = stream.read(min(voxel_offset(path, header) - HEADER_BYTES, _EXTENSION_BYTES))
    for part in (*(header[place] for place in _NIFTI_TEXTS), extensions):
        yield from (Identifier(found[0].decode().strip()[:LONGEST], HEADER_TEXT) for found in _PRINTABLE.finditer(part))


def _of_dicom_files(paths: tuple[Path, ...]) -> Iterator[Identifier]:
    seen: set[Identifier] = set()  # slices of a series repeat most of it
    for path in paths:
        dataset = read_dataset(path)
        with damage_is_a_sentence(path):
            found = {one for element in _elements(dataset) for one in _of_element(element)}
        yield from found - seen
        seen |= found


def _elements(dataset: Dataset) -> Iterator[DataElement]:
    return chain(getattr(dataset, "file_meta", Dataset()), dataset.iterall())


def _of_element(element: DataElement) -> Iterator[Identifier]:
    values = element.value if isinstance(element.value, MultiValue) else [element.value]
    for value in values:
        if element.VR == "PN":
            yield Identifier(str(value), "the name of a person")
            yield from (Identifier(part, "the name of a person") for part in re.split(r"[\^=\s]+", str(value)))
        elif element.VR == "UI" and not str(value).startswith(STANDARD_UIDS):
            yield Identifier(str(value), "a UID")
        elif element.VR in {"DA", "DT"}:
            yield Identifier(str(value)[:DATE_LENGTH], "a date")
        elif element.VR in TEXT_VRS:
            yield Identifier(str(value).strip()[:LONGEST], KINDS.get(element.keyword, HEADER_TEXT))
        elif element.VR == "UN" and isinstance(value, bytes):
            texts = (found[0].decode().strip() for found in _PRINTABLE.finditer(value))
            yield from (Identifier(text[:LONGEST], HEADER_TEXT) for text in texts)
