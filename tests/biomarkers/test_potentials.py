import json

import numpy as np
import pytest
from scipy.special import expit

from onephase.biomarkers.panel import CELLS
from onephase.biomarkers.posterior import PanelPosterior
from onephase.biomarkers.potentials import Potentials

NAMES = ("unary", "ki67_mu", "ki67_sigma", "coupling", "shift")


def test_log_odds_of_the_cells_follow_the_formula(random_potentials):
    potentials = random_potentials(np.random.default_rng(1), 4)
    expected = np.zeros((4, 8))
    for case in range(4):
        for cell, (er, pr, her2) in enumerate(CELLS.astype(int)):
            e, p, h = 2 * er - 1, 2 * pr - 1, 2 * her2 - 1
            a, b, c = potentials.coupling
            expected[case, cell] = potentials.unary[case] @ (er, pr, her2) + a * e * p + b * e * h + c * p * h
    expected = np.exp(expected) / np.exp(expected).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(PanelPosterior.from_potentials(potentials).cells(), expected, rtol=1e-12)


def test_without_couplings_the_marginals_are_the_sigmoids(random_potentials):
    potentials = random_potentials(np.random.default_rng(1), 5)
    alone = Potentials(potentials.unary, potentials.ki67_mu, potentials.ki67_sigma, np.zeros(3), np.zeros(3))
    np.testing.assert_allclose(PanelPosterior.from_potentials(alone).marginals(), expit(potentials.unary), rtol=1e-12)


def test_shifts_move_ki67_by_the_signs_of_the_cell():
    potentials = Potentials(np.zeros((1, 3)), np.array([-1.0]), np.array([0.5]), np.zeros(3), np.array([0.1, 0.2, 0.4]))
    mu = PanelPosterior.from_potentials(potentials).mu[0]
    np.testing.assert_allclose(mu[[0, 7, 6]], [-1.7, -0.3, -1.1])


def test_take_stack_and_json_return_the_same(random_potentials):
    potentials = random_potentials(np.random.default_rng(2), 6)
    parts = [potentials.take(slice(0, 2)), potentials.take(np.array([2, 3, 4, 5]))]
    for again in (Potentials.stack(parts), Potentials.from_json(json.loads(json.dumps(potentials.to_json())))):
        for name in NAMES:
            np.testing.assert_array_equal(getattr(again, name), getattr(potentials, name))


def test_other_couplings_are_not_joined(random_potentials):
    rng = np.random.default_rng(3)
    with pytest.raises(ValueError, match="join their posteriors"):
        Potentials.stack([random_potentials(rng, 4), random_potentials(rng, 4)])


def test_an_ensemble_averages_parameters(random_potentials):
    rng = np.random.default_rng(4)
    first, second = random_potentials(rng, 4), random_potentials(rng, 4)
    mean = Potentials.average([first, second])
    np.testing.assert_allclose(mean.coupling, (first.coupling + second.coupling) / 2)
    np.testing.assert_allclose(mean.ki67_sigma, np.sqrt(first.ki67_sigma * second.ki67_sigma))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("unary", np.full((1, 3), np.nan), "unary must be finite"),
        ("ki67_mu", np.array([np.inf]), "ki67_mu must be finite"),
        ("ki67_sigma", np.array([0.0]), "ki67_sigma must be at least"),
        ("ki67_sigma", np.array([-1.0]), "ki67_sigma must be at least"),
    ],
)
def test_parameters_that_are_none_are_refused(name, value, message):
    values = {
        "unary": np.zeros((1, 3)),
        "ki67_mu": np.zeros(1),
        "ki67_sigma": np.ones(1),
        "coupling": np.zeros(3),
        "shift": np.zeros(3),
    }
    with pytest.raises(ValueError, match=message):
        Potentials(**(values | {name: value}))
