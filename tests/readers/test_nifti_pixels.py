import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from onephase.errors import ImageError
from onephase.imaging.case import Box
from onephase.readers.case import read_case
from onephase.readers.nifti_pixels import read_nifti_labels, read_nifti_voxels

SHAPE = (4, 5, 6)
VALUES = np.random.default_rng(3).integers(0, 120, size=SHAPE)


def written(path: Path, dtype: str = "float32", copies: int = 1) -> Path:
    images = [SimpleITK.GetImageFromArray((VALUES + copy).astype(dtype)) for copy in range(copies)]
    SimpleITK.WriteImage(SimpleITK.JoinSeries(images) if copies > 1 else images[0], str(path))
    return path


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "uint16", "int32", "uint32", "float32", "float64"])
def test_voxels_equal_those_of_simpleitk(tmp_path: Path, dtype: str, suffix: str):
    path = written(tmp_path / f"image{suffix}", dtype)
    expected = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path), SimpleITK.sitkFloat32))
    voxels = read_nifti_voxels(path, shape=SHAPE, volume=0)
    assert voxels.dtype == np.float32
    np.testing.assert_array_equal(voxels, expected)


def test_slope_and_intercept_are_applied_as_simpleitk_does(tmp_path: Path):
    path = written(tmp_path / "image.nii", "int16")
    content = bytearray(path.read_bytes())
    struct.pack_into("<2f", content, 112, 2.5, -10.0)
    path.write_bytes(content)
    expected = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path), SimpleITK.sitkFloat32))
    np.testing.assert_allclose(read_nifti_voxels(path, shape=SHAPE, volume=0), expected, rtol=1e-6)
    np.testing.assert_allclose(expected, VALUES * 2.5 - 10)


def test_big_endian_voxels_are_read(tmp_path: Path):
    path = tmp_path / "image.nii"
    header = bytearray(352)
    struct.pack_into(">i", header, 0, 348)
    struct.pack_into(">8h", header, 40, 3, 6, 5, 4, 1, 1, 1, 1)
    struct.pack_into(">2h", header, 70, 4, 16)
    struct.pack_into(">f", header, 108, 352.0)
    header[344:348] = b"n+1\x00"
    path.write_bytes(bytes(header) + VALUES.astype(">i2").tobytes())
    np.testing.assert_array_equal(read_nifti_voxels(path, shape=SHAPE, volume=0), VALUES)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_one_volume_of_several_is_read(tmp_path: Path, suffix: str):
    path = written(tmp_path / f"series{suffix}", copies=3)
    np.testing.assert_array_equal(read_nifti_voxels(path, shape=SHAPE, volume=2), VALUES + 2)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("run", [slice(1, 3), slice(0, 1), slice(3, 4), slice(None)])
def test_a_run_of_slices_is_read(tmp_path: Path, suffix: str, run: slice):
    path = written(tmp_path / f"series{suffix}", copies=3)
    np.testing.assert_array_equal(read_nifti_voxels(path, shape=SHAPE, volume=1, slices=run), (VALUES + 1)[run])


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_a_file_that_ends_behind_the_slices_that_are_read_is_cut_short(tmp_path: Path, suffix: str):
    content = written(tmp_path / "whole.nii").read_bytes()[:-10]
    path = tmp_path / f"image{suffix}"
    path.write_bytes(content if suffix == ".nii" else gzip.compress(content))
    with pytest.raises(ImageError, match=r"cut short \(470 of 480 bytes of voxels are there\)"):
        read_nifti_voxels(path, shape=SHAPE, volume=0, slices=slice(0, 2))


def test_labels_stay_as_they_are_stored_unless_they_are_scaled(tmp_path: Path):
    path = written(tmp_path / "image.nii", "uint8")
    labels = read_nifti_labels(path, shape=SHAPE)
    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(labels, VALUES)
    content = bytearray(path.read_bytes())
    struct.pack_into("<2f", content, 112, 0.5, 1.0)
    path.write_bytes(content)
    np.testing.assert_array_equal(read_nifti_labels(path, shape=SHAPE), VALUES * 0.5 + 1)


def test_a_short_file_is_an_error_though_itk_reads_it(tmp_path: Path):
    path = written(tmp_path / "image.nii")
    path.write_bytes(path.read_bytes()[:-100])
    SimpleITK.ReadImage(str(path))  # no error: the reason why voxels are read here
    with pytest.raises(ImageError, match=r"image\.nii is cut short \(380 of 480 bytes of voxels are there\)"):
        read_nifti_voxels(path, shape=SHAPE, volume=0)


@pytest.mark.parametrize("lost", [4, 60])
def test_a_truncated_gzip_is_an_error(tmp_path: Path, lost: int):
    path = written(tmp_path / "image.nii.gz")
    path.write_bytes(path.read_bytes()[:-lost])
    with pytest.raises(ImageError, match="gzip stream does not end well"):
        read_nifti_voxels(path, shape=SHAPE, volume=0)


def test_a_wrong_checksum_is_an_error(tmp_path: Path):
    path = written(tmp_path / "image.nii.gz")
    content = bytearray(path.read_bytes())
    content[-8] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ImageError, match="cut short or damaged"):
        read_nifti_voxels(path, shape=SHAPE, volume=0)


def test_several_gzip_members_are_one_stream(tmp_path: Path):
    content = gzip.decompress(written(tmp_path / "image.nii.gz").read_bytes())
    path = tmp_path / "blocks.nii.gz"
    path.write_bytes(gzip.compress(content[:400]) + gzip.compress(content[400:]))
    np.testing.assert_array_equal(read_nifti_voxels(path, shape=SHAPE, volume=0), VALUES)


def test_colours_are_refused(tmp_path: Path):
    path = written(tmp_path / "image.nii")
    content = bytearray(path.read_bytes())
    struct.pack_into("<h", content, 70, 128)
    path.write_bytes(content)
    with pytest.raises(ImageError, match=r"colours or complex numbers \(NIfTI datatype 128\)"):
        read_nifti_voxels(path, shape=SHAPE, volume=0)


@pytest.mark.parametrize("offset", [np.inf, -np.inf, np.nan, 0.0, -352.0, 1e38])
def test_voxels_that_begin_nowhere_are_refused(tmp_path: Path, offset: float):
    path = written(tmp_path / "image.nii")
    content = bytearray(path.read_bytes())
    content[108:112] = np.float32(offset).tobytes()
    path.write_bytes(content)
    with pytest.raises(ImageError, match=r"says that its voxels begin at byte .*, expected 348 or a little more"):
        read_nifti_voxels(path, shape=SHAPE, volume=0)


def test_a_slope_beyond_all_numbers_is_said_by_who_uses_the_voxels(tmp_path: Path):
    """Numpy's own warnings, which are errors in tests, would come before the one sentence."""
    path = written(tmp_path / "image.nii", "int16")
    content = bytearray(path.read_bytes())
    struct.pack_into("<2f", content, 112, 3e38, -3e38)
    path.write_bytes(content)
    assert np.isinf(read_nifti_voxels(path, shape=SHAPE, volume=0)).any()
    assert np.isinf(read_nifti_labels(path, shape=SHAPE)).any()
    with pytest.raises(ImageError, match="infinite"):
        read_case(path, case_id="c", box=Box((0.0, 2.0), (0.0, 2.0), (0.0, 2.0)))
