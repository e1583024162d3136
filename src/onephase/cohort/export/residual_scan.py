"""Whether anything of the source is left in a copy: every byte of every file, as it lies on the disk, is searched.

Nothing here is shared with what wrote the files: no writer, no reader, no name of theirs. What is looked for where:
:mod:`onephase.cohort.export.identifier_search`. Where no text belongs (the fields of a NIfTI header, the name and
time of gzip), any text is a finding, and so is in DICOM any text that is not one of the copy's own
(:mod:`onephase.cohort.export.dicom_search`).
"""

import csv
import gzip
import hashlib
import io
import struct
import zlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from onephase.cohort.export.dicom_search import found_in_dicom
from onephase.cohort.export.identifier_search import IdentifierSearch
from onephase.progress import Progress, silent

SEARCHING = "searching the copy for what must not be in it"
TEXTS, VOLUMES, DICOM = {".csv", ".json"}, ".nii.gz", ".dcm"
NAME_COLUMNS = ("case_id", "patient_id", "lesion_id", "site", "image", "mask")
CHUNK_BYTES = 1 << 20
HEADER = struct.Struct("<i104xf232x4s4x")  # nifti1.h: size of the header, where voxels begin, magic; extension flag
EMPTY_FIELDS = (slice(4, 32), slice(148, 252), slice(328, 344), slice(348, 352))
BARE_GZIP = b"\x1f\x8b\x08\x00\x00\x00\x00\x00"  # no name, no comment, no time


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be there.

    Attributes:
        file: Where, by its place in the copy; by its number where its name itself may tell.
        kind: What kind of thing it is; never the thing itself.
    """

    file: str
    kind: str


def residual_scan(
    folder: Path,
    identifiers: Iterable[tuple[str, str]],
    *,
    own_words: Collection[str],
    dicom_words: Collection[str] = (),
    progress: Progress = silent,
) -> Iterator[Finding]:
    """Yield whatever of the source, or else out of place, is found in a copy.

    Args:
        folder: The copy.
        identifiers: Texts by which the source is known, each with its kind in words.
        own_words: Words and sentences that stand in the copy's text by right.
        dicom_words: Texts that stand in its DICOM files by right, each as a whole value.
        progress: Told of the files searched.
    """
    search = IdentifierSearch(identifiers, own_words=own_words)
    paths = sorted(folder.rglob("*"))
    search.checksums = {_sha256(path) for path in paths if path.is_file()}
    progress(SEARCHING, 0, len(paths))
    for number, path in enumerate(paths, start=1):
        place = path.relative_to(folder).as_posix()
        in_name = {*search.in_text(place.encode()), *search.in_names([place.removesuffix(VOLUMES)])}
        where = f"file {number} of {len(paths)}" if in_name else place
        yield from (Finding(where, f"{kind}, in its name") for kind in sorted(in_name))
        yield from (Finding(where, kind) for kind in sorted({*_in_file(path, search, dicom_words)}))
        progress(SEARCHING, number, len(paths))


def _in_file(path: Path, search: IdentifierSearch, dicom_words: Collection[str]) -> Iterator[str]:
    if path.is_symlink():
        yield "a link"
    elif path.name.endswith(VOLUMES):
        yield from _in_volume(path, search)
    elif path.suffix == DICOM:
        yield from found_in_dicom(path.read_bytes(), search, words=dicom_words)
    elif path.suffix in TEXTS:
        content = path.read_bytes()
        yield from search.in_text(content)
        if path.suffix == ".csv":
            yield from search.in_names(_names_in(content))
    elif not path.is_dir():
        yield "a file that does not belong there"


def _names_in(content: bytes) -> Iterator[str]:
    """Yield the cells of a table in which names stand."""
    for row in csv.DictReader(io.StringIO(content.decode("utf-8", "replace"), newline="")):
        yield from (row[column] for column in NAME_COLUMNS if row.get(column))


def _in_volume(path: Path, search: IdentifierSearch) -> Iterator[str]:
    with path.open("rb") as raw:
        if raw.read(len(BARE_GZIP)) != BARE_GZIP:
            yield "a name, a comment or a time of gzip"
    try:
        with gzip.open(path, "rb") as stream:
            content = stream.read(HEADER.size)
            if len(content) < HEADER.size or HEADER.unpack(content) != (348, 352.0, b"n+1\0"):
                yield "a header of another form"
            if any(any(content[place]) for place in EMPTY_FIELDS):
                yield "text in a header, where there should be none"
                yield from search.in_text(content)
            while chunk := stream.read(CHUNK_BYTES):
                content += chunk
                yield from search.in_voxels(content)
                content = content[-search.reach :]
    except (OSError, EOFError, zlib.error):
        yield "bytes that cannot be read back"


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
