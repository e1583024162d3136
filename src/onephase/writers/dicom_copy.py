"""A DICOM image as it can be shared: by the allow-list of :mod:`onephase.writers.dicom_profile`, in a new file."""

import hashlib
import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from pydicom import DataElement, Dataset
from pydicom.config import disable_value_validation
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import FileMetaDataset
from pydicom.multival import MultiValue
from pydicom.uid import UID, ExplicitVRLittleEndian

from onephase.arrays import Integer
from onephase.storage import file_aside
from onephase.writers.dicom_profile import (
    DUMMIES,
    EMPTIED,
    IDENTITY,
    KEPT,
    METHOD,
    OTHER,
    OTHERWISE,
    PROFILE,
    REGIONS,
    REMOVED,
    STACK,
    TERMS,
    VERSION_NAME,
)

BINARY_NUMBERS = {"US", "SS", "UL", "SL", "FL", "FD"}
WRITTEN_NUMBERS = {"DS", "IS"}
TEXTS, MOMENTS = {"AE", "CS", "LO", "LT", "SH", "ST", "UC", "UT"}, {"DA", "DT", "TM"}
KINDS = (BINARY_NUMBERS, WRITTEN_NUMBERS, TEXTS, MOMENTS, {"UI"}, {"SQ"})
"""Value representations that scanners take for each other; the rules for numbers are not those for texts."""
IMPLEMENTATION_UID = UID("2.25.252467351914416284150929117733817925561")  # onephase, whichever version
_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,3})?")
_CODE = ("CodingSchemeDesignator", "CodeValue", "CodeMeaning")


@dataclass(frozen=True, slots=True)
class Disguise:
    """Under what name a patient's files stand in a copy.

    Attributes:
        patient: Her pseudonym.
        key: The key by which UIDs are replaced: the same UID becomes the same in every file of every copy.
    """

    patient: str
    key: bytes = field(repr=False)

    def uid(self, text: str) -> UID:
        """Return the UID that stands for another, or for anything else that has a name (PS3.5 B.2)."""
        digest = hmac.new(self.key, f"uid\0{text}".encode(), hashlib.sha256).digest()
        return UID(f"2.25.{UUID(bytes=digest[:16], version=4).int}")


def shareable(
    header: Dataset,
    stored: Integer[np.ndarray, "frame row column"],
    *,
    frames: tuple[int, ...],
    disguise: Disguise,
) -> Dataset:
    """Return the copy of an image that can be shared: numbers, words of the standard, new UIDs, and its pixels.

    Args:
        header: The header of a classic or enhanced MR image; it is not changed.
        stored: Its pixels as they are stored.
        frames: Which frames of a larger enhanced file they are; empty for a whole file. Another choice of frames is
            another object, so it has another UID.
        disguise: Whose it shall be.

    Raises:
        ValueError: If an attribute is of another kind than the standard has it, such as a name written as a number.
    """
    copy = _kept(header, disguise)
    if frames:
        copy.SOPInstanceUID = disguise.uid(f"{header.SOPInstanceUID} {frames}")
        _stack(copy, disguise)
    copy.PatientName, copy.PatientID = f"{disguise.patient}^", disguise.patient  # ^: a family name and no more
    for keyword in IDENTITY:
        setattr(copy, keyword, "")
    say_disguised(copy)
    copy.BitsAllocated = 8 * stored.itemsize
    copy.PixelRepresentation = int(stored.dtype.kind == "i")
    copy.PixelData = (
        stored.astype(stored.dtype.newbyteorder("<")).tobytes().ljust(stored.nbytes + stored.nbytes % 2, b"\0")
    )
    copy["PixelData"].VR = "OB" if stored.itemsize == 1 else "OW"
    return copy


def write_shareable(path: Path, copy: Dataset) -> None:
    """Write a data set as a new file, preamble empty, uncompressed, whole or not at all.

    Raises:
        StorageError: If it cannot be written.
    """
    copy.file_meta = FileMetaDataset()
    copy.file_meta.MediaStorageSOPClassUID = copy.SOPClassUID
    copy.file_meta.MediaStorageSOPInstanceUID = copy.SOPInstanceUID
    copy.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    copy.file_meta.ImplementationClassUID = IMPLEMENTATION_UID
    copy.file_meta.ImplementationVersionName = VERSION_NAME
    copy.preamble = bytes(128)
    with file_aside(path) as aside, disable_value_validation():
        copy.save_as(aside, enforce_file_format=True)


def say_disguised(copy: Dataset) -> None:
    """Say in an object what was done to it (PS3.15 E.1.1)."""
    copy.PatientIdentityRemoved = "YES"
    copy.DeidentificationMethod = METHOD
    profile = Dataset()
    profile.CodeValue, profile.CodingSchemeDesignator, profile.CodeMeaning = PROFILE
    copy.DeidentificationMethodCodeSequence = [profile]
    copy.LongitudinalTemporalInformationModified = REMOVED


def _stack(copy: Dataset, disguise: Disguise) -> None:
    """Number the frames of one phase as one stack: the source's dimensions may be private, or be of all phases."""
    organization, index = Dataset(), Dataset()
    organization.DimensionOrganizationUID = disguise.uid(f"stack of {copy.SOPInstanceUID}")
    index.DimensionOrganizationUID = organization.DimensionOrganizationUID
    index.DimensionIndexPointer = tag_for_keyword("InStackPositionNumber")
    index.FunctionalGroupPointer = tag_for_keyword("FrameContentSequence")
    copy.DimensionOrganizationSequence, copy.DimensionIndexSequence = [organization], [index]
    for number, groups in enumerate(copy.PerFrameFunctionalGroupsSequence, start=1):
        for content in groups.get("FrameContentSequence") or []:
            content.StackID, content.InStackPositionNumber, content.DimensionIndexValues = STACK, number, number


def _kept(dataset: Dataset, disguise: Disguise) -> Dataset:
    """Return what stays of a data set or of an item of a sequence; private attributes have no keyword."""
    copy = Dataset()
    with disable_value_validation():
        for element in dataset:
            if element.keyword in KEPT:
                _refuse_other_kind(element)
                copy.add_new(element.tag, element.VR, _kept_value(element, disguise))
    return copy


def _refuse_other_kind(element: DataElement) -> None:
    meant = set(dictionary_VR(element.tag).split(" or "))
    if not any(element.VR in kind and meant & kind for kind in KINDS):
        message = f"{element.keyword} is written as {element.VR}, expected {' or '.join(sorted(meant))}"
        raise ValueError(message)


def _kept_value(element: DataElement, disguise: Disguise) -> Any:
    """Return the value that stays; empty where none may."""
    if element.is_empty or element.keyword in EMPTIED:
        return element.empty_value
    if element.keyword in DUMMIES:
        return DUMMIES[element.keyword]
    if element.VR == "SQ":
        known = element.keyword == "AnatomicRegionSequence"
        return [*_regions(element.value)] if known else [_kept(item, disguise) for item in element.value]
    if element.VR == "UI":
        standard = element.value.name != element.value  # it has a name of its own in PS3.6
        return element.value if standard else disguise.uid(element.value)
    return element.value if element.VR in BINARY_NUMBERS else _kept_texts(element)


def _kept_texts(element: DataElement) -> list[str]:
    """Return numbers as they are written, and of words those of the standard."""
    values = [str(getattr(value, "original_string", value)).strip() for value in _values(element)]
    if element.VR in WRITTEN_NUMBERS:
        return values if all(map(_NUMBER.fullmatch, values)) else []
    if element.keyword in OTHERWISE:
        return [value if value in TERMS else OTHER for value in values]
    return [value for value in values if value in TERMS]


def _values(element: DataElement) -> list[Any]:
    return [*element.value] if isinstance(element.value, MultiValue) else [element.value]


def _regions(items: Any) -> Iterator[Dataset]:
    """Yield the codes of regions of the body that are known, in the standard's words and not in the source's."""
    for item in items:
        scheme, value = (str(item.get(keyword, "")) for keyword in _CODE[:2])
        if (scheme, value) in REGIONS:
            code = Dataset()
            code.CodingSchemeDesignator, code.CodeValue, code.CodeMeaning = scheme, value, REGIONS[scheme, value]
            yield code
