import warnings
from pathlib import Path

import pytest
from pydicom import DataElement, Dataset, dcmread
from pydicom.config import IGNORE
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
    generate_uid,
)
from tests.readers.conftest import close_folder, deep_folders

from onephase.errors import ImageError, NotOurInputError
from onephase.readers.case import open_scan
from onephase.readers.dicom import files as dicom_files
from onephase.readers.dicom.files import read_dataset


def test_only_dicom_files_are_found_in_subfolders_too(tmp_path: Path, series_writer):
    made = series_writer(tmp_path / "a" / "b")
    (tmp_path / "LICENSE").write_text("text")
    (tmp_path / "a" / "link.dcm").symlink_to(tmp_path / "nowhere")
    assert set(dicom_files.dicom_files(tmp_path)) == set(made.files[0])


def test_a_folder_without_dicom_and_one_with_too_many_files_are_refused(tmp_path: Path, monkeypatch):
    (tmp_path / "note.txt").write_text("text")
    with pytest.raises(ImageError, match=r"holds no DICOM file \(1 other files\)"):
        dicom_files.dicom_files(tmp_path)
    monkeypatch.setattr(dicom_files, "MAX_FILES", 0)
    with pytest.raises(ImageError, match="holds more than 0 files"):
        dicom_files.dicom_files(tmp_path)


def test_a_folder_that_cannot_be_read_is_refused_as_a_phase_may_lie_in_it(tmp_path: Path, series_writer, monkeypatch):
    series_writer(tmp_path / "post 1")
    series_writer(tmp_path / "post 2", number=4)
    close_folder(tmp_path / "post 1", monkeypatch)
    with pytest.raises(ImageError, match=r"post 1 cannot be read \(Permission denied\), and a phase may lie there"):
        dicom_files.dicom_files(tmp_path)


def test_a_file_behind_a_closed_folder_is_refused(tmp_path: Path, series_writer, monkeypatch):
    made = series_writer(tmp_path)
    is_file = Path.is_file

    def refusing(path: Path) -> bool:
        if path == made.files[0][1]:
            raise PermissionError(13, "Permission denied", str(path))
        return is_file(path)

    monkeypatch.setattr(Path, "is_file", refusing)
    with pytest.raises(ImageError, match=rf"{made.files[0][1].name} cannot be read \(Permission denied\)"):
        dicom_files.dicom_files(tmp_path)


def test_a_file_that_breaks_off_while_it_is_read_is_one_sentence(tmp_path: Path, series_writer, monkeypatch):
    series_writer(tmp_path)

    def failing(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "open", failing)
    with pytest.raises(ImageError, match=r"\.dcm cannot be read \(Input/output error\): copy it again"):
        dicom_files.dicom_files(tmp_path)


@pytest.mark.parametrize("depth", [101, 1300])
def test_a_study_that_is_deeper_than_any_is_refused(tmp_path: Path, depth: int):
    with deep_folders(tmp_path, depth=depth), pytest.raises(ImageError, match="holds folders more than 100 deep"):
        dicom_files.dicom_files(tmp_path)


def test_a_study_may_lie_a_hundred_deep(tmp_path: Path, series_writer):
    folder = tmp_path.joinpath(*["d"] * dicom_files.MAX_DEPTH)
    made = series_writer(folder)
    assert set(dicom_files.dicom_files(tmp_path)) == set(made.files[0])


def test_a_program_among_the_slices_is_refused(tmp_path: Path, series_writer):
    made = series_writer(tmp_path)
    path = made.files[0][2]
    path.write_bytes(b"MZ" + path.read_bytes()[2:])
    with pytest.raises(NotOurInputError, match=f"{path.name} begins like a Windows program"):
        dicom_files.dicom_files(tmp_path)


@pytest.mark.parametrize("keyword", ["SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"])
def test_a_malformed_uid_is_refused_and_not_repeated(tmp_path: Path, series_writer, keyword: str):
    made = series_writer(tmp_path)
    dataset = dcmread(made.files[0][0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        setattr(dataset, keyword, UID("../../evil", validation_mode=0))
        dataset.save_as(tmp_path / "bad.dcm")
    with pytest.raises(NotOurInputError, match=f"bad.dcm carries a malformed {keyword}") as told:
        read_dataset(tmp_path / "bad.dcm")
    assert "evil" not in str(told.value)


def test_a_deflated_file_is_refused(tmp_path: Path, series_writer):
    made = series_writer(tmp_path)
    dataset = dcmread(made.files[0][0])
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(tmp_path / "deflated.dcm")
    with pytest.raises(ImageError, match="stored deflated, which is not read"):
        read_dataset(tmp_path / "deflated.dcm")


@pytest.mark.parametrize("keep", [133, 150, 300, 500, 700, 900])
def test_a_header_cut_anywhere_is_one_sentence_or_still_a_header(tmp_path: Path, series_writer, keep: int):
    made = series_writer(tmp_path)
    path = made.files[0][0]
    path.write_bytes(path.read_bytes()[:keep])
    try:
        read_dataset(path)
    except ImageError as fault:
        assert "\n" not in str(fault)  # noqa: PT017 - pydicom reads some cuts as a shorter header


def test_a_dicomdir_leads_nowhere(tmp_path: Path, series_writer):
    """What a folder holds is what lies in it: files that a DICOMDIR names are not followed (CVE-2026-32711)."""
    inside = series_writer(tmp_path / "disc" / "IMAGES")
    outside = series_writer(tmp_path / "elsewhere", number=9, seed=7)
    names = [["..", "elsewhere", outside.files[0][0].name], [str(outside.files[0][0])], ["IMAGES", "missing"]]
    catalogue = Dataset()
    catalogue.file_meta = FileMetaDataset()
    catalogue.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    catalogue.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    catalogue.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    catalogue.DirectoryRecordSequence = [Dataset() for _ in names]
    path = tmp_path / "disc" / "DICOMDIR"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom finds such names strange, and writes them
        for record, name in zip(catalogue.DirectoryRecordSequence, names, strict=True):
            record.DirectoryRecordType = "IMAGE"
            record.add(DataElement("ReferencedFileID", "CS", name, validation_mode=IGNORE))
        catalogue.save_as(path, enforce_file_format=True)
    with open_scan(tmp_path / "disc") as scan:
        assert len(scan.phases) == 1
        assert (scan.read(0) == inside.values[0]).all()
    with pytest.raises(ImageError, match="DICOMDIR"), open_scan(path):
        pass
