"""What is found on trust must be what is found with care: the same slices, byte by byte, or no answer at all."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from onephase.errors import ImageError, NotOurInputError
from onephase.readers.dicom import series as dicom_series
from onephase.readers.dicom.raw_header import LONGEST_VALUE, raw_header
from onephase.readers.dicom.series import HEADER_KEYWORDS, slices_in
from onephase.readers.dicom.slice import DicomSlice


def each_its_own(dataset: Dataset, phase: int, place: int) -> None:
    """Let everything differ from slice to slice that may."""
    dataset.AcquisitionDate, dataset.AcquisitionTime = "20200102", f"0900{place:02d}.5"
    dataset.ContentDate, dataset.ContentTime = "20200103", f"1000{place:02d}"
    dataset.RescaleSlope, dataset.RescaleIntercept = 1.5 + place, -10.0 * place
    if place > 1:
        dataset.AcquisitionDateTime = f"202001020800{place:02d}"


def told(one: DicomSlice) -> dict[str, object]:
    """Return all of a slice but where its pixels stand, which reading with care does not look for."""
    values = {field.name: getattr(one, field.name) for field in fields(one) if field.name != "pixels"}
    return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in values.items()}


def with_care(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> tuple[DicomSlice, ...]:
    with monkeypatch.context() as patch:
        patch.setattr(dicom_series, "raw_header", lambda path, *, only: None)
        return slices_in(files, where=Path("here"))


def count_careful(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Return a list that names the files whose slice header is read with care from now on."""
    careful, read = [], dicom_series.read_dataset

    def counted(path: Path, *, only: tuple[str, ...]) -> Dataset:
        if only == HEADER_KEYWORDS:
            careful.append(path)
        return read(path, only=only)

    monkeypatch.setattr(dicom_series, "read_dataset", counted)
    return careful


@pytest.mark.parametrize(
    ("syntax", "careful_files"),
    [(ExplicitVRLittleEndian, 1), (ImplicitVRLittleEndian, 1), (RLELossless, 1), (ExplicitVRBigEndian, 4)],
)
def test_slices_on_trust_are_the_slices_with_care(
    tmp_path: Path, series_writer, monkeypatch, syntax: UID, careful_files: int
):
    def stored_as(dataset: Dataset, phase: int, place: int) -> None:
        each_its_own(dataset, phase, place)
        if syntax == RLELossless:
            dataset.compress(syntax, generate_instance_uid=False)
        dataset.file_meta.TransferSyntaxUID = syntax

    files = series_writer(tmp_path, change=stored_as).files[0]
    expected = with_care(files, monkeypatch)
    careful = count_careful(monkeypatch)
    found = slices_in(files, where=tmp_path)
    assert [told(one) for one in found] == [told(one) for one in expected]
    assert len({one.start_s for one in found}) == 4
    assert len(careful) == careful_files


def test_the_slices_of_the_ucsf_series_are_those_read_with_care(shared_data: Path, monkeypatch):
    files = sorted((shared_data / "ucsf-br-06" / "dce").glob("*.dcm"))[::9]
    expected = with_care(files, monkeypatch)
    careful = count_careful(monkeypatch)
    found = slices_in(files, where=shared_data)
    assert [told(one) for one in found] == [told(one) for one in expected]
    assert len(careful) < len(files) / 4


@pytest.mark.parametrize(
    "keyword", ["ImageOrientationPatient", "PixelSpacing", "EchoTime", "ImageType", "Rows", "PatientID", "BitsStored"]
)
def test_a_file_that_differs_in_what_is_shared_is_read_with_care(
    tmp_path: Path, series_writer, monkeypatch, keyword: str
):
    others = {
        "ImageOrientationPatient": [0, 1, 0, 0, 0, -1], "PixelSpacing": [0.7, 0.8], "EchoTime": 3.0,
        "ImageType": ["ORIGINAL", "PRIMARY", "P"], "Rows": 7, "PatientID": "CAN-4712", "BitsStored": 12,
    }  # fmt: skip

    def odd(dataset: Dataset, phase: int, place: int) -> None:
        if place == 2:
            setattr(dataset, keyword, others[keyword])

    files = series_writer(tmp_path, change=odd).files[0]
    expected = with_care(files, monkeypatch)
    careful = count_careful(monkeypatch)
    assert [told(one) for one in slices_in(files, where=tmp_path)] == [told(one) for one in expected]
    assert careful == [files[0], files[2]]


def test_a_syntax_that_lies_about_its_vr_is_left_to_pydicom(tmp_path: Path, series_writer, monkeypatch):
    files = series_writer(tmp_path).files[0]
    explicit = [path.read_bytes() for path in files]
    for path, content in zip(files, explicit, strict=True):
        path.write_bytes(content.replace(b"1.2.840.10008.1.2.1\x00", b"1.2.840.10008.1.2\x00\x00\x00"))
    expected = with_care(files, monkeypatch)
    assert [told(one) for one in slices_in(files, where=tmp_path)] == [told(one) for one in expected]


def test_a_malformed_uid_is_refused_in_any_slice(tmp_path: Path, series_writer):
    files = series_writer(tmp_path).files[0]
    uid = dcmread(files[2]).SOPInstanceUID
    files[2].write_bytes(files[2].read_bytes().replace(uid.encode(), b"/" * len(uid)))
    with pytest.raises(NotOurInputError, match=f"{files[2].name} carries a malformed SOPInstanceUID"):
        slices_in(files, where=tmp_path)


def test_a_slice_that_alone_has_no_position_is_refused(tmp_path: Path, series_writer):
    def lost(dataset: Dataset, phase: int, place: int) -> None:
        if place == 2:
            del dataset.ImagePositionPatient

    files = series_writer(tmp_path, change=lost).files[0]
    with pytest.raises(ImageError, match=f"{files[2].name} has no ImagePositionPatient"):
        slices_in(files, where=tmp_path)


def test_no_answer_where_it_takes_more_care(tmp_path: Path, series_writer):
    path = series_writer(tmp_path, ImageComments="g" * (LONGEST_VALUE + 2)).files[0][0]
    assert raw_header(path, only=("PixelSpacing", "ImageComments")) is None  # long values are not kept for every file
    assert raw_header(path, only=("PixelSpacing",)) is not None
    path.write_bytes(path.read_bytes()[:150])
    assert raw_header(path, only=("PixelSpacing",)) is None
