import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import erfcx
from scipy.stats import kstest, truncnorm

from onephase.biomarkers.truncated_normal import FAR_TAIL, log_density, log_mass, log_ndtr, sample_between


def by_quadrature(lower, upper):
    """Log of the integral of the density, its largest value taken out."""
    peak = min(max(lower, 0.0), upper)
    width = min(upper - lower, 40 / max(1.0, abs(peak)))
    nearest = (lower, lower + width) if peak == lower else (upper - width, upper)
    start, stop = nearest if peak else (lower, upper)
    area, _ = quad(lambda z: np.exp((peak - z) * (peak + z) / 2), start, stop, epsabs=0, epsrel=1e-11, limit=200)
    return np.log(area) - peak**2 / 2 - np.log(np.sqrt(2 * np.pi))


def by_scaled_complement(lower, upper):
    """Closed form far above 0, by the scaled complementary error function."""
    further = np.exp(-(upper - lower) * (upper + lower) / 2) * erfcx(upper / np.sqrt(2))
    return np.log((erfcx(lower / np.sqrt(2)) - further) / 2) - lower**2 / 2


@given(lower=st.floats(-30, 30), width=st.floats(1e-3, 20))
def test_log_mass_against_quadrature(lower, width):
    mass = log_mass(np.array([lower]), np.array([lower + width]))[0]
    assert mass == pytest.approx(by_quadrature(lower, lower + width), rel=1e-9, abs=1e-9)


@given(lower=st.floats(5, 5e5), width=st.floats(1e-2, 1e5))
def test_log_mass_in_the_far_tails(lower, width):
    ends = np.array([lower]), np.array([lower + width])
    expected = by_scaled_complement(*ends)[0]
    assert log_mass(*ends)[0] == pytest.approx(expected, rel=1e-12, abs=1e-9)
    assert log_mass(-ends[1], -ends[0])[0] == pytest.approx(expected, rel=1e-12, abs=1e-9)


def test_the_whole_line_is_exactly_certain_and_an_empty_interval_impossible():
    ends = np.array([-np.inf, 3.0, -3.0, 0.0, np.inf, -np.inf]), np.array([np.inf, 3.0, -3.0, 0.0, np.inf, -np.inf])
    assert log_mass(*ends).tolist() == [0.0, *[-np.inf] * 5]


def test_density_vanishes_at_infinity():
    np.testing.assert_allclose(log_density(np.array([0.0, 1.0])), np.log([0.3989422804, 0.2419707245]), rtol=1e-9)
    assert np.isneginf(log_density(np.array([-np.inf, np.inf]))).all()


@pytest.mark.parametrize(
    ("lower", "upper"), [(-1.0, 2.0), (3.0, np.inf), (-np.inf, -6.0), (8.0, 8.5), (-np.inf, np.inf)]
)
def test_samples_are_truncated_normal(lower, upper):
    draws = sample_between(np.full(20_000, lower), np.full(20_000, upper), rng=np.random.default_rng(1))
    assert draws.min() >= lower
    assert draws.max() <= upper
    assert kstest(draws, truncnorm(lower, upper).cdf).pvalue > 1e-3


@pytest.mark.parametrize("sign", [-1, 1])
def test_samples_in_the_far_tail_hug_the_near_end(sign):
    near, far = np.full(1000, sign * 5e5), np.full(1000, sign * 6e5)
    draws = sample_between(np.minimum(near, far), np.maximum(near, far), rng=np.random.default_rng(1))
    assert np.isfinite(draws).all()
    assert (np.abs(draws) - 5e5).mean() == pytest.approx(1 / 5e5, rel=0.2)


def test_the_logarithm_of_a_tail_is_scipys_from_end_to_end():
    z = np.concatenate(
        [
            np.linspace(-60, 60, 4801),
            -np.logspace(-300, 150, 500),
            np.nextafter(FAR_TAIL, [-np.inf, np.inf]),
            [0.0, -0.0, FAR_TAIL, -np.inf, np.inf],
        ]
    )
    np.testing.assert_allclose(log_ndtr(z), scipy.special.log_ndtr(z), rtol=1e-12, atol=1e-300)
    assert log_ndtr(z.reshape(2, -1)[:, :7]).shape == (2, 7)
    assert log_ndtr(np.empty((0, 8))).shape == (0, 8)
