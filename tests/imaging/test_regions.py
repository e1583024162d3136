import numpy as np
import pytest
import SimpleITK
from hypothesis import given
from hypothesis import strategies as st

from onephase.errors import ImageError
from onephase.imaging.regions import FAR_MM, REACH_MM, memberships, signed_distance
from onephase.settings import RegionSettings

SPACING = (2.0, 1.0, 0.7)
DEFAULT = RegionSettings()


def _ball(radius_mm: float, spacing_mm, *, half_mm: float = 16.0) -> np.ndarray:
    axes = [np.arange(-half_mm, half_mm + mm / 2, mm) for mm in spacing_mm]
    z, y, x = np.meshgrid(*axes, indexing="ij")
    return z**2 + y**2 + x**2 < radius_mm**2


def _brute_force(mask: np.ndarray, spacing_mm) -> np.ndarray:
    """Midway to the nearest centre of the other kind, layer by layer, one voxel after the other."""
    spacing = np.asarray(spacing_mm)
    padded = np.pad(mask, 1)
    index = np.argwhere(np.ones_like(padded))
    inside = padded.ravel()
    smallest = np.full(len(index), np.inf)
    for row, own in enumerate(index):
        offsets = np.abs(index[inside != inside[row]] - own) * spacing
        apart = np.linalg.norm(offsets, axis=1)
        ties = np.isclose(apart, apart.min())  # which of them is taken is not said
        smallest[row] = (apart[ties] - 0.5 * (offsets[ties] * spacing).max(axis=1) / apart[ties]).min()
    return np.where(inside, -smallest, smallest).reshape(padded.shape)[1:-1, 1:-1, 1:-1]


def test_distance_agrees_with_brute_force():
    mask = np.random.default_rng(3).random((4, 5, 6)) < 0.4
    spacing = (2.0, 1.1, 0.7)  # no two directions alike, so that hardly any two neighbours tie
    found = signed_distance(mask, spacing, in_plane=False)
    np.testing.assert_allclose(found, _brute_force(mask, spacing), atol=1e-5)


def test_distance_agrees_with_simpleitk_to_a_voxel():
    mask = _ball(8.0, SPACING)
    image = SimpleITK.GetImageFromArray(mask.astype(np.uint8))
    image.SetSpacing(SPACING[::-1])
    reference = SimpleITK.GetArrayFromImage(
        SimpleITK.SignedMaurerDistanceMap(image, squaredDistance=False, useImageSpacing=True)
    )
    found = signed_distance(mask, SPACING, in_plane=False)
    assert (found[reference > REACH_MM + max(SPACING)] == FAR_MM).all()
    told = found < FAR_MM
    apart = found[told] - reference[told]  # ITK's surface runs through the centres of the outermost voxels inside
    assert np.abs(apart).max() <= max(SPACING) + 0.1
    assert np.abs(apart).mean() <= max(SPACING) / 2


@pytest.mark.parametrize("normal", [(0, 1, 1), (1, 1, 1), (1, 0, 1)])
def test_a_diagonal_plane_is_exact(normal):
    index = np.argwhere(np.ones((21, 21, 21))) - 10
    level = index @ np.asarray(normal)
    mask = (level <= 0).reshape(21, 21, 21)
    found = signed_distance(mask, (1.0, 1.0, 1.0), in_plane=False)
    centre = np.abs(index).max(axis=1).reshape(21, 21, 21) <= 2
    length = np.linalg.norm(normal)
    wanted = (level.reshape(21, 21, 21) - 0.5) / length
    assert np.abs(found[centre] - wanted[centre]).max() < 0.3


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_plane_is_exact_whatever_the_spacing(axis):
    mask = np.zeros((9, 9, 9), dtype=bool)
    mask[(slice(None),) * axis + (slice(0, 4),)] = True
    found = np.moveaxis(signed_distance(mask, SPACING, in_plane=False), axis, 0)[:, 4, 4]
    assert found[4:] == pytest.approx([0.5 * SPACING[axis] + k * SPACING[axis] for k in range(5)], rel=1e-5)
    # the nearest voxel outside is ahead, behind (beyond the array is outside too), or beside
    beside = 5 * min(mm for other, mm in enumerate(SPACING) if other != axis)
    half = beside / 10
    for depth, steps in zip(-found[:4], (1, 2, 2, 1), strict=True):
        ahead = steps * SPACING[axis]
        assert depth == pytest.approx(ahead - SPACING[axis] / 2 if ahead < beside else beside - half, rel=1e-5)


def test_slices_are_apart_when_measured_in_plane():
    mask = np.zeros((4, 5, 6), dtype=bool)
    mask[1, 2, 3] = True
    found = signed_distance(mask, (8.0, 1.0, 0.5), in_plane=True)
    assert (found[[0, 2, 3]] == FAR_MM).all()
    assert found[1, 2, 3] == pytest.approx(-0.25)
    assert found[1, 4, 3] == pytest.approx(1.5)


def test_an_empty_mask_is_refused():
    with pytest.raises(ImageError, match="no voxel is set"):
        signed_distance(np.zeros((4, 5, 6), dtype=bool), SPACING, in_plane=False)


def test_memberships_of_a_ball_have_the_volumes_of_shells():
    spacing = (0.5, 0.5, 0.5)
    distance = signed_distance(_ball(7.0, spacing), spacing, in_plane=False)
    maps = memberships(distance, DEFAULT)

    def ball_ml(radius: float) -> float:
        return 4 / 3 * np.pi * radius**3

    wanted = {"core": ball_ml(5), "rim": ball_ml(9) - ball_ml(5), "shell": ball_ml(13) - ball_ml(9)}
    for name, part in maps.items():
        assert part.sum() * 0.125 == pytest.approx(wanted[name], rel=0.06), name


@given(st.floats(-29, 29), st.floats(0.2, 4), st.floats(0.5, 5), st.floats(0.5, 4), st.floats(0.5, 6))
def test_memberships_never_exceed_the_whole(distance, softness, core, rim, shell):
    settings = RegionSettings(core_depth_mm=core, rim_reach_mm=rim, shell_reach_mm=rim + shell, softness_mm=softness)
    parts = memberships(np.array([distance], dtype=np.float32), settings)
    assert all(-1e-6 <= float(part[0]) <= 1 + 1e-6 for part in parts.values())
    total = sum(float(part[0]) for part in parts.values())
    outside = np.clip((distance - (rim + shell)) / softness + 0.5, 0, 1)
    assert total == pytest.approx(1 - outside, abs=1e-4)


@given(st.floats(0.5, 4), st.floats(0.1, 4))
def test_the_rim_grows_with_its_reach(thin, extra):
    distance = np.linspace(-10, 12, 200, dtype=np.float32)
    narrow = memberships(distance, RegionSettings(rim_reach_mm=thin, shell_reach_mm=9))["rim"]
    wide = memberships(distance, RegionSettings(rim_reach_mm=thin + extra, shell_reach_mm=9))["rim"]
    assert (wide >= narrow - 1e-6).all()


def test_a_crop_about_the_lesion_changes_no_distance():
    mask = np.zeros((30, 50, 60), dtype=bool)
    mask[10:14, 20:25, 0:6] = _ball(2.0, (1.0, 1.0, 1.0), half_mm=3.0)[:4, :5, :6]
    whole = signed_distance(mask, SPACING, in_plane=False)
    cropped = signed_distance(mask[4:20, 8:37, :23], SPACING, in_plane=False)
    np.testing.assert_array_equal(whole[4:20, 8:37, :23], cropped)
