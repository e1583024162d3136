import numpy as np
import pytest

from onephase.biomarkers.evidence import read_evidence
from onephase.biomarkers.panel import Events
from onephase.biomarkers.posterior import PanelPosterior
from onephase.biomarkers.potentials import Potentials
from onephase.biomarkers.prior import fit_prior


def read(**texts):
    return read_evidence(case_id="a", **texts)


def exact(cells, ki67):
    """Events that know everything, Ki-67 to the whole per cent."""
    percent = np.minimum(np.floor(ki67 * 100), 99)
    return Events(
        cells[:, np.newaxis] == np.arange(8),
        np.stack([percent, percent + 1], axis=1) / 100,
        np.full(len(cells), -1, dtype=np.int8),
    )


def test_a_fully_labelled_cohort_gives_its_own_distribution():
    rng = np.random.default_rng(1)
    true = Potentials(
        np.array([[1.0, 0.3, -1.2]]),
        np.array([-1.3]),
        np.array([0.8]),
        np.array([0.7, -0.2, 0.0]),
        np.array([-0.4, 0, 0.2]),
    )
    posterior = PanelPosterior.from_potentials(true)
    cells, ki67 = posterior.sample(rng, 20_000)
    prior = PanelPosterior.from_potentials(fit_prior(exact(cells[0], ki67[0])))
    np.testing.assert_allclose(prior.cells(), posterior.cells(), atol=0.015)
    np.testing.assert_allclose(prior.mu, posterior.mu, atol=0.06)
    np.testing.assert_allclose(prior.sigma, posterior.sigma, atol=0.03)


def test_shares_of_one_receptor_are_the_observed_ones():
    prior = PanelPosterior.from_potentials(fit_prior(Events.stack([read(her2="3+")] * 300 + [read(her2="1+")] * 900)))
    assert prior.marginals()[0, 2] == pytest.approx(0.25, abs=0.005)
    assert prior.marginals()[0, 0] == pytest.approx(0.5, abs=0.01)


def test_cohorts_that_record_different_things_fit_one_prior():
    some = [read(er="1", pr="1")] * 300 + [read(er="0", pr="0")] * 100
    others = [read(hr="1")] * 150 + [read(hr="0")] * 50
    prior = PanelPosterior.from_potentials(fit_prior(Events.stack(some + others)))
    assert prior.hr()[0] == pytest.approx(0.75, abs=0.01)


def test_where_nothing_is_known_the_wide_prior_stays():
    potentials = fit_prior(Events.unknown(4))
    np.testing.assert_array_equal(potentials.unary, np.zeros((1, 3)))
    assert PanelPosterior.from_potentials(potentials).ki67_median()[0] == pytest.approx(0.2, abs=1e-6)


def test_one_class_only_stays_finite_and_open():
    prior = PanelPosterior.from_potentials(fit_prior(Events.stack([read(er="1")] * 500)))
    assert 0.98 < prior.marginals()[0, 0] < 1


def test_the_fit_is_the_same_each_time_and_in_any_order(random_potentials, random_events):
    rng = np.random.default_rng(2)
    events = random_events(rng, 200)
    first, again = fit_prior(events), fit_prior(events)
    np.testing.assert_array_equal(first.unary, again.unary)
    np.testing.assert_array_equal(first.unary, fit_prior(events.take(rng.permutation(200))).unary)


def test_no_neighbouring_parameters_are_more_likely(random_events):
    events = random_events(np.random.default_rng(3), 400)
    prior = fit_prior(events)

    def log_likelihood(unary):
        many = Potentials(
            np.tile(unary, (400, 1)),
            np.repeat(prior.ki67_mu, 400),
            np.repeat(prior.ki67_sigma, 400),
            prior.coupling,
            prior.shift,
        )
        penalty = (unary**2).sum() / (2 * 3.0**2)
        return PanelPosterior.from_potentials(many).log_probability(events).sum() - penalty

    best = log_likelihood(prior.unary)
    for step in np.concatenate([np.eye(3), -np.eye(3)]) * 0.02:
        assert log_likelihood(prior.unary + step) < best
