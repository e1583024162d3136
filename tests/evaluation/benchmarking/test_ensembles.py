import numpy as np
import pytest

from onephase.biomarkers.posterior import PanelPosterior
from onephase.biomarkers.potentials import Potentials
from onephase.evaluation.benchmarking.ensembles import average, coupled, join_tasks

CASES = 7


def _potentials(seed: int, *, tied: bool = True) -> Potentials:
    rng = np.random.default_rng(seed)
    scale = 0.6 if tied else 0.0
    return Potentials(
        rng.normal(0, 2, size=(CASES, 3)),
        rng.normal(-1.2, 1, size=CASES),
        rng.uniform(0.5, 1.5, size=CASES),
        scale * rng.normal(size=3),
        scale * rng.normal(size=3),
    )


def _prior() -> PanelPosterior:
    tied = Potentials(
        np.array([[0.8, 0.5, -1.0]]),
        np.array([-1.2]),
        np.ones(1),
        np.array([0.7, -0.1, 0.2]),
        np.array([-0.3, 0.0, 0.2]),
    )
    return PanelPosterior.from_potentials(tied).take(np.zeros(CASES, dtype=np.int64))


def test_the_average_has_the_mean_parameters() -> None:
    members = [_potentials(seed) for seed in range(3)]
    found = average([PanelPosterior.from_potentials(one) for one in members])
    wanted = PanelPosterior.from_potentials(Potentials.average(members))
    for name in ("log_cells", "mu", "sigma", "window"):
        np.testing.assert_allclose(getattr(found, name), getattr(wanted, name), atol=1e-12)


def test_coupled_has_the_margins_that_were_given_and_the_ties_of_the_prior() -> None:
    rng, prior = np.random.default_rng(2), _prior()
    margins = rng.uniform(0.02, 0.98, size=(CASES, 3))
    mu, sigma = rng.normal(-1, 1, size=CASES), rng.uniform(0.4, 1.2, size=CASES)
    found = coupled(margins, mu, sigma, prior=prior)
    np.testing.assert_allclose(found.marginals(), margins, atol=1e-8)
    cells = found.cells()
    mean = (cells * found.mu).sum(axis=1)
    np.testing.assert_allclose(mean, mu, atol=1e-12)
    variance = (cells * (found.sigma**2 + (found.mu - mean[:, None]) ** 2)).sum(axis=1)
    np.testing.assert_allclose(variance, sigma**2, rtol=1e-9)
    # ER-PR log odds ratio, with HER2 negative: cells 000, 100, 010, 110 in the order of CELLS
    odds = [one.log_cells @ np.array([1, 0, -1, 0, -1, 0, 1, 0]) for one in (found, prior)]
    np.testing.assert_allclose(odds[0], odds[1], atol=1e-8)


def test_the_priors_own_margins_give_the_prior() -> None:
    prior = _prior()
    mean = (prior.cells() * prior.mu).sum(axis=1)
    variance = (prior.cells() * (prior.sigma**2 + (prior.mu - mean[:, None]) ** 2)).sum(axis=1)
    found = coupled(prior.marginals(), mean, np.sqrt(variance), prior=prior)
    np.testing.assert_allclose(found.log_cells, prior.log_cells, atol=1e-9)
    np.testing.assert_allclose(found.mu, prior.mu, atol=1e-9)
    np.testing.assert_allclose(found.sigma, prior.sigma, atol=1e-9)


def test_each_task_is_heard_in_its_own_network_alone() -> None:
    networks = {
        task: PanelPosterior.from_potentials(_potentials(seed, tied=False))
        for seed, task in enumerate(("er", "pr", "her2", "ki67"))
    }
    found = join_tasks(networks, _prior())
    for place, task in enumerate(("er", "pr", "her2")):
        np.testing.assert_allclose(found.marginals()[:, place], networks[task].marginals()[:, place], atol=1e-8)
    assert (found.cells() * found.mu).sum(axis=1) == pytest.approx(networks["ki67"].mu[:, 0], abs=1e-12)


def test_for_a_task_that_nobody_could_teach_the_prior_speaks() -> None:
    prior = _prior()
    er = PanelPosterior.from_potentials(_potentials(0, tied=False))
    found = join_tasks({"er": er}, prior)
    np.testing.assert_allclose(found.marginals()[:, 0], er.marginals()[:, 0], atol=1e-8)
    np.testing.assert_allclose(found.marginals()[:, 1:], prior.marginals()[:, 1:], atol=1e-8)
    np.testing.assert_allclose((found.cells() * found.mu).sum(axis=1), (prior.cells() * prior.mu).sum(axis=1))


def test_certain_margins_stay_a_distribution() -> None:
    margins = np.tile([0.0, 1.0, 0.5], (CASES, 1))
    found = coupled(margins, np.zeros(CASES), np.full(CASES, 0.1), prior=_prior())
    np.testing.assert_allclose(found.marginals(), np.tile([1e-6, 1 - 1e-6, 0.5], (CASES, 1)), atol=1e-8)
    assert np.isfinite(found.log_cells).all()
