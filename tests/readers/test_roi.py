from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from onephase.errors import ImageError
from onephase.imaging.case import Mask
from onephase.imaging.geometry import Grid
from onephase.readers.formats import probe
from onephase.readers.roi import read_mask
from onephase.readers.volume_file import open_volume_file

LABELS = np.zeros((4, 5, 6), np.uint8)
LABELS[1, 2, 3] = LABELS[1, 2, 4] = 1
LABELS[2, 3, :3] = 5
GRID = Grid.axial((4, 5, 6), (2.5, 0.9, 0.7), origin_mm=(-11.0, 7.0, 3.0))


def saved(path: Path, labels: np.ndarray = LABELS, spacing=(0.7, 0.9, 2.5)) -> Path:
    image = SimpleITK.GetImageFromArray(labels)
    image.SetSpacing(spacing)
    image.SetOrigin((-11.0, 7.0, 3.0))
    SimpleITK.WriteImage(image, str(path))
    return path


def read(path: Path, label: int | str | None = None) -> tuple[Mask, tuple[str, ...]]:
    return read_mask(path, label=label, grid=GRID)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize("label", [5, "5", "5.0"])
def test_the_label_that_is_named_is_read(tmp_path: Path, suffix: str, label: int | str):
    mask, warnings = read(saved(tmp_path / f"mask{suffix}"), label)
    np.testing.assert_array_equal(mask.array, LABELS == 5)
    assert (mask.method, warnings) == ("given", ())


def test_a_single_label_needs_no_name(tmp_path: Path):
    mask, _ = read(saved(tmp_path / "mask.nii.gz", (LABELS == 5) * np.uint8(255)))
    np.testing.assert_array_equal(mask.array, LABELS == 5)


def test_several_labels_are_listed_and_an_absent_one_too(tmp_path: Path):
    path = saved(tmp_path / "mask.nii.gz")
    with pytest.raises(ImageError, match=r"several labels \(1 \(2 voxels\), 5 \(3 voxels\)\): name the tumour's"):
        read(path)
    with pytest.raises(ImageError, match=r"has no label 7; the labels there are 1 \(2 voxels\), 5 \(3 voxels\)"):
        read(path, 7)
    with pytest.raises(ImageError, match="has no label tumour"):
        read(path, "tumour")


def test_an_empty_mask_is_named(tmp_path: Path):
    with pytest.raises(ImageError, match=r"mask\.nii is empty: no voxel of the mask is set"):
        read(saved(tmp_path / "mask.nii", np.zeros_like(LABELS)))


@pytest.mark.parametrize("label", [None, 1, "1"])
def test_a_mask_scaled_by_an_export_is_read_with_a_warning(tmp_path: Path, label: int | str | None):
    mask, warnings = read(saved(tmp_path / "mask.nii.gz", (LABELS == 5) * np.float32(1 / 255)), label)
    np.testing.assert_array_equal(mask.array, LABELS == 5)
    assert "0 and 0.00392 in place of whole numbers" in warnings[0]


def test_probabilities_and_nan_are_no_mask(tmp_path: Path):
    with pytest.raises(ImageError, match="2 values that are no whole numbers"):
        read(saved(tmp_path / "soft.nii", LABELS * np.float32(0.3)))
    with pytest.raises(ImageError, match="holds NaN or infinite values"):
        read(saved(tmp_path / "nan.nii", np.where(LABELS == 1, np.nan, LABELS).astype(np.float32)))


def test_another_grid_is_refused_with_both_grids(tmp_path: Path):
    said = r"the mask's grid \(4x5x6 at 2.5x1x1 mm .*differs from the image's \(4x5x6 at 2.5x0.9x0.7 mm .*same series"
    with pytest.raises(ImageError, match=said):
        read(saved(tmp_path / "mask.nii", spacing=(1, 1, 2.5)))
    with pytest.raises(ImageError, match="differs from the image's"):
        read(saved(tmp_path / "small.nii", LABELS[:3]))


def test_several_volumes_and_a_zip_are_no_mask(tmp_path: Path):
    image = SimpleITK.JoinSeries([SimpleITK.GetImageFromArray(LABELS)] * 2)
    SimpleITK.WriteImage(image, str(tmp_path / "two.nii"))
    with pytest.raises(ImageError, match="holds 2 volumes: a mask has one"):
        read(tmp_path / "two.nii")
    (tmp_path / "mask.zip").write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(ImageError, match="is a ZIP, which is read for images only"):
        read(tmp_path / "mask.zip")


def test_a_segment_of_slicer_is_found_by_name(tmp_path: Path):
    image = SimpleITK.GetImageFromArray(LABELS)
    image.SetSpacing((0.7, 0.9, 2.5))
    image.SetOrigin((-11.0, 7.0, 3.0))
    image.SetMetaData("Segment0_Name", "breast")
    image.SetMetaData("Segment0_LabelValue", "1")
    image.SetMetaData("Segment1_Name", "tumour")
    image.SetMetaData("Segment1_LabelValue", "5")
    SimpleITK.WriteImage(image, str(tmp_path / "drawn.seg.nrrd"))
    mask, _ = read(tmp_path / "drawn.seg.nrrd", "tumour")
    np.testing.assert_array_equal(mask.array, LABELS == 5)


def test_a_mask_of_nearly_everything_is_doubted(tmp_path: Path):
    _, warnings = read(saved(tmp_path / "mask.nii", (LABELS != 5).astype(np.uint8)))
    assert "covers 98 % of the image: check that it is not inverted" in warnings[0]


def test_the_shared_breast_label_has_143_voxels(shared_data: Path):
    folder = shared_data / "breast1"
    grid = open_volume_file(folder / "breast1_image.nrrd", probe(folder / "breast1_image.nrrd")).grid
    mask, warnings = read_mask(folder / "breast1_label.nrrd", label=None, grid=grid)
    assert (int(mask.array.sum()), warnings) == (143, ())
