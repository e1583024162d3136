from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from onephase.baselines.assembled_panel import UNINFORMED, assemble
from onephase.biomarkers.panel import CELLS, Events
from onephase.biomarkers.posterior import PanelPosterior
from onephase.biomarkers.prior import fit_prior


def _predicted(features: np.ndarray, *, scale: float = 2.0) -> np.ndarray:
    """Return what predictors would say that know the columns of the invented cohort."""
    return np.column_stack([scale * features[:, :3] + (0.8, 0.4, -1.0), -1.2 + 0.8 * features[:, 3]])


def test_what_is_right_stays_as_it_is(make_cohort: Callable) -> None:
    features, events = make_cohort(2000)
    panel = assemble(_predicted(features), events)
    assert panel.scale == pytest.approx(np.ones(4), abs=0.15)
    centre = UNINFORMED + panel.offset + panel.scale * (_predicted(0 * features[:1])[0] - UNINFORMED)
    assert centre == pytest.approx([0.8, 0.4, -1.0, -1.2], abs=0.2)
    assert panel.ki67_sigma == pytest.approx(0.4, rel=0.05)
    assert panel.coupling == pytest.approx(np.zeros(3), abs=0.1)
    assert panel.shift == pytest.approx(np.zeros(3), abs=0.05)


def test_an_overconfident_receptor_is_scaled_as_logistic_regression_would(make_cohort: Callable) -> None:
    features, events = make_cohort(1500)
    events = Events(events.cells.copy(), np.tile([0.0, 1.0], (1500, 1)), events.pr_high.copy())
    predicted = _predicted(features, scale=8.0)
    panel = assemble(predicted, events)
    reference = LogisticRegression(C=1e6, tol=1e-10, max_iter=10_000)
    reference.fit(predicted[:, [2]], events.status("her2"))
    assert panel.scale[2] == pytest.approx(reference.coef_[0, 0], abs=0.03)
    assert panel.scale[2] == pytest.approx(0.25, abs=0.05)


def test_receptors_that_go_together_are_coupled() -> None:
    rng = np.random.default_rng(2)
    status = rng.random((600, 3)) < 0.5
    status[:, 1] = status[:, 0] ^ (rng.random(600) < 0.1)
    ki67 = expit(rng.normal(-1.2 + 0.7 * (2.0 * status[:, 2] - 1), 0.5))
    cells = (CELLS[np.newaxis] == status[:, np.newaxis]).all(axis=2)
    events = Events(cells, np.column_stack([ki67 - 1e-4, ki67 + 1e-4]), np.full(600, -1, dtype=np.int8))
    panel = assemble(np.tile(UNINFORMED, (600, 1)), events)
    assert panel.coupling[0] == pytest.approx(0.5 * logit(0.9), abs=0.2)  # 4 J of log odds between like and unlike
    assert panel.shift[2] == pytest.approx(0.7, abs=0.1)
    assert panel.ki67_sigma == pytest.approx(0.5, rel=0.1)


def test_predictors_that_know_nothing_leave_the_prior(make_cohort: Callable) -> None:
    _, events = make_cohort(200)
    told = assemble(np.tile(UNINFORMED, (200, 1)), events).potentials(np.tile(UNINFORMED, (5, 1)))
    prior = PanelPosterior.from_potentials(fit_prior(events))
    assert PanelPosterior.from_potentials(told).cells()[0] == pytest.approx(prior.cells()[0], abs=1e-4)
    assert told.ki67_mu[0] == pytest.approx(prior.mu.mean(), abs=1e-4)


def test_events_without_any_label_change_nothing(make_cohort: Callable) -> None:
    features, _ = make_cohort(30)
    panel = assemble(_predicted(features), Events.unknown(30))
    assert panel.scale == pytest.approx(np.ones(4))
    assert panel.potentials(_predicted(features)).unary == pytest.approx(_predicted(features)[:, :3])
