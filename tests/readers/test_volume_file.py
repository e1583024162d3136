import struct
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from onephase.errors import ImageError
from onephase.readers.formats import Format, probe
from onephase.readers.volume_file import VolumeFile, open_volume_file

IDENTITY = np.eye(3)
VALUES = np.random.default_rng(5).normal(size=(4, 5, 6)).astype(np.float32)


def image_of(direction=IDENTITY, values=VALUES) -> SimpleITK.Image:
    image = SimpleITK.GetImageFromArray(values)
    image.SetSpacing((0.7, 0.9, 2.5))
    image.SetOrigin((-11.0, 7.0, 3.0))
    image.SetDirection(np.asarray(direction, dtype=float).ravel().tolist())
    return image


def opened(path: Path) -> VolumeFile:
    return open_volume_file(path, probe(path))


def saved(image: SimpleITK.Image, path: Path) -> Path:
    SimpleITK.WriteImage(image, str(path))
    return path


FLIPS = [np.diag(signs) for signs in ([1, 1, 1], [-1, -1, 1], [1, -1, 1], [-1, 1, -1])]  # LPS, RAS and others
TURNS = [
    np.eye(3)[[1, 2, 0]],
    np.eye(3)[[2, 1, 0]],
    Rotation.from_euler("xyz", [20, -35, 50], degrees=True).as_matrix(),
]


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".nrrd", ".mha"])
@pytest.mark.parametrize("direction", [*FLIPS, *TURNS])
def test_voxels_lie_where_simpleitk_puts_them(tmp_path: Path, direction: np.ndarray, suffix: str):
    path = saved(image_of(direction), tmp_path / f"image{suffix}")
    reference = SimpleITK.ReadImage(str(path))
    file = opened(path)
    np.testing.assert_array_equal(file.read(0), VALUES)
    for index in [(0, 0, 0), (3, 4, 5), (1, 0, 2)]:
        expected = reference.TransformIndexToPhysicalPoint(index[::-1])
        found = file.grid.position_mm(np.array(index, dtype=float))
        np.testing.assert_allclose(found, expected, atol=1e-4)


@given(angles=st.tuples(*[st.floats(-180, 180)] * 3))
def test_any_turned_grid_agrees_with_simpleitk(tmp_path_factory, angles: tuple[float, float, float]):
    direction = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    path = saved(image_of(direction), tmp_path_factory.mktemp("turned") / "image.nrrd")
    expected = SimpleITK.ReadImage(str(path)).TransformContinuousIndexToPhysicalPoint((2.5, 1.25, 3.0))
    np.testing.assert_allclose(opened(path).grid.position_mm(np.array([3.0, 1.25, 2.5])), expected, atol=1e-6)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
def test_a_volume_of_a_4d_file_is_read(tmp_path: Path, suffix: str):
    series = SimpleITK.JoinSeries([image_of(values=VALUES + phase) for phase in range(3)])
    file = opened(saved(series, tmp_path / f"series{suffix}"))
    assert (file.volumes, len(file.phases), file.grid.shape) == (3, 3, (4, 5, 6))
    np.testing.assert_allclose(file.read(2), VALUES + 2, rtol=1e-6)
    np.testing.assert_allclose(file.read(1, slices=[3, 0]), (VALUES + 1)[[3, 0]], rtol=1e-6)


def nifti_with(tmp_path: Path, form: str, place: int, *values: float) -> Path:
    path = saved(image_of(), tmp_path / "image.nii")
    content = bytearray(path.read_bytes())
    struct.pack_into(form, content, place, *values)
    path.write_bytes(content)
    return path


def test_a_header_that_is_not_orthonormal_names_the_file(tmp_path: Path, capfd):
    path = nifti_with(tmp_path, "<h", 252, 0)
    content = bytearray(path.read_bytes())
    struct.pack_into("<12f", content, 280, 0.7, 0.3, 0, 0, 0, 0.7, 0, 0, 0, 0, 2, 0)
    path.write_bytes(content)
    with pytest.raises(ImageError, match=r"image\.nii has axes that are not orthonormal"):
        opened(path)
    assert capfd.readouterr().err == ""


def test_a_sheared_nrrd_names_the_file(tmp_path: Path):
    path = saved(image_of(), tmp_path / "image.nrrd")
    content = path.read_bytes()
    assert b"(0,0.9" in content
    path.write_bytes(content.replace(b"(0,0.9", b"(0.5,0.9", 1))
    with pytest.raises(ImageError, match=r"image\.nrrd.*not orthonormal"):
        opened(path)


def test_a_huge_header_is_refused_before_memory_is_taken(tmp_path: Path):
    path = nifti_with(tmp_path, "<4h", 40, 3, 30000, 30000, 30000)
    with pytest.raises(ImageError, match="declares 30000 x 30000 x 30000 voxels, beyond the limit"):
        opened(path)


def test_colour_flat_and_complex_images_are_refused(tmp_path: Path):
    colour = SimpleITK.GetImageFromArray(np.zeros((4, 5, 6, 3), np.uint8), isVector=True)
    with pytest.raises(ImageError, match="holds 3 values a voxel"):
        opened(saved(colour, tmp_path / "colour.nrrd"))
    with pytest.raises(ImageError, match="single flat picture"):
        opened(saved(SimpleITK.GetImageFromArray(np.zeros((5, 6), np.uint8)), tmp_path / "flat.mha"))
    with pytest.raises(ImageError, match="2 values a voxel"):
        opened(saved(SimpleITK.GetImageFromArray(np.zeros((4, 5, 6), np.complex64)), tmp_path / "complex.nii"))


@pytest.mark.parametrize("compressed", [True, False])
def test_a_short_metaimage_is_an_error_and_nothing_goes_to_the_terminal(tmp_path: Path, capfd, compressed: bool):
    path = tmp_path / "image.mha"
    SimpleITK.WriteImage(image_of(), str(path), useCompression=compressed)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(ImageError, match=r"is cut short .* bytes of voxels are there"):
        opened(path)
    assert capfd.readouterr().err == ""


def test_a_short_nrrd_is_an_error(tmp_path: Path):
    path = saved(image_of(), tmp_path / "image.nrrd")
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(ImageError, match="is cut short or its header is broken"):
        opened(path).read(0)


@pytest.mark.parametrize("target", ["/etc/passwd", "../secret.raw", "LIST", "slice%03d.raw", "..\\secret.raw"])
def test_a_header_that_points_elsewhere_is_refused(tmp_path: Path, target: str):
    for suffix, line in ((".mha", b"ElementDataFile = "), (".nrrd", b"data file: ")):
        path = saved(image_of(), tmp_path / f"image{suffix}")
        head = path.read_bytes().split(b"ElementDataFile = LOCAL\n" if suffix == ".mha" else b"\n\n")[0]
        path.write_bytes(head.rstrip(b"\n") + b"\n" + line + target.encode() + b"\n\n")
        with pytest.raises(ImageError, match="points to voxels elsewhere"):
            opened(path)


def test_a_detached_file_of_the_same_folder_is_read_when_it_is_there(tmp_path: Path):
    path = saved(image_of(), tmp_path / "image.mhd")
    np.testing.assert_array_equal(opened(path).read(0), VALUES)
    (tmp_path / "image.raw").rename(tmp_path / "other.raw")
    with pytest.raises(ImageError, match="another file of its folder, which is missing"):
        opened(path)
    path.write_text(path.read_text().replace("image.raw", "a" * 300))
    with pytest.raises(ImageError, match="another file of its folder, which is missing"):
        opened(path)


def test_a_text_header_without_end_is_refused(tmp_path: Path):
    path = tmp_path / "image.mha"
    path.write_bytes(b"ObjectType = Image\n" + b"Comment = x\n" * 10_000)
    with pytest.raises(ImageError, match="its header is broken"):
        opened(path)


def test_signs_of_a_lost_header_are_told(tmp_path: Path):
    path = nifti_with(tmp_path, "<2h", 252, 0, 0)
    assert any("gives no orientation" in warning for warning in opened(path).warnings)
    image = image_of()
    image.SetSpacing((1, 1, 1))
    assert any("exactly 1 x 1 x 1 mm" in warning for warning in opened(saved(image, tmp_path / "one.nii")).warnings)
    assert opened(saved(image_of(), tmp_path / "sound.nii")).warnings == ()


def test_shared_volumes_agree_with_simpleitk(shared_data: Path):
    paths = [
        shared_data / "breast1" / "breast1_image.nrrd",
        shared_data / "ibsi" / "phantom.nii.gz",
        *sorted((shared_data / "slices" / "ispy1" / "images").glob("*.nii.gz"))[:4],
        *sorted((shared_data / "slices" / "ispy2" / "images").glob("*.nii.gz"))[:4],
    ]
    for path in paths:
        file, reference = opened(path), SimpleITK.ReadImage(str(path), SimpleITK.sitkFloat32)
        np.testing.assert_array_equal(file.read(0), SimpleITK.GetArrayFromImage(reference))
        assert file.format in {Format.NIFTI, Format.NRRD}
        last = reference.TransformIndexToPhysicalPoint([size - 1 for size in reference.GetSize()])
        corner = np.array(file.grid.shape, dtype=float) - 1
        np.testing.assert_allclose(file.grid.position_mm(corner), last, atol=1e-3)


@pytest.mark.parametrize("name", ["image.nii", "image.nrrd"])
@pytest.mark.parametrize("slices", [None, [1, 2], [3, 1]])
def test_voxels_are_read_into_an_array_that_is_there(tmp_path: Path, name: str, slices: list[int] | None):
    file = opened(saved(image_of(), tmp_path / name))
    expected = VALUES if slices is None else VALUES[slices]
    there = np.full(expected.shape, -1, dtype=np.float32)
    assert file.read(0, slices=slices, into=there) is there
    np.testing.assert_array_equal(there, expected)


@pytest.mark.parametrize(
    "change",
    [
        (b"ElementDataFile = LOCAL", b"ElementDataFile : other.raw\nElementDataFile = LOCAL"),
        (b"ElementDataFile = LOCAL", b" ElementDataFile = other.raw\nElementDataFile = LOCAL"),
        (b"ElementDataFile = LOCAL", b"elementdatafile = LOCAL\nElementDataFile = other.raw"),
        (b"NDims = 3", b"NDims = 3\nNDims = 3"),
        (b"NDims = 3", b"NDims = -1"),  # ITK never returned
        (b"NDims = 3", b"NDims = 1e308"),  # and was ended by the system
        (b"NDims = 3", b"NDims = 11"),
    ],
)
def test_a_meta_header_that_itk_would_read_otherwise_is_refused(tmp_path: Path, change: tuple[bytes, bytes]) -> None:
    path = tmp_path / "image.mha"
    SimpleITK.WriteImage(SimpleITK.Image([3, 4, 5], SimpleITK.sitkInt16), str(path))
    assert open_volume_file(path, Format.META).grid.shape == (5, 4, 3)
    path.write_bytes(path.read_bytes().replace(*change))
    (tmp_path / "other.raw").write_bytes(bytes(1000))
    with pytest.raises(ImageError, match="has a MetaImage header that is damaged, or means two things"):
        open_volume_file(path, Format.META)


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_a_line_hidden_behind_a_carriage_return_is_refused(tmp_path: Path, suffix: str) -> None:
    path, other = tmp_path / f"image{suffix}", tmp_path / "elsewhere"
    image = SimpleITK.Image([3, 4, 5], SimpleITK.sitkInt16)
    SimpleITK.WriteImage(image, str(path))
    other.write_bytes(bytes(1000))
    mark, field = (b"type:", b"data file:") if suffix == ".nrrd" else (b"NDims =", b"ElementDataFile =")
    path.write_bytes(path.read_bytes().replace(mark, b"# x\r" + field + bytes(other) + b"\n" + mark, 1))
    with pytest.raises(ImageError, match="end with a carriage return alone"):
        open_volume_file(path, Format.NRRD if suffix == ".nrrd" else Format.META)
