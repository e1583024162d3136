"""The latent biology: prevalences, Ki-67, and the reading error, against scipy.stats."""

import numpy as np
import pytest
from scipy import stats

from onephase.biomarkers.panel import CELLS
from onephase.simulation.biology import (
    CELL_PREVALENCE,
    KI67_COMPONENTS,
    KI67_WEIGHTS,
    draw_biology,
    ki67_prior,
    reading_probability,
    reading_sd,
)

CASES = 40_000


@pytest.fixture(scope="module")
def tumours():
    return draw_biology(np.random.default_rng(3), cases=CASES)


def test_prevalences_are_those_of_a_hospital(tumours):
    positive = CELLS[tumours.cell].mean(axis=0)
    assert CELL_PREVALENCE.sum() == pytest.approx(1)
    np.testing.assert_allclose(positive, CELL_PREVALENCE @ CELLS, atol=0.01)
    assert 0.20 <= positive[2] <= 0.25
    assert 0.13 <= (tumours.cell == 0).mean() <= 0.15


def test_er_and_pr_go_together(tumours):
    er, pr, _ = CELLS[tumours.cell].T.astype(float)
    assert 0.6 < np.corrcoef(er, pr)[0, 1] < 0.75


def test_ki67_is_spread_as_in_registries(tumours):
    percent = 100 * tumours.ki67_read
    assert 24 <= percent.mean() <= 27
    assert 18 <= np.median(percent) <= 22
    assert 18 <= percent.std() <= 22
    assert percent.min() >= 0
    assert percent.max() < 100


def test_weights_of_the_components_sum_to_one():
    np.testing.assert_allclose(KI67_WEIGHTS.sum(axis=1), 1)


@pytest.mark.parametrize("component", KI67_COMPONENTS)
def test_a_component_has_the_mean_and_sd_that_it_names(component):
    mean, variance = stats.beta(*component.shape).stats("mv")
    assert mean == pytest.approx(component.mean)
    assert np.sqrt(variance) == pytest.approx(component.sd)


def test_the_prior_is_the_mixture_of_beta_distributions():
    edges = np.linspace(0, 1, 6)
    expected = np.zeros((8, 5))
    for cell, weights in enumerate(KI67_WEIGHTS):
        for weight, component in zip(weights, KI67_COMPONENTS, strict=True):
            expected[cell] += weight * np.diff(stats.beta(*component.shape).cdf(edges))
    np.testing.assert_allclose(ki67_prior(edges), expected, atol=1e-12)
    np.testing.assert_allclose(ki67_prior(edges).sum(axis=1), 1)


def test_what_is_drawn_follows_the_prior(tumours):
    edges = np.linspace(0, 1, 11)
    for cell in (0, 6):
        found = np.histogram(tumours.ki67[tumours.cell == cell], edges)[0]
        expected = ki67_prior(edges)[cell] * found.sum()
        assert (
            stats.chisquare(
                found[expected > 5], expected[expected > 5] * found[expected > 5].sum() / expected[expected > 5].sum()
            ).pvalue
            > 1e-3
        )


def test_the_reading_error_is_a_truncated_normal():
    true, edges = np.array([0.02, 0.3, 0.97]), np.linspace(0, 1, 5)
    sd = reading_sd(true)
    np.testing.assert_allclose(sd, np.sqrt((0.1 * true) ** 2 + 0.05**2))
    expected = [
        np.diff(stats.truncnorm(-k / s, (1 - k) / s, loc=k, scale=s).cdf(edges)) for k, s in zip(true, sd, strict=True)
    ]
    np.testing.assert_allclose(reading_probability(true, edges), expected, atol=1e-9)


def test_readings_scatter_as_they_should(tumours):
    middle = (tumours.ki67 > 0.28) & (tumours.ki67 < 0.32)
    error = (tumours.ki67_read - tumours.ki67)[middle]
    assert abs(error.mean()) < 0.005
    assert error.std() == pytest.approx(np.hypot(0.03, 0.05), rel=0.05)
