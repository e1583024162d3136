import gzip
import zipfile
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from onephase.errors import ImageError, NotOurInputError
from onephase.readers.formats import Format, probe


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.nii", Format.NIFTI), ("a.nii.gz", Format.NIFTI), ("a.nrrd", Format.NRRD), ("a.mha", Format.META)],
)
def test_a_volume_is_known_by_content_and_not_by_name(tmp_path: Path, name: str, kind: Format):
    path = tmp_path / name
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(np.zeros((4, 5, 6), np.int16)), str(path))
    renamed = path.rename(tmp_path / "patient.dat")
    assert probe(renamed) is kind


def test_folders_zips_and_dicom_are_known(tmp_path: Path, series_writer):
    made = series_writer(tmp_path / "series")
    with zipfile.ZipFile(tmp_path / "study.dat", "w") as archive:
        archive.write(made.files[0][0], "1.dcm")
    assert probe(made.folder) is Format.FOLDER
    assert probe(made.files[0][0]) is Format.DICOM
    assert probe(tmp_path / "study.dat") is Format.ZIP


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        ("ein Text ü\n".encode() * 400, "is no image but text"),
        (b"\x01\x02\x03" * 900, "of no format that is known here"),
        (gzip.compress(b"hello " * 400, mtime=0), "there is no NIfTI image in it"),
        (gzip.compress(bytes(range(256)) * 2, mtime=0)[:90], "cut short, or holds no image"),
        (b"\x1f\x8b" + b"\xff" * 600, "broken gzip file"),
        (bytes(344) + b"ni1\x00" + bytes(200), "one half of a NIfTI pair"),
        (bytes(4) + b"n+2\x00" + bytes(600), "NIfTI-2"),
    ],
)
def test_what_is_no_image_is_named_in_one_sentence(tmp_path: Path, content: bytes, said: str):
    path = tmp_path / "image.nii.gz"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=said) as told:
        probe(path)
    assert str(path) in str(told.value)
    assert "\n" not in str(told.value)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(ImageError, match=r"nothing\.nii does not exist: check the path"):
        probe(tmp_path / "nothing.nii")
    with pytest.raises(ImageError, match=r"aaa\.nii does not exist: check the path"):
        probe(tmp_path / ("a" * 300 + ".nii"))  # no file system has such a name


@pytest.mark.parametrize("start", [b"MZ", b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe"])
def test_a_program_is_refused_even_with_a_dicom_mark(tmp_path: Path, start: bytes):
    path = tmp_path / "slice.dcm"
    path.write_bytes(start.ljust(128, b"\x00") + b"DICM" + bytes(100))
    with pytest.raises(NotOurInputError, match=r"begins like a .* program"):
        probe(path)
