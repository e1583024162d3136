import struct
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

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


def test_an_infinite_axis_is_refused(tmp_path: Path):
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


SIZE = (4, 5, 6)


def header_bytes(order: str, **fields) -> bytes:
    """Return a NIfTI-1 header for voxels of 32-bit floats."""
    content = bytearray(352)
    struct.pack_into(f"{order}i", content, 0, 348)
    struct.pack_into(f"{order}8h", content, 40, 3, *SIZE, 1, 1, 1, 1)
    struct.pack_into(f"{order}2h", content, 70, 16, 32)
    struct.pack_into(f"{order}4f", content, 76, fields["handedness"], *fields["spacing"])
    struct.pack_into(f"{order}3f", content, 108, 352, 1, 0)
    content[123] = fields["unit"]
    struct.pack_into(f"{order}2h", content, 252, *fields["codes"])
    struct.pack_into(f"{order}6f", content, 256, *fields["qform"])
    struct.pack_into(f"{order}12f", content, 280, *fields["sform"])
    content[344:348] = b"n+1\0"
    return bytes(content)


def itk_says(path: Path) -> SimpleITK.Image | None:
    """Return the image as ITK reads it; None where it finds its axes not orthonormal."""
    reader = SimpleITK.ImageFileReader()
    reader.SetImageIO("NiftiImageIO")
    reader.SetFileName(str(path))
    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        return reader.Execute()
    except RuntimeError as fault:
        assert "orthonormal" in str(fault)  # noqa: PT017 - it may also do without
        return None
    finally:
        SimpleITK.ProcessObject.SetGlobalWarningDisplay(True)


offsets = st.floats(-500, 500, width=32)
codes = st.integers(0, 4)


@settings(max_examples=300)
@given(
    order=st.sampled_from("<>"),
    both=st.tuples(codes, codes),
    quaternion=st.tuples(*[st.floats(-1, 1, width=32)] * 3),
    turned=st.tuples(*[st.floats(-180, 180)] * 3),
    mirrored=st.booleans(),
    sheared=st.sampled_from([0.0, 0.0, 1e-5, 3e-4, 0.02]),
    alike=st.sampled_from([None, None, (1, 1, 1), (-1, 1, 1), (1, 1, -1), (-1, -1, 1)]),
    at=st.tuples(*[offsets] * 6),
    spacing=st.tuples(*[st.sampled_from([0.0, 0.5, 1.0, 2.25])] * 3),
    handedness=st.sampled_from([-1.0, 0.0, 1.0, 0.5]),
    unit=st.sampled_from([0, 1, 2, 3, 8, 10]),
)
def test_every_header_says_what_itk_reads_in_it(
    tmp_path_factory, *, order, both, quaternion, turned, mirrored, sheared, alike, at, spacing, handedness, unit
):
    steps = Rotation.from_euler("xyz", turned, degrees=True).as_matrix() @ np.diag([0.5, 1.0, -3.0 if mirrored else 3])
    steps[0, 1] += sheared
    spacing_there = [mm or 1.0 for mm in spacing]
    if alike is not None:  # the two forms say the same, or mirror each other
        b, c, d = quaternion
        turn = Rotation.from_quat([b, c, d, max(0.0, 1 - (b * b + c * c + d * d)) ** 0.5 or 1e-30]).as_matrix()
        right_handed = np.diag([1, 1, -1 if handedness < 0 else 1])
        steps = turn @ right_handed @ np.diag(spacing_there) @ np.diag(alike)
        at = (*at[:3], *at[:3])
    else:  # and otherwise have no corner in common
        at = (*at[:3], at[0] + 1, *at[4:])
    matrix = np.column_stack([steps, at[3:]])
    content = header_bytes(
        order,
        codes=both,
        qform=(*quaternion, *at[:3]),
        sform=matrix.ravel(),
        spacing=spacing,
        handedness=handedness,
        unit=unit,
    )
    path = tmp_path_factory.mktemp("header") / "image.nii"
    path.write_bytes(content + bytes(4 * int(np.prod(SIZE))))
    expected = itk_says(path)
    if alike not in {None, (1, 1, 1)} and min(both) > 0 and both[1] != 1:
        with pytest.raises(ImageError, match="a qform and an sform that mirror each other"):
            open_volume_file(path, Format.NIFTI)
        return
    if expected is None:
        with pytest.raises(ImageError, match="not orthonormal"):
            open_volume_file(path, Format.NIFTI)
        return
    grid = open_volume_file(path, Format.NIFTI).grid
    assert grid.spacing_mm == pytest.approx(expected.GetSpacing()[::-1], rel=1e-6)
    for index in [(0, 0, 0), (5, 4, 3), (1, 0, 2)]:
        there = expected.TransformIndexToPhysicalPoint(index[::-1])
        np.testing.assert_allclose(grid.position_mm(np.array(index, dtype=float)), there, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("turned", [(45, -115.216, -115.216), (45, 117.437, 117.437), (90, 111.4, 180), (0, 0, 90)])
def test_a_slight_shear_is_told_by_the_rows_of_the_axes_as_itk_tells_it(tmp_path: Path, turned: tuple[float, ...]):
    """The products of the columns lie beyond the limit, those of the rows within."""
    steps = Rotation.from_euler("xyz", turned, degrees=True).as_matrix() @ np.diag([0.5, 1.0, 3.0])
    steps[0, 1] += 3e-4
    sform = np.column_stack([steps, (1.0, 2.0, 3.0)]).ravel()
    fields = {"qform": (0.0,) * 6, "spacing": (1.0, 1.0, 1.0), "handedness": 1.0, "unit": 2}
    path = tmp_path / "image.nii"
    content = header_bytes("<", codes=(0, 1), sform=sform, **fields)
    path.write_bytes(content + bytes(4 * int(np.prod(SIZE))))
    expected = itk_says(path)
    assert expected is not None
    grid = open_volume_file(path, Format.NIFTI).grid
    np.testing.assert_allclose(grid.position_mm(np.zeros(3)), expected.GetOrigin(), rtol=1e-5)


@pytest.mark.parametrize("dimensions", [(0, 4, 5, 6), (8, 4, 5, 6), (-1, 4, 5, 6), (3, 4, 0, 6), (3, 4, 5, -6)])
def test_a_header_without_a_size_is_refused(tmp_path: Path, dimensions: tuple[int, ...]):
    path = with_numbers(tmp_path / "image.nii", {})
    content = bytearray(path.read_bytes())
    struct.pack_into("<4h", content, 40, *dimensions)
    path.write_bytes(content)
    with pytest.raises(ImageError, match="is cut short or its header is broken"):
        open_volume_file(path, Format.NIFTI)


@pytest.mark.parametrize(
    ("datatype", "said"),
    [(128, "holds 3 values a voxel"), (2304, "holds 4 values"), (1792, "holds 2 values"), (1536, "of an unknown kind")],
)
def test_voxels_that_are_no_grey_values_are_refused(tmp_path: Path, datatype: int, said: str):
    path = with_numbers(tmp_path / "image.nii", {})
    content = bytearray(path.read_bytes())
    struct.pack_into("<h", content, 70, datatype)
    path.write_bytes(content)
    with pytest.raises(ImageError, match=said):
        open_volume_file(path, Format.NIFTI)


@pytest.mark.parametrize("further", [(4, 0), (5, 1, 0), (7, 0, -1, 0, 0)])
def test_a_dimension_that_is_written_as_none_is_one(tmp_path: Path, further: tuple[int, ...]):
    path = with_numbers(tmp_path / "image.nii", {})
    content = bytearray(path.read_bytes())
    struct.pack_into("<h", content, 40, further[0])
    struct.pack_into(f"<{len(further) - 1}h", content, 48, *further[1:])
    path.write_bytes(content)
    file = open_volume_file(path, Format.NIFTI)
    assert (file.grid.shape, file.volumes) == ((4, 5, 6), 1)


def test_voxels_farther_apart_than_anything_and_axes_without_length_are_refused(tmp_path: Path):
    for number in (float("nan"), float("inf"), 1e30):
        with pytest.raises(ImageError, match=r"image\.nii says that its voxels are .* apart: export it again"):
            open_volume_file(with_numbers(tmp_path / "image.nii", {84: number}), Format.NIFTI)
    flat = with_numbers(tmp_path / "flat.nii", {280 + 4 * place: 1e-8 for place in range(3)}, codes=(0, 1))
    with pytest.raises(ImageError, match=r"flat\.nii has axes that are not orthonormal"):
        open_volume_file(flat, Format.NIFTI)
