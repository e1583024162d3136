"""What headers say of whom, where and when is found in every format; what stands in every file is passed over."""

import gzip
import zipfile
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian

from onephase.errors import ImageError
from onephase.readers.header_identifiers import header_identifiers


def texts(source: Path) -> set[str]:
    return {one.text for one in header_identifiers(source)}


def test_dicom_names_dates_uids_and_texts_are_found_in_every_depth(tmp_path: Path, series_writer) -> None:
    def change(dataset: Dataset, phase: int, place: int) -> None:
        item = Dataset()
        item.ReferringPhysicianName, item.CodeMeaning = "WHO^DOCTOR", "deep text"
        dataset.ProcedureCodeSequence = [item]
        dataset.private_block(0x0029, "MAKER", create=True).add_new(0x10, "LO", "private text")
        dataset.InstitutionName, dataset.AcquisitionDateTime = "Hospital", "20200102093000.5"

    made = series_writer(tmp_path / "study folder", change=change)
    found = texts(made.folder)
    assert {"CANARY^YELLOW", "CANARY", "YELLOW", "CAN-4711", "ACC4711", "19610203", "20200102"} <= found
    assert {"WHO", "DOCTOR", "deep text", "private text", "Hospital"} <= found
    assert {one.SOPInstanceUID for one in made.datasets[0]} <= found
    assert {path.name for path in made.files[0]} <= found
    assert not {text for text in found if text.startswith("1.2.840.10008.")}
    kinds = {one.text: one.kind for one in header_identifiers(made.folder)}
    wanted = {"CAN-4711": "a patient's number", "Hospital": "an institution", "YELLOW": "the name of a person"}
    assert wanted.items() <= kinds.items()


def test_private_text_of_unknown_form_is_found(tmp_path: Path, series_writer) -> None:
    (path,) = series_writer(tmp_path / "a", shape=(1, 4, 5)).files[0]
    dataset = dcmread(path)
    dataset.private_block(0x0029, "NOBODY KNOWS", create=True).add_new(0x10, "LO", "hidden text")
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian  # which tells no one that it is text
    dataset.save_as(tmp_path / "implicit.dcm", implicit_vr=True, little_endian=True)
    assert "hidden text" in texts(tmp_path / "implicit.dcm")


def test_names_within_a_zip_are_found(tmp_path: Path, series_writer) -> None:
    made = series_writer(tmp_path / "a")
    with zipfile.ZipFile(tmp_path / "study.zip", "w") as archive:
        for path in made.files[0]:
            archive.write(path, f"Mrs Canary/{path.name}")
    assert {"Mrs Canary", "CAN-4711", *(path.name for path in made.files[0])} <= texts(tmp_path / "study.zip")


def test_texts_of_nrrd_are_found(tmp_path: Path) -> None:
    image = SimpleITK.GetImageFromArray(np.zeros((4, 5, 6), np.float32))
    image.SetMetaData("note", "Mrs Canary")
    SimpleITK.WriteImage(image, str(tmp_path / "a.nrrd"))
    assert "Mrs Canary" in texts(tmp_path / "a.nrrd")


def test_texts_and_extensions_of_nifti_are_found(tmp_path: Path) -> None:
    image = SimpleITK.GetImageFromArray(np.zeros((4, 5, 6), np.float32))
    SimpleITK.WriteImage(image, str(tmp_path / "a.nii"))
    content = bytearray((tmp_path / "a.nii").read_bytes())
    content[148:158], content[228:238] = b"Mrs Canary", b"aux Canary"
    content[108:112] = np.float32(352 + 32).tobytes()
    content[352:352] = (32).to_bytes(4, "little") + (6).to_bytes(4, "little") + b"extended Canary".ljust(24, b"\0")
    (tmp_path / "a.nii").write_bytes(content)
    assert texts(tmp_path / "a.nii") >= {"Mrs Canary", "aux Canary", "extended Canary"}


@pytest.mark.parametrize("offset", [np.nan, np.inf, -352.0])
def test_a_nifti_header_that_cannot_be_is_one_sentence(tmp_path: Path, offset: float) -> None:
    SimpleITK.WriteImage(SimpleITK.Image(6, 5, 4, SimpleITK.sitkFloat32), str(tmp_path / "a.nii"))
    content = bytearray((tmp_path / "a.nii").read_bytes())
    content[108:112] = np.float32(offset).tobytes()
    (tmp_path / "a.nii").write_bytes(content)
    with pytest.raises(ImageError, match=r"a\.nii says that its voxels begin at byte .*export it again"):
        texts(tmp_path / "a.nii")


def test_a_gzip_that_ends_within_the_extensions_is_one_sentence(tmp_path: Path) -> None:
    SimpleITK.WriteImage(SimpleITK.Image(6, 5, 4, SimpleITK.sitkFloat32), str(tmp_path / "a.nii"))
    content = bytearray((tmp_path / "a.nii").read_bytes())
    content[108:112] = np.float32(1 << 16).tobytes()
    noise = np.random.default_rng(0).bytes(1 << 16)
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(bytes(content) + noise)[:20_000])
    with pytest.raises(ImageError, match=r"a\.nii\.gz is cut short or damaged"):
        texts(tmp_path / "a.nii.gz")


def test_a_real_header(shared_data: Path) -> None:
    found = texts(shared_data / "ucsf-br-06" / "dce" / "1-001.dcm")
    assert {"UCSF-BR-06", "19910808", "8669900989405780", "UCSF", "631127"} <= found
