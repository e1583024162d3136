"""The brightness of air: what it is in pictures of tissue and air, and what must not change it."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from onephase.imaging.air import ENOUGH_VOXELS, air_of


def _breast(shape=(10, 60, 70), air_from_row=20) -> np.ndarray:
    """Tissue with noise, and air above it, whose magnitude is that of noise alone."""
    rng = np.random.default_rng(5)
    tissue = 300 + 40 * gaussian_filter(rng.standard_normal(shape), 1.5)
    tissue[:, :air_from_row] = 0
    return np.hypot(tissue + 10 * rng.standard_normal(shape), 10 * rng.standard_normal(shape)).astype(np.float32)


def test_air_is_as_bright_as_the_faintest_noise_and_no_tissue():
    volume = _breast()
    assert air_of(volume).level == pytest.approx(np.quantile(volume, 0.005), abs=1e-4)
    assert 0 <= air_of(volume).level < 3  # of noise of 10, in tissue of 300


def test_a_few_artefacts_are_no_air():
    volume = _breast()
    volume[0, -1, :20] = -500  # 20 of 42,000 voxels
    assert air_of(volume).level > 0


def test_without_air_the_darkest_tissue_stands_for_it():
    assert air_of(_breast(air_from_row=0)).level > 200


def test_of_a_large_volume_rows_and_columns_are_skipped_evenly():
    small = _breast(shape=(30, 90, 80))
    large = np.full((30, 270, 240), -500, dtype=np.float32)
    large[:, ::4, ::4] = small[:, :68, :60]
    assert 16 * ENOUGH_VOXELS <= large.size < 25 * ENOUGH_VOXELS
    assert air_of(large).level == pytest.approx(air_of(small[:, :68, :60]).level, abs=1e-4)


@pytest.mark.parametrize(("sd", "offset"), [(2.0, 0.0), (10.0, 0.0), (10.0, -900.0), (50.0, 0.0)])
def test_the_power_of_noise_is_that_of_its_magnitude_in_air(sd, offset):
    """Rayleigh's distribution has the mean 1.25 sd and the mean square 2 sd^2, counted from a level below both."""
    rng = np.random.default_rng(6)
    tissue = np.zeros((30, 60, 70))
    tissue[:, 20:] = 300
    volume = np.hypot(tissue + sd * rng.standard_normal(tissue.shape), sd * rng.standard_normal(tissue.shape)) + offset
    found = air_of(volume.astype(np.float32))
    level = found.level - offset
    assert 0 < level < sd / 3
    assert found.power == pytest.approx(2 * sd**2 - 2 * level * np.sqrt(np.pi / 2) * sd + level**2, rel=0.05)


def test_air_without_noise_has_none():
    volume = np.full((10, 20, 30), 200, dtype=np.float32)
    volume[:, :5] = 0
    assert (air_of(volume).level, air_of(volume).power) == (0, 0)


def test_a_single_voxel_is_its_own_air():
    assert (air_of(np.full((1, 1, 1), 7, dtype=np.float32)).level, air_of(np.full((2, 3, 1), 7, np.float32)).power) == (
        7,
        0,
    )
