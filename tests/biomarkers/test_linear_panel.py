from itertools import pairwise

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression, Ridge

from onephase.biomarkers.linear_panel import SPREADS, LinearPanel, choose_spread, fit_linear_panel
from onephase.biomarkers.panel import CELLS, Events
from onephase.biomarkers.posterior import PanelPosterior
from onephase.biomarkers.prior import fit_prior
from onephase.errors import TrainingError

NAMES = ("size", "margin", "texture")
WEIGHTS = np.array([[1.0, 0.5, 0.0], [-0.5, 0.0, 0.8], [0.0, 0.0, 0.0]])


def cohort(cases: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return features, receptor statuses and Ki-67 fractions of independent biomarkers."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(cases, 3)) * (5.0, 0.1, 1.0) + (20.0, 0.0, 3.0)
    standard = (features - features.mean(axis=0)) / features.std(axis=0)
    status = rng.random((cases, 3)) < expit(standard @ WEIGHTS + (0.8, 0.3, -1.2))
    ki67 = expit(rng.normal(-1.2 + standard @ (0.6, -0.4, 0.0), 0.7))
    return features, status, ki67


def events_of(status: np.ndarray, ki67: np.ndarray, *, width: float = 0.001) -> Events:
    cells = (CELLS[np.newaxis] == status[:, np.newaxis]).all(axis=2)
    interval = np.column_stack([np.maximum(ki67 - width / 2, 0), np.minimum(ki67 + width / 2, 1)])
    return Events(cells, interval, np.full(len(status), -1, dtype=np.int8))


def test_known_receptors_without_couplings_are_three_logistic_regressions() -> None:
    features, status, ki67 = cohort(400)
    model = fit_linear_panel(features, events_of(status, ki67), names=NAMES, spread=0.5, couplings=False)
    standard = (features - features.mean(axis=0)) / features.std(axis=0)
    for receptor in range(3):
        reference = LogisticRegression(C=0.5**2, tol=1e-10, max_iter=10_000).fit(standard, status[:, receptor])
        assert model.weights[:, receptor] == pytest.approx(reference.coef_[0], abs=5e-3)
        assert model.intercept[receptor] == pytest.approx(reference.intercept_[0], abs=5e-3)
    assert not model.coupling.any()
    assert not model.shift.any()
    marginals = PanelPosterior.from_potentials(model.potentials(features)).marginals()
    assert marginals[:, 2] == pytest.approx(reference.predict_proba(standard)[:, 1], abs=2e-3)


def test_narrow_ki67_without_couplings_is_a_ridge_regression_of_its_logit() -> None:
    features, status, ki67 = cohort(200)
    model = fit_linear_panel(features, events_of(status, ki67), names=NAMES, spread=0.5, couplings=False)
    standard = (features - features.mean(axis=0)) / features.std(axis=0)
    reference = Ridge(alpha=model.ki67_sigma**2 / 0.5**2).fit(standard, logit(ki67))
    assert model.weights[:, 3] == pytest.approx(reference.coef_, abs=2e-3)
    assert model.intercept[3] == pytest.approx(reference.intercept_, abs=5e-3)
    assert model.ki67_sigma == pytest.approx((logit(ki67) - reference.predict(standard)).std(), rel=0.02)


def test_weights_of_no_spread_leave_the_prior() -> None:
    features, status, ki67 = cohort(60)
    events = events_of(status, ki67)
    model, prior = fit_linear_panel(features, events, names=NAMES, spread=1e-9), fit_prior(events)
    potentials = model.potentials(features)
    assert potentials.unary == pytest.approx(np.tile(prior.unary, (60, 1)), abs=1e-4)
    assert potentials.ki67_mu == pytest.approx(np.tile(prior.ki67_mu, 60), abs=1e-4)
    assert potentials.coupling == pytest.approx(prior.coupling, abs=1e-4)


def test_couplings_are_found_where_receptors_go_together() -> None:
    features, status, ki67 = cohort(200)
    status[:, 1] = status[:, 0] ^ (np.random.default_rng(1).random(200) < 0.1)
    model = fit_linear_panel(features, events_of(status, ki67), names=NAMES, spread=0.3)
    assert model.coupling[0] > 0.7
    assert abs(model.coupling[1]) < 0.4


def test_partial_and_missing_labels_teach_what_they_hold() -> None:
    features, status, ki67 = cohort(600)
    full = events_of(status, ki67)
    partial = full.cells.copy()
    hr = status[:, 0] | status[:, 1]
    hr_cells = CELLS[:, 0] | CELLS[:, 1]
    partial[::2] = (hr_cells == hr[::2, np.newaxis]) & (CELLS[:, 2] == status[::2, 2, np.newaxis])
    partial[1::8] = True
    wide = np.where((np.arange(600) % 3 == 0)[:, np.newaxis], (0.0, 1.0), full.ki67)
    events = Events(partial, wide, full.pr_high.copy())
    model = fit_linear_panel(features, events, names=NAMES, spread=1.0, couplings=False)
    assert model.weights[:, :3] == pytest.approx(WEIGHTS, abs=0.35)
    assert model.weights[:, 3] == pytest.approx((0.6, -0.4, 0.0), abs=0.1)


def test_an_unknown_cohort_teaches_nothing() -> None:
    features, _, _ = cohort(40)
    model = fit_linear_panel(features, Events.unknown(40), names=NAMES, spread=1.0)
    assert not model.weights.any()


def test_units_of_features_and_order_of_cases_change_nothing() -> None:
    features, status, ki67 = cohort(60)
    events = events_of(status, ki67)
    first = fit_linear_panel(features, events, names=NAMES, spread=0.3)
    order = np.random.default_rng(3).permutation(60)
    other = fit_linear_panel(features[order] * 10 + 7, events.take(order), names=NAMES, spread=0.3)
    before, after = first.potentials(features), other.potentials(features * 10 + 7)
    assert after.unary == pytest.approx(before.unary, abs=1e-4)
    assert after.ki67_mu == pytest.approx(before.ki67_mu, abs=1e-4)


def test_a_constant_feature_has_no_say() -> None:
    features, status, ki67 = cohort(80)
    features[:, 1] = 2.0
    model = fit_linear_panel(features, events_of(status, ki67), names=NAMES, spread=1.0)
    assert model.weights[1] == pytest.approx(np.zeros(4), abs=1e-9)


def test_noise_is_shrunk_and_signal_is_not() -> None:
    features, status, ki67 = cohort(120)
    events, fold = events_of(status, ki67), np.arange(120) % 2
    assert choose_spread(features, events, fold=fold, candidates=(0.01, 0.3)) == 0.3
    noise = np.random.default_rng(5).normal(size=(120, 12))
    assert choose_spread(noise, events, fold=fold, candidates=(0.01, 0.3)) == 0.01


def test_a_validation_set_chooses_as_well() -> None:
    features, status, ki67 = cohort(120)
    fold = np.where(np.arange(120) % 4 == 0, 0, -1)
    assert choose_spread(features, events_of(status, ki67), fold=fold, candidates=(0.01, 0.3)) == 0.3


def test_a_feature_that_is_not_finite_is_named() -> None:
    features, status, ki67 = cohort(20)
    features[3, 1] = np.nan
    with pytest.raises(TrainingError, match="feature margin is NaN or infinite"):
        fit_linear_panel(features, events_of(status, ki67), names=NAMES, spread=1.0)


def test_a_model_answers_in_its_own_type() -> None:
    model = LinearPanel(
        ("a",), np.zeros(1), np.ones(1), np.array([[1.0, 0, 0, 2.0]]), np.arange(4.0), 0.5, np.ones(3), np.zeros(3), 1.0
    )
    potentials = model.potentials(np.array([[1.0], [2.0]]))
    assert potentials.unary.tolist() == [[1, 1, 2], [2, 1, 2]]
    assert potentials.ki67_mu.tolist() == [5, 7]
    assert potentials.ki67_sigma.tolist() == [0.5, 0.5]


def test_a_rival_is_searched_in_steps_of_about_two() -> None:
    """Steps of three cost ridge on descriptors .05 of the way to the oracle: a network would win by that."""
    assert all(above <= 2.5 * below for below, above in pairwise(SPREADS))
