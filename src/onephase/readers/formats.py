"""What a path is, told by its content and never by its name."""

import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path

from onephase.errors import ImageError, NotOurInputError
from onephase.storage import is_there

HEAD_BYTES = 2048
DICOM_MARK = slice(128, 132)
NIFTI_MARK = slice(344, 348)
EXECUTABLE_STARTS = {
    b"MZ": "a Windows program",
    b"\x7fELF": "a Linux program",
    b"\xfe\xed\xfa\xce": "a macOS program",
    b"\xfe\xed\xfa\xcf": "a macOS program",
    b"\xce\xfa\xed\xfe": "a macOS program",
    b"\xcf\xfa\xed\xfe": "a macOS program",
    b"\xca\xfe\xba\xbe": "a macOS program",
}
KNOWN = "give NIfTI, NRRD, MetaImage, a DICOM file, or a folder or ZIP of DICOM"


class Format(Enum):
    """The kinds of input that are read."""

    NIFTI = "NIfTI"
    NRRD = "NRRD"
    META = "MetaImage"
    DICOM = "DICOM file"
    FOLDER = "folder"
    ZIP = "ZIP"


def probe(path: Path) -> Format:
    """Tell what ``path`` is.

    Raises:
        ImageError: If it is missing, empty, cut short, or of no known format.
        NotOurInputError: If it begins like a program.
    """
    there = is_there(path)
    if there and path.is_dir():
        return Format.FOLDER
    if not (there and path.is_file()):
        message = f"{path} does not exist: check the path"
        raise ImageError(message)
    head = read_head(path)
    if not head:
        message = f"{path} is empty: copy it again"
        raise ImageError(message)
    refuse_executable(path, head)
    if head[DICOM_MARK] == b"DICM":
        return Format.DICOM
    if head[:4] in {b"PK\x03\x04", b"PK\x05\x06"}:
        return Format.ZIP
    if head[:2] == b"\x1f\x8b":
        return _inside_gzip(path, head)
    return _plain_volume(path, head)


def read_head(path: Path) -> bytes:
    """Return the first bytes of a file, or say in one sentence why it cannot be opened."""
    with faults_told(path), path.open("rb") as stream:
        return stream.read(HEAD_BYTES)


@contextmanager
def faults_told(path: Path) -> Iterator[None]:
    """Say in one sentence why the system does not give a file, which may also go away while it is read.

    Raises:
        ImageError: If it may not be read, is gone, or its disk or network fails.
    """
    try:
        yield
    except PermissionError:
        message = f"{path} may not be read: ask for permission to it"
        raise ImageError(message) from None
    except OSError as fault:
        message = f"{path} cannot be read ({fault.strerror or fault}): copy it again"
        raise ImageError(message) from None


def refuse_executable(path: Path, head: bytes) -> None:
    """Refuse a file that begins like a program, also where a DICOM mark follows (CVE-2019-11687)."""
    for start, kind in EXECUTABLE_STARTS.items():
        if head.startswith(start):
            message = f"{path} begins like {kind}, which no image should: do not run it, and export it again"
            raise NotOurInputError(message)


def _inside_gzip(path: Path, head: bytes) -> Format:
    try:
        head = zlib.decompressobj(wbits=31).decompress(head, HEAD_BYTES)
    except zlib.error:
        message = f"{path} is a broken gzip file: copy it again"
        raise ImageError(message) from None
    if len(head) < NIFTI_MARK.stop:
        message = f"{path} is a gzip file that is cut short, or holds no image: copy it again"
        raise ImageError(message)
    if _nifti(path, head):
        return Format.NIFTI
    message = f"{path} is a gzip file, but there is no NIfTI image in it: {KNOWN}"
    raise ImageError(message)


def _plain_volume(path: Path, head: bytes) -> Format:
    if head.startswith(b"NRRD000"):
        return Format.NRRD
    if re.search(rb"(?m)^(ObjectType|NDims)\s*=", head):
        return Format.META
    if _nifti(path, head):
        return Format.NIFTI
    kind = "text" if _is_text(head) else "of no format that is known here"
    message = f"{path} is no image but {kind}: {KNOWN}"
    raise ImageError(message)


def _nifti(path: Path, head: bytes) -> bool:
    mark = head[NIFTI_MARK]
    if mark == b"ni1\x00":
        message = f"{path} is one half of a NIfTI pair (.hdr and .img): write it as a single .nii.gz file"
        raise ImageError(message)
    if head[4:7] in {b"n+2", b"ni2"}:
        message = f"{path} is NIfTI-2, which is not read: write it as NIfTI-1"
        raise ImageError(message)
    return mark == b"n+1\x00"


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8", errors="strict")
    except UnicodeDecodeError as fault:
        return fault.start >= HEAD_BYTES - 3  # only a character cut in two by the end of the head
    return all(letter.isprintable() or letter.isspace() for letter in text)
