"""DICOM files found in a folder and opened with care."""

import os
import struct
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import BinaryIO, NoReturn

from pydicom import Dataset, dcmread
from pydicom.config import disable_value_validation
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_file_meta_info
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from onephase.errors import DamagedError, ImageError, NotOurInputError
from onephase.readers.formats import DICOM_MARK, read_head, refuse_executable

MAX_FILES = 50_000
MAX_DEPTH = 100  # of folders below the one that is given; a study has two or three
UID_KEYWORDS = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
# What pydicom raises on damaged bytes; it has no exception of its own for most of them.
BROKEN = (
    InvalidDicomError, BytesLengthException, OSError, EOFError, ValueError, TypeError, KeyError, IndexError,
    AttributeError, NotImplementedError, OverflowError, RecursionError, AssertionError, struct.error,
)  # fmt: skip


def dicom_files(folder: Path) -> tuple[Path, ...]:
    """Return the DICOM files below a folder, sorted; other files and links to folders are passed over.

    Raises:
        ImageError: If there are none, more than ``MAX_FILES`` files, or a file or folder that cannot be read.
        NotOurInputError: If a file with a DICOM mark begins like a program.
    """
    found: list[Path] = []
    seen = 0
    for parent, names in folders_below(folder):
        seen += len(names)
        if seen > MAX_FILES:
            message = f"{folder} holds more than {MAX_FILES} files: give the folder of one study"
            raise ImageError(message)
        found.extend(path for name in names if is_dicom(path := parent / name))
    if not found:
        message = f"{folder} holds no DICOM file ({seen} other files): check the path"
        raise ImageError(message)
    return tuple(sorted(found))


def folders_below(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """Yield a folder and each folder below it, with the names of what in it is no folder; links are not followed.

    A folder that cannot be read is never passed over: without its files another phase would look like the first.

    Raises:
        ImageError: If a folder cannot be read, or lies more than ``MAX_DEPTH`` deep.
    """
    for name, _, files in os.walk(folder, followlinks=False, onerror=_refuse_unreadable):
        parent = Path(name)
        if len(parent.relative_to(folder).parts) > MAX_DEPTH:
            message = f"{folder} holds folders more than {MAX_DEPTH} deep: give the folder of one study"
            raise ImageError(message)
        yield parent, files


def _refuse_unreadable(fault: OSError) -> NoReturn:
    message = f"{fault.filename} cannot be read ({fault.strerror}), and a phase may lie there: ask for permission to it"
    raise ImageError(message)


def is_dicom(path: Path) -> bool:
    """Tell whether a file has the DICOM mark; a program that also carries the mark is refused.

    Raises:
        ImageError: If it cannot be read.
        NotOurInputError: If it begins like a program.
    """
    try:
        if not path.is_file():
            return False
    except OSError as fault:
        _refuse_unreadable(fault)
    head = read_head(path)
    if head[DICOM_MARK] != b"DICM":
        return False
    refuse_executable(path, head)
    return True


def read_dataset(
    path: Path, *, only: Sequence[str] | None = None, pixels: bool = False, stream: BinaryIO | None = None
) -> Dataset:
    """Read a DICOM file that has the DICOM mark.

    Args:
        path: The file.
        only: Keywords to read; all of them when None.
        pixels: Whether to read on to the pixels.
        stream: The file itself where it is open; it is left where the reading ended.

    Raises:
        ImageError: If it is damaged, deflated (a small file could fill the memory), or carries a
            malformed UID, which could steer names of files later on.
    """
    with damage_is_a_sentence(path):
        meta = read_file_meta_info(path)
        if meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
            message = f"{path} is stored deflated, which is not read: export it uncompressed"
            raise ImageError(message)
        tags = None if only is None else tags_of((*only, *UID_KEYWORDS))
        dataset = dcmread(stream or path, stop_before_pixels=not pixels, specific_tags=tags)
        refuse_malformed_uids(path, dataset, UID_KEYWORDS)
        if only is not None:
            for _ in dataset:  # pydicom converts a value when it is looked at, and says only then that it is damaged
                pass
    return dataset


def refuse_malformed_uids(path: Path, dataset: Dataset, keywords: Sequence[str]) -> None:
    """Refuse a data set with a UID that could be anything else, such as the way to another folder."""
    for keyword in keywords:
        uid = dataset.get(keyword)
        if uid and not (isinstance(uid, UID) and uid.is_valid):
            message = f"{path} carries a malformed {keyword}: export it again"
            raise NotOurInputError(message)


@cache
def tags_of(keywords: tuple[str, ...]) -> list[BaseTag]:
    """Return keywords as tags: pydicom would look them up anew for every file, which takes as long as to read it."""
    return [Tag(keyword) for keyword in keywords]


@contextmanager
def damage_is_a_sentence(path: Path) -> Iterator[None]:
    """Keep pydicom's warnings quiet, and turn what it raises on damaged bytes into one sentence."""
    try:
        with disable_value_validation(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except BROKEN:
        message = f"{path} is a damaged or truncated DICOM file: copy or export it again"
        raise DamagedError(message) from None
