import resource
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from onephase.errors import StorageError
from onephase.imaging.case import Mask, Volume
from onephase.imaging.geometry import Grid
from onephase.writers.volume_file import SUFFIXES, write_mask, write_volume

RNG = np.random.default_rng(0)
DIRECTION = np.array([[-1.0, 0.0, 0.0], [0.0, 0.6, 0.8], [0.0, -0.8, 0.6]])
GRID = Grid((4, 5, 6), (2.5, 0.7, 0.9), (-11.0, 7.0, 3.0), DIRECTION)
VALUES = RNG.normal(size=(4, 5, 6)).astype(np.float32)


def assert_same_place(image: SimpleITK.Image) -> None:
    for index in ((0, 0, 0), (3, 4, 5), (1, 0, 2)):
        expected = GRID.position_mm(np.array(index, dtype=float))
        np.testing.assert_allclose(image.TransformIndexToPhysicalPoint(index[::-1]), expected, atol=1e-4)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_simpleitk_reads_back_what_was_written(tmp_path: Path, suffix: str):
    write_volume(tmp_path / f"v{suffix}", Volume(VALUES.copy(), GRID))
    image = SimpleITK.ReadImage(str(tmp_path / f"v{suffix}"))
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image), VALUES)
    assert_same_place(image)
    write_mask(tmp_path / f"m{suffix}", Mask(VALUES > 0, GRID))
    image = SimpleITK.ReadImage(str(tmp_path / f"m{suffix}"))
    assert image.GetPixelID() == SimpleITK.sitkUInt8
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image), VALUES > 0)
    assert_same_place(image)


def test_another_suffix_is_refused(tmp_path: Path):
    with pytest.raises(StorageError, match=r"has no suffix that can be written: use one of \.nii\.gz"):
        write_volume(tmp_path / "v.png", Volume(VALUES.copy(), GRID))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, suffix: str, capfd):
    large = RNG.normal(size=(30, 40, 50)).astype(np.float32)
    volume = Volume(large, Grid.axial((30, 40, 50), (2.0, 1.0, 1.0)))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, hard))
    try:
        with pytest.raises(StorageError, match="could not be written whole"):
            write_volume(tmp_path / f"v{suffix}", volume)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())
    capfd.readouterr()  # ITK's own complaint
