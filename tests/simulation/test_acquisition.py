"""The scanner: steady state against the Bloch recursion, noise against scipy.stats.rice, contrast, gain."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from onephase.simulation.acquisition import (
    TABLE_LOG_UPTAKE,
    draw_acquisition,
    rician,
    spoiled_gradient_echo,
    stored_values,
    tissue_signals,
)
from onephase.simulation.sites import SITES, site_of

AXES = (np.linspace(-40, 40, 20), np.linspace(-40, 40, 24), np.linspace(-40, 40, 28))


@pytest.mark.parametrize(("t1_s", "repetition_ms", "flip"), [(0.4, 4.6, 10.0), (1.6, 5.5, 14.0), (0.1, 6.2, 20.0)])
def test_spoiled_gradient_echo_is_where_the_bloch_recursion_ends(t1_s, repetition_ms, flip):
    longitudinal, decay = 1.0, np.exp(-repetition_ms / 1000 / t1_s)
    for _ in range(20_000):
        longitudinal = 1 - (1 - longitudinal * np.cos(np.deg2rad(flip))) * decay
    found = spoiled_gradient_echo(np.array(t1_s), repetition_ms=repetition_ms, flip_degrees=flip)
    assert found == pytest.approx(longitudinal * np.sin(np.deg2rad(flip)), rel=1e-9)


@pytest.mark.parametrize("signal", [0.0, 0.5, 3.0])
def test_noise_is_rician(signal):
    values = rician(np.random.default_rng(1), np.full((40, 50, 60), signal, dtype=np.float32), noise=0.5)
    expected = stats.rice(signal / 0.5, scale=0.5)
    assert values.mean() == pytest.approx(expected.mean(), abs=0.01)
    assert values.std() == pytest.approx(expected.std(), abs=0.01)


@pytest.mark.parametrize("site", SITES.values(), ids=SITES)
def test_enhancing_tissue_is_brightest_and_suppressed_fat_dark(site):
    acquisition = draw_acquisition(np.random.default_rng(0), site=site)
    signals = tissue_signals(acquisition, uptake_per_min=0.2)
    lesion = float(np.interp(0.0, TABLE_LOG_UPTAKE, signals.lesion))
    assert lesion == pytest.approx(1, abs=0.12)  # the reference tissue has nearly the same uptake and space
    assert max(signals.fat, signals.gland, signals.oedema, signals.necrosis) < 0.75 * lesion
    assert signals.blood > 0.8 * lesion
    assert signals.necrosis < signals.oedema < signals.blood
    usual = (TABLE_LOG_UPTAKE > -3) & (TABLE_LOG_UPTAKE < 0.9)  # far above, fast washout turns the curve
    assert (np.diff(signals.lesion[usual]) > 0).all()


def test_two_sites_show_one_tumour_differently():
    one, other = (
        tissue_signals(draw_acquisition(np.random.default_rng(0), site=site_of(name)), uptake_per_min=0.2)
        for name in ("alder", "larch")
    )
    assert abs(one.fat - other.fat) > 0.1


def test_stored_values_follow_the_gain_and_the_receive_field_is_centred():
    acquisition = replace(draw_acquisition(np.random.default_rng(0), site=site_of("alder")), gain=1000.0)
    signal = np.ones([len(axis) for axis in AXES], dtype=np.float32)
    stored = [
        stored_values(np.random.default_rng(seed), signal=signal, axes=AXES, acquisition=acquisition)
        for seed in range(20)
    ]
    assert stored[0].dtype == np.int16
    medians = [np.median(array) for array in stored]
    np.testing.assert_allclose(medians, 1000, rtol=0.06)  # no case's gain is shifted by its bias field
    louder = replace(acquisition, gain=2000.0)
    twice = stored_values(np.random.default_rng(0), signal=signal, axes=AXES, acquisition=louder)
    np.testing.assert_allclose(twice, 2.0 * stored[0], atol=1.5)


def test_stored_values_never_overflow():
    acquisition = replace(draw_acquisition(np.random.default_rng(0), site=site_of("rowan")), gain=1e6)
    signal = np.ones([len(axis) for axis in AXES], dtype=np.float32)
    stored = stored_values(np.random.default_rng(0), signal=signal, axes=AXES, acquisition=acquisition)
    assert stored.min() >= 0
    assert stored.max() == 32767
