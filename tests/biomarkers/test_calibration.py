import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from onephase.biomarkers.calibration import Calibration, fit_calibration
from onephase.biomarkers.panel import Events
from onephase.biomarkers.posterior import PanelPosterior
from onephase.biomarkers.potentials import Potentials

NAMES = ("scale", "offset", "ki67_scale", "ki67_offset", "ki67_sigma_scale")


def cohort(rng, cases):
    """Potentials of a varied cohort without couplings."""
    return Potentials(
        rng.normal(0, 1.5, (cases, 3)), rng.normal(-1.4, 0.8, cases), np.full(cases, 0.7), np.zeros(3), np.zeros(3)
    )


def observed(potentials, rng):
    """What pathology finds when the potentials are true."""
    cells, ki67 = PanelPosterior.from_potentials(potentials).sample(rng, 1)
    percent = np.minimum(np.floor(ki67 * 100), 99)
    ends = np.concatenate([percent, percent + 1], axis=1) / 100
    return Events(cells == np.arange(8), ends, np.full(len(cells), -1, dtype=np.int8))


def test_identity_changes_nothing(random_potentials):
    potentials = random_potentials(np.random.default_rng(1), 4)
    same = Calibration.identity().apply(potentials)
    for name in ("unary", "ki67_mu", "ki67_sigma", "coupling", "shift"):
        np.testing.assert_array_equal(getattr(same, name), getattr(potentials, name))


def test_where_nothing_is_known_it_stays_the_identity():
    fitted = fit_calibration(cohort(np.random.default_rng(1), 50), Events.unknown(50))
    for name in NAMES:
        np.testing.assert_array_equal(getattr(fitted, name), getattr(Calibration.identity(), name))


def test_a_known_distortion_is_taken_back():
    rng = np.random.default_rng(2)
    true = cohort(rng, 4000)
    distortion = Calibration(np.array([2.0, 0.5, 1.0]), np.array([0.5, -1.0, 0.0]), 0.8, 0.3, 1.5)
    fitted = fit_calibration(distortion.apply(true), observed(true, rng))
    np.testing.assert_allclose(fitted.scale, 1 / distortion.scale, rtol=0.12)
    np.testing.assert_allclose(fitted.offset, -distortion.offset / distortion.scale, atol=0.15)
    assert fitted.ki67_scale == pytest.approx(1 / 0.8, rel=0.05)
    assert fitted.ki67_offset == pytest.approx(-0.3 / 0.8, abs=0.06)
    assert fitted.ki67_sigma_scale == pytest.approx(1 / 1.5, rel=0.05)


def test_receptors_agree_with_platt_scaling():
    rng = np.random.default_rng(3)
    true = cohort(rng, 3000)
    events = observed(true, rng)
    fitted = fit_calibration(true, events)
    for receptor, name in enumerate(("er", "pr", "her2")):
        platt = LogisticRegression(C=1e6).fit(true.unary[:, [receptor]], events.status(name))
        assert fitted.scale[receptor] == pytest.approx(platt.coef_[0, 0], abs=0.02)
        assert fitted.offset[receptor] == pytest.approx(platt.intercept_[0], abs=0.02)


def test_it_never_makes_its_own_cases_less_likely(random_potentials, random_events):
    rng = np.random.default_rng(4)
    potentials, events = random_potentials(rng, 60), random_events(rng, 60)
    fitted = fit_calibration(potentials, events)
    before, after = (
        PanelPosterior.from_potentials(each).log_probability(events).sum()
        for each in (potentials, fitted.apply(potentials))
    )
    assert after >= before


def test_few_cases_move_it_little():
    rng = np.random.default_rng(5)
    true = cohort(rng, 2)
    fitted = fit_calibration(true, observed(true, rng))
    assert (np.abs(np.log(fitted.scale)) < 1).all()
    assert (np.abs(fitted.offset) < 2).all()


def test_the_fit_is_the_same_each_time(random_potentials, random_events):
    rng = np.random.default_rng(6)
    potentials, events = random_potentials(rng, 40), random_events(rng, 40)
    assert fit_calibration(potentials, events).to_json() == fit_calibration(potentials, events).to_json()


def test_json_there_and_back():
    calibration = Calibration(np.array([1.1, 0.9, 1.0]), np.array([0.1, 0.0, -0.2]), 1.05, 0.02, 1.2)
    again = Calibration.from_json(json.loads(json.dumps(calibration.to_json())))
    for name in NAMES:
        np.testing.assert_array_equal(getattr(again, name), getattr(calibration, name))


def test_a_scale_that_turns_an_answer_over_is_refused():
    with pytest.raises(ValueError, match="greater than 0"):
        Calibration(np.array([1.0, -1.0, 1.0]), np.zeros(3), 1.0, 0.0, 1.0)
