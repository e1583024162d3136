import struct
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from onephase.errors import ImageError
from onephase.readers.formats import Format
from onephase.readers.volume_file import open_volume_file


def with_numbers(path: Path, changes: dict[int, float], *, codes: tuple[int, int] = (2, 1)) -> Path:
    """Write a volume whose header has other numbers at some of its bytes."""
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(np.arange(120, dtype=np.int16).reshape(4, 5, 6)), str(path))
    content = bytearray(path.read_bytes())
    struct.pack_into("<2h", content, 252, *codes)
    for place, number in changes.items():
        struct.pack_into("<f", content, place, number)
    path.write_bytes(content)
    return path


def test_an_infinite_axis_is_refused_before_itk_meets_it(tmp_path: Path):
    endless = with_numbers(
        tmp_path / "image.nii", {296: 0.1, 300: float("-inf")}
    )  # found by fuzzing: ITK never returned
    with pytest.raises(ImageError, match=r"image\.nii has axes that lead nowhere \(its sform holds -inf\): export it"):
        open_volume_file(endless, Format.NIFTI)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 1e38])
@pytest.mark.parametrize(("place", "name"), [(256, "qform"), (276, "qform"), (280, "sform"), (324, "sform")])
def test_every_number_of_the_axes_is_looked_at(tmp_path: Path, place: int, name: str, number: float):
    path = with_numbers(tmp_path / "image.nii", {place: number})
    with pytest.raises(ImageError, match=rf"its {name} holds {number:g}".replace("+", r"\+")):
        open_volume_file(path, Format.NIFTI)


def test_half_a_header_is_refused(tmp_path: Path):
    path = with_numbers(tmp_path / "image.nii", {})
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(ImageError, match="is cut short or its header is broken"):
        open_volume_file(path, Format.NIFTI)


def test_axes_that_the_header_does_not_use_may_hold_anything(tmp_path: Path):
    path = with_numbers(tmp_path / "image.nii", {280: float("nan")}, codes=(1, 0))
    assert open_volume_file(path, Format.NIFTI).grid.shape == (4, 5, 6)


@pytest.mark.parametrize("length", [-32768, 0, 349])
def test_a_header_of_another_length_is_refused(tmp_path: Path, length: int):
    """Found by fuzzing: its bytes were read here in one order and by ITK in the other, which met an endless axis."""
    path = with_numbers(tmp_path / "image.nii", {300: float("-inf")})
    content = bytearray(path.read_bytes())
    struct.pack_into("<i", content, 0, length)
    path.write_bytes(content)
    with pytest.raises(ImageError, match=r"image\.nii says that its header has -?\d+ bytes, expected 348: export it"):
        open_volume_file(path, Format.NIFTI)
