"""What is planted into a DICOM copy is found, wherever it stands; an honest file has nothing."""

import struct
from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from pydicom import Dataset, dcmwrite
from pydicom.uid import ImplicitVRLittleEndian
from tests.readers.conftest import slice_dataset

from onephase.cohort.export.dicom_elements import elements
from onephase.cohort.export.dicom_search import found_in_dicom
from onephase.cohort.export.dicom_series import own_dicom_words
from onephase.cohort.export.identifier_search import IdentifierSearch
from onephase.writers.dicom_copy import Disguise, shareable, write_shareable

PERSON, ID, UID = "the name of a person", "a patient's id", "a UID"
NUMBER, ATTRIBUTE = "a number that the source is known by", "an attribute that no copy has"
KNOWN = [
    ("Zoëlle", PERSON),
    ("4711815", ID),
    ("2020-01-31", "a date"),
    ("70", ID),
    ("0.700000", "text of a header"),
    ("2.25.47110000000000000000000000000000001", UID),
    ("Cañary", "a site"),
]
DISGUISE = Disguise("patient-bcdfghjklmnp", bytes(range(32)))


@pytest.fixture
def honest(tmp_path) -> Dataset:
    """A copied slice as it is written, in memory."""
    header = slice_dataset(SeriesInstanceUID="1.2.3", SOPInstanceUID="1.2.4", Rows=5, Columns=6)
    return shareable(header, np.arange(30, dtype=np.int16).reshape(1, 5, 6), frames=(), disguise=DISGUISE)


def kinds(content: bytes) -> list[str]:
    return [*found_in_dicom(content, IdentifierSearch(KNOWN, own_words=()), words=own_dicom_words())]


def written(copy: Dataset, tmp_path) -> bytes:
    write_shareable(tmp_path / "a.dcm", copy)
    return (tmp_path / "a.dcm").read_bytes()


def test_an_honest_file_has_nothing_and_is_walked_to_its_end(honest, tmp_path) -> None:
    content = written(honest, tmp_path)
    assert not kinds(content)
    walked = [(one.group, one.number) for one in elements(content) if one.group > 2]
    assert walked == [(tag.group, tag.elem) for tag in (element.tag for element in honest.iterall())]


def with_person(name: str, character_set: str) -> Callable[[Dataset], None]:
    def plant(copy: Dataset) -> None:
        copy.SpecificCharacterSet, copy.OperatorsName = character_set, name

    return plant


@pytest.mark.parametrize(
    ("kind", "plant"),
    [
        (PERSON, with_person("Zoëlle^X", "ISO_IR 192")),
        (PERSON, with_person("ZOËLLE^X", "ISO_IR 100")),
        ("a site", lambda copy: setattr(copy, "ScanOptions", ["FS", "the cañary"])),
        ("a text that no copy has", lambda copy: setattr(copy, "SeriesDescription", "anything")),
        ("a text that no copy has", lambda copy: setattr(copy.DeidentificationMethodCodeSequence[0], "CodeValue", "x")),
        ("the name of a person", lambda copy: setattr(copy, "PatientName", "Somebody")),
        ("a private attribute", lambda copy: copy.private_block(0x29, "ONEPHASE", create=True).add_new(1, "US", 1)),
        ("a curve or an overlay", lambda copy: copy.add_new(0x60020010, "US", 5)),
        ("a date or a time", lambda copy: setattr(copy, "AcquisitionTime", "101112")),
        ("a date or a time", lambda copy: setattr(copy, "PatientBirthDate", "19610203")),
        ("a UID that is not new", lambda copy: setattr(copy, "DeviceUID", "1.2.840.10008.47.11")),
        (UID, lambda copy: setattr(copy, "DeviceUID", "2.25.47110000000000000000000000000000001")),
        (ID, lambda copy: setattr(copy, "InstanceNumber", "4711815")),
        (ID, lambda copy: setattr(copy, "SliceLocation", "+04711815.0")),
        (NUMBER, lambda copy: setattr(copy, "SliceLocation", "4.711815E6")),
        (NUMBER, lambda copy: setattr(copy, "RepetitionTime", "-471181.50e1")),
        (NUMBER, lambda copy: setattr(copy, "ImagingFrequency", "047118.15e+02")),
        ("a date", lambda copy: setattr(copy, "SliceLocation", "3.1012020E7")),
        (NUMBER, lambda copy: setattr(copy, "AcquisitionDuration", 4711815.0)),
        (NUMBER, lambda copy: setattr(copy, "InStackPositionNumber", 4711815)),
        (ATTRIBUTE, lambda copy: setattr(copy, "PatientWeight", "70")),
        (ATTRIBUTE, lambda copy: setattr(copy, "AcquisitionDate", "")),
        (ATTRIBUTE, lambda copy: setattr(copy, "ReferencedStudySequence", [])),
        (ATTRIBUTE, lambda copy: setattr(copy.DeidentificationMethodCodeSequence[0], "CodingSchemeVersion", "")),
        (ID, lambda copy: setattr(copy, "PixelData", b"\0" * 9 + b"4711815" + b"\0" * 44)),
        ("a text that no copy has", lambda copy: setattr(copy, "PatientID", "patient-bcdfghjklmna")),
    ],
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR", "ignore:The value length")
def test_what_is_planted_is_found(honest, tmp_path, kind: str, plant: Callable[[Dataset], None]) -> None:
    plant(honest)
    assert kind in kinds(written(honest, tmp_path))


def test_numbers_that_any_header_has_are_no_finding(honest, tmp_path) -> None:
    honest.SliceLocation, honest.RepetitionTime, honest.AcquisitionDuration = "7e-1", "7E1", 0.7
    assert honest.PixelSpacing[0] == 0.7
    assert not kinds(written(honest, tmp_path))


def test_a_file_of_another_form_is_a_finding(honest, tmp_path) -> None:
    content = written(honest, tmp_path)
    other = BytesIO()
    honest.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    dcmwrite(other, honest, implicit_vr=True, little_endian=True, enforce_file_format=True)
    for broken in (b"x" + content[1:], content[:-3], content + b"canary", content[:132] + b"\0" * 8, other.getvalue()):
        assert "bytes that are no DICOM as a copy is written" in kinds(broken)
    endless = content.replace(
        struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OW", 0, 60), b"\xe0\x7f\x10\0OW\0\0\xff\xff\xff\xff"
    )
    assert endless != content
    assert "bytes that are no DICOM as a copy is written" in kinds(endless)
