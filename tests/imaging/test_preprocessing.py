from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pytest
import SimpleITK
from hypothesis import given, settings
from hypothesis import strategies as st

from onephase.errors import ImageError
from onephase.imaging.case import Box, Case, Mask, Volume
from onephase.imaging.descriptors import ABOVE_AIR, DESCRIPTORS, SHARE_ABOVE_AIR
from onephase.imaging.flags import DEEP_AIR, IN_PLANE, NO_CORE, ONE_VOXEL, SHELL_LEAVES_PATCH, SHELL_LEAVES_VOLUME
from onephase.imaging.frame import lesion_bounds, patch_frame
from onephase.imaging.geometry import Grid
from onephase.imaging.normalisation import LOWEST
from onephase.imaging.preprocessing import prepare_patch, slices_needed
from onephase.imaging.regions import FAR_MM
from onephase.imaging.sampling import crop_of, resample, sampling_of
from onephase.settings import ImagingSettings, RegionSettings

REGIONS = RegionSettings()
SMALL = ImagingSettings(patch_voxels=(20, 22, 24))


def _case(shape=(24, 40, 44), spacing=(2.0, 1.0, 1.0), *, centre=(12, 20, 22), radius_mm=6.0, seed=0) -> Case:
    rng = np.random.default_rng(seed)
    grid = Grid.axial(shape, spacing, origin_mm=(-20.0, 7.0, 3.0))
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    mask = (((index - centre) * np.asarray(spacing)) ** 2).sum(axis=-1) < radius_mm**2
    array = (100 + 20 * rng.standard_normal(shape) + 150 * mask).astype(np.float32)
    return Case("a", Volume(array, grid), Mask(mask, grid))


def test_any_orientation_of_the_same_patient_gives_the_same_patch():
    case = _case()
    assert isinstance(case.roi, Mask)
    reference = prepare_patch(case, SMALL, REGIONS)
    for order, flips in product(permutations(range(3)), product((1, -1), repeat=3)):
        grid = case.volume.grid
        step = grid.index_to_mm[:, order] * flips
        corner = [0 if flip > 0 else grid.shape[axis] - 1 for axis, flip in zip(order, flips, strict=True)]
        origin = grid.position_mm(np.array([corner[order.index(axis)] for axis in range(3)], dtype=np.float64))
        turned = Grid(
            tuple(grid.shape[axis] for axis in order),
            tuple(grid.spacing_mm[axis] for axis in order),
            tuple(map(float, origin)),
            step / np.linalg.norm(step, axis=0),
        )

        def turn(array, order=order, flips=flips):
            return np.ascontiguousarray(array.transpose(order)[tuple(slice(None, None, flip) for flip in flips)])

        other = Case("b", Volume(turn(case.volume.array), turned), Mask(turn(case.roi.array), turned))
        patch = prepare_patch(other, SMALL, REGIONS)
        assert patch.frame.same_as(reference.frame)
        np.testing.assert_allclose(patch.image, reference.image, atol=2e-4)
        np.testing.assert_allclose(patch.distance_mm, reference.distance_mm, atol=1e-3)
        assert patch.facts == pytest.approx(reference.facts, rel=0.01)


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (2, 0, 1)])
def test_a_patch_owes_nothing_to_the_slices_that_it_does_not_need(order: tuple[int, int, int]):
    shape, centre = (tuple(sizes[axis] for axis in order) for sizes in ((50, 60, 70), (30, 25, 40)))
    case = _case(shape, (1.0, 1.0, 1.0), centre=centre)
    assert isinstance(case.roi, Mask)
    needed = slices_needed(case.roi, case.volume.grid, imaging=SMALL)
    assert 0 < needed.start < needed.stop < case.volume.grid.shape[0]
    array = np.zeros_like(case.volume.array)
    array[needed.start : needed.stop] = case.volume.array[needed.start : needed.stop]
    part = replace(case, volume=Volume(array, case.volume.grid, needed))
    some, every = prepare_patch(part, SMALL, REGIONS), prepare_patch(case, SMALL, REGIONS)
    np.testing.assert_array_equal(some.image, every.image)
    np.testing.assert_array_equal(some.descriptors, every.descriptors)  # of air, too, no other slice counts
    for place in (needed.start + 3, needed.stop - 4):  # and much to the others, less at the very ends
        array = case.volume.array.copy()
        array[place] += 1000
        other = replace(case, volume=Volume(array, case.volume.grid))
        assert (prepare_patch(other, SMALL, REGIONS).image != prepare_patch(case, SMALL, REGIONS).image).any()


def test_all_slices_are_needed_where_the_outline_is_still_to_be_drawn():
    grid = Grid.axial((9, 10, 11), (2.0, 1.0, 1.0), origin_mm=(0.0, 0.0, 0.0))
    assert slices_needed(Box((2.0, 5.0), (2.0, 5.0), (2.0, 5.0)), grid, imaging=SMALL) == range(9)


def test_a_volume_is_judged_by_the_slices_that_were_read():
    grid, array = Grid.axial((3, 4, 5), (1.0, 1.0, 1.0), origin_mm=(0.0, 0.0, 0.0)), np.zeros((3, 4, 5), np.float32)
    array[1] = 7
    with pytest.raises(ImageError, match=r"constant \(every voxel is 7\)"):
        Volume(array, grid, range(1, 2))


@given(st.floats(1e-3, 1e4), st.floats(-500, 500))
@settings(max_examples=20)
def test_scanner_gain_and_offset_do_not_matter(gain, offset):
    case = _case()
    array = (case.volume.array.astype(np.float64) * gain + offset * gain).astype(np.float32)
    other = Case("a", Volume(array, case.volume.grid), case.roi)
    reference, found = prepare_patch(case, SMALL, REGIONS), prepare_patch(other, SMALL, REGIONS)
    np.testing.assert_allclose(found.image, reference.image, atol=5e-3)
    assert found.against.air == pytest.approx(reference.against.air, abs=5e-3)
    np.testing.assert_allclose(found.against.levels, reference.against.levels, rtol=5e-3, atol=1e-3)
    first = DESCRIPTORS.index(ABOVE_AIR)
    np.testing.assert_allclose(found.descriptors[first:], reference.descriptors[first:], atol=5e-3)


def test_air_in_view_of_plain_fat_is_air_to_the_descriptors_too():
    """Fat that varies little makes a small unit, in which air lies deep: cut off sooner, it would lie above itself."""
    case = _case(shape=(24, 90, 80), centre=(12, 20, 40))
    assert isinstance(case.roi, Mask)
    values = 100 + 2 * np.random.default_rng(1).standard_normal(case.volume.grid.shape) + 60 * case.roi.array
    values[:, :10] = 0  # before the skin
    patch = prepare_patch(
        Case("a", Volume(values.astype(np.float32), case.volume.grid), case.roi),
        ImagingSettings(patch_voxels=(20, 40, 40)),
        REGIONS,
    )
    assert patch.against.air < -10
    assert patch.image.min() == pytest.approx(patch.against.air, abs=0.01)
    assert patch.descriptors[DESCRIPTORS.index(SHARE_ABOVE_AIR)] == pytest.approx(0, abs=0.01)


def test_a_little_air_deeper_than_a_patch_is_cut_off_is_cut_off_with_it():
    case = _case(shape=(40, 90, 80), centre=(20, 32, 40), radius_mm=4.0)
    assert isinstance(case.roi, Mask)
    values = 100 + 2 * np.random.default_rng(1).standard_normal(case.volume.grid.shape) + 60 * case.roi.array
    values[17:24, 20:26, 30:46] = 0  # .6 % of the patch, so no part of its range; of what is near the lesion 2.5 %
    values[:, 70:] = 0  # beyond the patch
    volume = Volume(values.astype(np.float32), case.volume.grid)
    patch = prepare_patch(
        Case("a", volume, case.roi), ImagingSettings(spacing_mm=1.0, patch_voxels=(64, 64, 64)), REGIONS
    )
    assert patch.image.min() == LOWEST == patch.against.air
    assert patch.descriptors[DESCRIPTORS.index(SHARE_ABOVE_AIR)] == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize(("fill", "flagged"), [(0.0, False), (-2.0, True)])
def test_padding_darker_than_air_is_flagged(fill, flagged):
    case = _case()
    values = np.pad(case.volume.array, ((0, 0), (0, 0), (0, 20)), constant_values=fill * case.volume.array.max())
    padded = Grid.axial(values.shape, case.volume.grid.spacing_mm, origin_mm=case.volume.grid.origin_mm)
    mask = Mask(np.pad(case.roi.array, ((0, 0), (0, 0), (0, 20))), padded)
    patch = prepare_patch(Case("a", Volume(values, padded), mask), SMALL, REGIONS)
    assert (DEEP_AIR in patch.flags) == flagged


def test_resampling_to_a_finer_grid_is_simpleitks_linear_interpolation():
    case = _case()
    frame = patch_frame(
        case.volume.grid,
        np.array([[10, 14], [18, 23], [20, 25]]),
        ImagingSettings(spacing_mm=0.8, patch_voxels=(10, 11, 12)),
    )
    axes = sampling_of(frame, case.volume.grid)
    found = resample(crop_of(case.volume.array, axes), axes)
    image = SimpleITK.GetImageFromArray(case.volume.array)
    image.SetSpacing(case.volume.grid.spacing_mm[::-1])
    image.SetOrigin(case.volume.grid.origin_mm)
    reference = SimpleITK.Image([12, 11, 10], SimpleITK.sitkFloat32)
    reference.SetSpacing([0.8] * 3)
    reference.SetOrigin(frame.origin_mm)
    wanted = SimpleITK.GetArrayFromImage(
        SimpleITK.Resample(image, reference, SimpleITK.Transform(), SimpleITK.sitkLinear)
    )
    np.testing.assert_allclose(found, wanted, rtol=1e-4)


def test_resampling_keeps_a_constant_and_a_slope_and_averages_noise():
    grid = Grid.axial((40, 41, 42), (1.0, 0.5, 0.5))
    ramp = np.broadcast_to(np.arange(42, dtype=np.float32), grid.shape).copy()
    frame = patch_frame(
        grid, np.array([[15, 25], [15, 25], [15, 25]]), ImagingSettings(spacing_mm=1.5, patch_voxels=(8, 8, 8))
    )
    axes = sampling_of(frame, grid)
    found = resample(crop_of(ramp, axes), axes)
    np.testing.assert_allclose(np.diff(found, axis=2), 3.0, rtol=1e-4)
    noise = np.random.default_rng(0).standard_normal(grid.shape).astype(np.float32)
    assert resample(crop_of(noise, axes), axes).std() < 0.5


def test_the_patch_is_centred_and_the_distance_knows_the_lesion():
    case = _case(radius_mm=8.0)
    patch = prepare_patch(case, ImagingSettings(), REGIONS)
    assert patch.distance_mm.shape == (48, 48, 48)
    inside_ml = float((patch.distance_mm < 0).sum() * 1.5**3 / 1000)
    assert inside_ml == pytest.approx(patch.facts["volume_ml"], rel=0.08)
    assert patch.facts["volume_ml"] == pytest.approx(4 / 3 * np.pi * 8**3 / 1000, rel=0.05)
    assert patch.facts["longest_mm"] == pytest.approx(16, abs=2.5)
    assert patch.facts["core_ml"] == pytest.approx(4 / 3 * np.pi * 6**3 / 1000, rel=0.2)
    assert patch.distance_mm[23:25, 23:25, 23:25].max() < -5
    assert patch.image[patch.distance_mm < -2].mean() > patch.image[patch.distance_mm > 8].mean() + 2


def test_outside_the_volume_is_far_and_dark_and_flagged():
    case = _case(centre=(1, 2, 3), radius_mm=4.0)
    patch = prepare_patch(case, ImagingSettings(), REGIONS)
    assert patch.distance_mm[0, 0, 0] == FAR_MM
    assert patch.image[0, 0, 0] == 0
    assert SHELL_LEAVES_VOLUME in patch.flags


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (8.0, 0.7, 0.7), (3.0, 3.0, 3.0)])
def test_a_three_millimetre_lesion_has_defined_answers(spacing):
    case = _case(spacing=spacing, radius_mm=1.6)
    patch = prepare_patch(case, ImagingSettings(), REGIONS)
    assert NO_CORE in patch.flags
    assert patch.facts["core_ml"] == 0
    assert patch.facts["rim_ml"] > 0
    assert patch.facts["shell_ml"] > 0
    assert np.isfinite(patch.image).all()
    assert (ONE_VOXEL in patch.flags) == (case.roi.array.sum() == 1)
    assert any("further than the shell" in flag for flag in patch.flags) == (spacing[0] == 8)


def test_a_lesion_larger_than_the_patch_is_cut_and_says_so():
    case = _case(shape=(40, 60, 60), centre=(20, 30, 30), spacing=(2.0, 1.0, 1.0), radius_mm=25.0)
    flags = prepare_patch(case, SMALL, REGIONS).flags
    assert any("is cut" in flag for flag in flags)
    close = _case(shape=(40, 60, 60), centre=(20, 30, 30), spacing=(2.0, 1.0, 1.0), radius_mm=12.0)
    assert SHELL_LEAVES_PATCH in prepare_patch(close, SMALL, REGIONS).flags


def test_a_cut_by_the_patch_is_no_lesion_surface():
    case = _case(shape=(40, 60, 60), centre=(20, 30, 30), spacing=(2.0, 1.0, 1.0), radius_mm=25.0)
    small = ImagingSettings(spacing_mm=1.5, patch_voxels=(8, 10, 12))
    whole = prepare_patch(case, ImagingSettings(spacing_mm=1.5, patch_voxels=(40, 40, 40)), REGIONS).distance_mm
    np.testing.assert_allclose(prepare_patch(case, small, REGIONS).distance_mm, whole[16:24, 15:25, 14:26], rtol=1e-5)


@pytest.mark.parametrize("sampling", ["volume", "stack"])
@pytest.mark.parametrize("corner", [(0, 0, 0), (23, 39, 43), (0, 39, 20)])
def test_a_single_voxel_in_a_corner_has_defined_answers(sampling, corner):
    case = _case()
    mask = np.zeros(case.volume.grid.shape, dtype=bool)
    mask[corner] = True
    imaging = ImagingSettings(sampling=sampling, patch_voxels=(20, 22, 24))
    patch = prepare_patch(Case("a", case.volume, Mask(mask, case.volume.grid)), imaging, REGIONS)
    assert {ONE_VOXEL, NO_CORE, SHELL_LEAVES_VOLUME} <= set(patch.flags)
    assert np.isfinite(patch.image).all()
    assert patch.distance_mm.min() < 1.5
    assert patch.facts["volume_ml"] == pytest.approx(0.002)
    assert patch.facts["rim_ml"] > 0


def test_half_precision_holds_a_patch():
    patch = prepare_patch(_case(), SMALL, REGIONS)
    assert np.abs(patch.image.astype(np.float16) - patch.image).max() < 0.01
    assert np.abs(patch.distance_mm.astype(np.float16) - patch.distance_mm).max() < 0.02


def test_a_stack_keeps_its_slices():
    case = _case(shape=(8, 40, 44), spacing=(9.0, 1.0, 1.0), centre=(4, 20, 22), radius_mm=30.0)
    imaging = ImagingSettings(sampling="stack", spacing_mm=1.0, patch_voxels=(12, 40, 40))
    patch = prepare_patch(case, imaging, REGIONS)
    assert IN_PLANE in patch.flags
    assert patch.frame.spacing_mm[0] == 9.0
    lesion_slices = np.flatnonzero((patch.distance_mm < 0).any(axis=(1, 2)))
    assert len(lesion_slices) == case.roi.array.any(axis=(1, 2)).sum()
    outside = (patch.distance_mm == FAR_MM).all(axis=(1, 2))
    assert outside.sum() >= 4  # twelve places, eight slices
    grey = patch.image[lesion_slices[0]]
    assert np.unique(grey).size > 100


def test_a_tall_stack_is_thinned_evenly():
    case = _case(shape=(30, 40, 44), spacing=(2.0, 1.0, 1.0), centre=(15, 20, 22), radius_mm=24.0)
    imaging = ImagingSettings(sampling="stack", spacing_mm=1.5, patch_voxels=(6, 32, 32))
    patch = prepare_patch(case, imaging, REGIONS)
    height = int(np.ptp(np.flatnonzero(case.roi.array.any(axis=(1, 2)))) + 1)
    assert patch.frame.spacing_mm[0] == 2.0 * np.ceil(height / 6)
    on_slices = case.volume.grid.index_of(np.asarray(patch.frame.origin_mm))[0]
    assert on_slices == pytest.approx(round(on_slices))


def test_bounds_are_those_of_the_set_voxels():
    mask = np.zeros((4, 5, 6), dtype=bool)
    mask[1:3, 2:5, 3] = True
    assert lesion_bounds(mask).tolist() == [[1, 3], [2, 5], [3, 4]]


def test_a_box_is_outlined_and_marked_in_what_follows():
    case = _case()
    boxed = Case("a", case.volume, Box((14.0, 30.0), (12.0, 28.0), (8.0, 17.0)))
    patch = prepare_patch(boxed, SMALL, REGIONS)
    assert patch.outline_method.startswith("semi-automatic")
    assert any("nobody has checked it" in flag for flag in patch.flags)
