"""The brightness of air: what it is in pictures of tissue and air, and what must not change it."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from onephase.imaging.air import ENOUGH_VOXELS, air_level


def _breast(shape=(10, 60, 70), air_from_row=20) -> np.ndarray:
    """Tissue with noise, and air above it, whose magnitude is that of noise alone."""
    rng = np.random.default_rng(5)
    tissue = 300 + 40 * gaussian_filter(rng.standard_normal(shape), 1.5)
    tissue[:, :air_from_row] = 0
    return np.hypot(tissue + 10 * rng.standard_normal(shape), 10 * rng.standard_normal(shape)).astype(np.float32)


def test_air_is_as_bright_as_the_faintest_noise_and_no_tissue():
    volume = _breast()
    assert air_level(volume) == pytest.approx(np.quantile(volume, 0.005), abs=1e-4)
    assert 0 <= air_level(volume) < 3  # of noise of 10, in tissue of 300


def test_a_few_artefacts_are_no_air():
    volume = _breast()
    volume[0, -1, :20] = -500  # 20 of 42,000 voxels
    assert air_level(volume) > 0


def test_without_air_the_darkest_tissue_stands_for_it():
    assert air_level(_breast(air_from_row=0)) > 200


def test_of_a_large_volume_rows_and_columns_are_skipped_evenly():
    small = _breast(shape=(30, 90, 80))
    large = np.full((30, 270, 240), -500, dtype=np.float32)
    large[:, ::4, ::4] = small[:, :68, :60]
    assert 16 * ENOUGH_VOXELS <= large.size < 25 * ENOUGH_VOXELS
    assert air_level(large) == pytest.approx(air_level(small[:, :68, :60]), abs=1e-4)
