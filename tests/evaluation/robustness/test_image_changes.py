from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import rayleigh

from onephase.errors import ImageError
from onephase.evaluation.robustness.change import Original
from onephase.evaluation.robustness.image_changes import amplified, biased, noisy, thickened
from onephase.imaging.case import Volume
from onephase.imaging.preprocessing import prepare_patch
from onephase.settings import ImagingSettings, RegionSettings

Ball = Callable[..., Original]
IMAGING = ImagingSettings(patch_voxels=(20, 22, 24), spacing_mm=2.0)


def _rng() -> np.random.Generator:
    return np.random.default_rng(5)


def _with_array(original: Original, array: np.ndarray) -> Original:
    volume = Volume(array.astype(np.float32), original.case.volume.grid)
    return replace(original, case=replace(original.case, volume=volume))


def test_noise_is_a_share_of_how_far_the_lesion_stands_out(ball: Ball) -> None:
    original = ball()
    array, inside = original.case.volume.array, original.mask.array
    added = (noisy(original, _rng(), share=0.1).volume.array - array)[inside]
    lesion = np.median(array[inside])  # about 400, above a darkest of about 90
    assert added.std() == pytest.approx(0.1 * (lesion - 90), rel=0.05)
    assert abs(added.mean()) < 5  # a magnitude of so strong a signal is hardly lifted


def test_noise_is_a_scanners(ball: Ball) -> None:
    """Magnitudes of nothing are Rayleigh's: scipy knows their moments; gain and offset go with the image."""
    original = ball()
    array, inside = original.case.volume.array.copy(), original.mask.array
    array[~inside] = 50
    array[0, 0, :3] = -500  # an artefact is dark, and stays it
    empty = _with_array(original, array)
    noise = 0.1 * (np.median(array[inside]) - 50)
    changed = noisy(empty, _rng(), share=0.1).volume.array
    air = changed[~inside] - 50
    assert air.min() >= 0
    assert air.mean() == pytest.approx(rayleigh.mean(scale=noise), rel=0.02)
    assert air.std() == pytest.approx(rayleigh.std(scale=noise), rel=0.02)
    otherwise = noisy(_with_array(original, 3 * array - 700), _rng(), share=0.1).volume.array
    np.testing.assert_allclose(otherwise, 3 * changed - 700, atol=0.01)
    assert changed[0, 0, :3].max() < 50 + 5 * noise


def test_a_field_is_smooth_has_its_spread_and_leaves_the_darkest_alone(ball: Ball) -> None:
    original = ball()
    array = original.case.volume.array
    darkest = np.percentile(array, 1)
    changed = biased(original, _rng(), spread=0.3).volume.array
    bright = original.mask.array
    field = np.log((changed - darkest)[bright] / (array - darkest)[bright])
    assert 0 < field.std() < 0.3  # the ball is small beside 40 mm
    log_field = np.log(np.maximum(changed - darkest, 1) / np.maximum(array - darkest, 1))[array - darkest > 5]
    assert log_field.std() == pytest.approx(0.3, rel=0.25)
    steps = np.abs(np.diff(log_field.reshape(-1)))
    assert np.median(steps) < 0.05


def test_gain_is_not_seen(ball: Ball) -> None:
    original = ball()
    given, doubled = (
        prepare_patch(case, imaging=IMAGING, regions=RegionSettings())
        for case in (original.case, amplified(original, _rng(), times=2.0))
    )
    np.testing.assert_allclose(doubled.image, given.image, atol=1e-4)
    np.testing.assert_array_equal(doubled.distance_mm, given.distance_mm)


@pytest.mark.parametrize("times", [2, 3])
def test_thick_slices_are_means_and_stay_where_they_were(ball: Ball, times: int) -> None:
    original = ball()
    changed = thickened(original, _rng(), times=times)
    grid, thin = changed.volume.grid, original.case.volume
    assert grid.spacing_mm == (1.5 * times, 1.0, 1.25)
    np.testing.assert_allclose(changed.volume.array[1], thin.array[times : 2 * times].mean(axis=0), rtol=1e-5)
    before, after = (
        one.position_mm(np.argwhere(mask).mean(axis=0))
        for one, mask in ((thin.grid, original.mask.array), (grid, changed.roi.array))
    )
    np.testing.assert_allclose(after, before, atol=0.75 * times)


def test_slices_that_are_not_contiguous_are_not_averaged(ball: Ball) -> None:
    with pytest.raises(ImageError, match="not contiguous"):
        thickened(ball(in_plane=True), _rng(), times=2)


def test_a_lesion_that_averaging_dissolves_is_refused(ball: Ball) -> None:
    with pytest.raises(ImageError, match="half filled"):
        thickened(ball(1.3), _rng(), times=5)
