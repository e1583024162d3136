import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onephase.biomarkers.evidence import read_evidence
from onephase.biomarkers.gradient import event_gradient
from onephase.biomarkers.panel import Events
from onephase.biomarkers.posterior import PanelPosterior
from onephase.biomarkers.potentials import Potentials

STEP = 1e-5
DERIVATIVES = ("unary", "ki67_mu", "log_ki67_sigma", "coupling", "shift")


def shifted(potentials, name, index, step):
    values = {n: getattr(potentials, n).copy() for n in ("unary", "ki67_mu", "ki67_sigma", "coupling", "shift")}
    if name == "log_ki67_sigma":
        values["ki67_sigma"] = values["ki67_sigma"] * np.exp(step)
    elif name == "unary":
        values["unary"][:, index] += step
    elif name == "ki67_mu":
        values["ki67_mu"] += step
    else:
        values[name][index] += step
    return Potentials(**values)


@given(seed=st.integers(0, 2**32 - 1))
def test_derivatives_against_finite_differences(seed, random_potentials, random_events):
    rng = np.random.default_rng(seed)
    potentials, events = random_potentials(rng, 5), random_events(rng, 5)
    at = event_gradient(potentials, events)
    for name in DERIVATIVES:
        columns = np.atleast_2d(getattr(at, name).T)
        for index, column in enumerate(columns):
            up, down = (
                PanelPosterior.from_potentials(shifted(potentials, name, index, step)).log_probability(events)
                for step in (STEP, -STEP)
            )
            np.testing.assert_allclose(column, (up - down) / (2 * STEP), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("extreme", [False, True])
def test_no_observation_has_a_gradient_of_exactly_zero(extreme, random_potentials):
    at = event_gradient(random_potentials(np.random.default_rng(1), 6, extreme=extreme), Events.unknown(6))
    for name in ("log_probability", *DERIVATIVES):
        assert not getattr(at, name).any(), name


def test_extreme_parameters_give_finite_slopes(random_potentials, random_events):
    rng = np.random.default_rng(2)
    at = event_gradient(random_potentials(rng, 300, extreme=True), random_events(rng, 300))
    for name in ("log_probability", *DERIVATIVES):
        assert np.isfinite(getattr(at, name)).all(), name


def test_hr_positive_draws_er_and_pr_up_without_naming_either():
    even = Potentials(np.zeros((1, 3)), np.zeros(1), np.ones(1), np.zeros(3), np.zeros(3))
    unary = event_gradient(even, read_evidence(case_id="a", hr="1")).unary[0]
    np.testing.assert_allclose(unary, [1 / 6, 1 / 6, 0], atol=1e-12)
