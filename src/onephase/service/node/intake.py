"""Take one instance in: look at it, write it through to the disk, put it on the work list; only then say yes."""

import io
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from pydicom import Dataset, dcmread
from pydicom.uid import (
    UID,
    EnhancedMRImageStorage,
    LegacyConvertedEnhancedMRImageStorage,
    MRImageStorage,
    RTStructureSetStorage,
    SegmentationStorage,
)
from sqlalchemy.exc import SQLAlchemyError

from onephase.errors import StorageError
from onephase.readers.dicom.files import BROKEN
from onephase.readers.dicom.header_text import text_of
from onephase.reports.dicom_identity import MAKER
from onephase.service.node.store import Store, key_of
from onephase.service.worklist.worklist import Instance, Kind, Worklist

STORED, OUT_OF_RESOURCES, NOT_AS_ANNOUNCED, NOT_UNDERSTOOD = 0x0000, 0xA700, 0xA900, 0xC000  # PS3.4 table B.2-1
IMAGES = (MRImageStorage, EnhancedMRImageStorage, LegacyConvertedEnhancedMRImageStorage)
OUTLINES = (SegmentationStorage, RTStructureSetStorage)
UIDS = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")
REFERENCES = (
    ("ReferencedSeriesSequence", "ReferencedInstanceSequence"),
    (
        *("ReferencedFrameOfReferenceSequence", "RTReferencedStudySequence"),
        *("RTReferencedSeriesSequence", "ContourImageSequence"),
    ),
)
"""Where a SEG and an RT structure set name the images that were outlined."""
MOST_REFERENCES = 50_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What the sender is told.

    Attributes:
        status: Status of the C-STORE response.
        study: Key of the study; empty when the instance was not understood.
        reason: Why it was not kept, in words; empty when it was.
    """

    status: int
    study: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Intake:
    """Where instances go, whether they came by C-STORE or were fetched."""

    store: Store
    worklist: Worklist

    def take(self, content: bytes, *, sop_class: str = "", sop_instance: str = "") -> Answer:
        """Keep an instance and return what its sender is told; 0x0000 only when it would survive a power cut.

        Args:
            content: The DICOM file, with preamble and file meta information of our own making.
            sop_class: SOP Class UID that the sender announced; empty when it announced none.
            sop_instance: SOP Instance UID that the sender announced.
        """
        try:
            uids, kind, named = _look_at(content)
        except BROKEN:
            return Answer(NOT_UNDERSTOOD, reason="it is damaged")
        if not all(isinstance(uid, UID) and uid.is_valid for uid in uids):
            return Answer(NOT_UNDERSTOOD, reason="an identifier is missing or malformed")
        if (sop_class or uids[0], sop_instance or uids[1]) != (uids[0], uids[1]):
            return Answer(NOT_AS_ANNOUNCED, reason="it is not what was announced")
        if kind is None:
            return Answer(NOT_AS_ANNOUNCED, reason="it is neither an MR image nor an outline")
        _, key, series, study = map(key_of, map(str, uids))
        one = Instance(study, series, key, kind)
        try:
            self.store.keep(one, content)
            self.worklist.record(one, names=set(map(key_of, named)))
        except (StorageError, OSError, SQLAlchemyError) as fault:
            return Answer(OUT_OF_RESOURCES, study, reason=f"it could not be kept ({type(fault).__name__})")
        return Answer(STORED, study)


def _look_at(content: bytes) -> tuple[list[Any], Kind | None, set[str]]:
    """Return the four identifiers, the kind, and the instances that it names; pixels are not looked at."""
    tags = [*UIDS, *(path[0] for path in REFERENCES), "Manufacturer"]
    with warnings.catch_warnings():  # they quote values
        warnings.simplefilter("ignore")
        header = dcmread(io.BytesIO(content), stop_before_pixels=True, specific_tags=tags)
        return [header.get(keyword) for keyword in UIDS], _kind(header), set(_references(header))


def _kind(header: Dataset) -> Kind | None:
    if header.get("SOPClassUID") in IMAGES:
        return Kind.IMAGE
    if header.get("SOPClassUID") in OUTLINES:
        return Kind.OWN if text_of(header, "Manufacturer") == MAKER else Kind.OUTLINE
    return None


def _references(header: Dataset) -> Iterator[str]:
    """Yield the instances of its own study that an outline refers to, in a SEG and in an RT structure set."""
    if header.get("SOPClassUID") not in OUTLINES:
        return
    for path in REFERENCES:
        for item in islice(_items([header], path), MOST_REFERENCES):
            if uid := text_of(item, "ReferencedSOPInstanceUID"):
                yield uid


def _items(parents: Iterable[Dataset], path: Sequence[str]) -> Iterator[Dataset]:
    """Yield the items at the end of a path of nested sequences."""
    if not path:
        yield from parents
        return
    for parent in parents:
        yield from _items(parent.get(path[0]) or [], path[1:])
