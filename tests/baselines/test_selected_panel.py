from collections.abc import Callable

import numpy as np
import pytest

from onephase.baselines import selected_panel
from onephase.baselines.selected_panel import COUNTS, fit_selected_panel
from onephase.biomarkers.panel import Events
from onephase.biomarkers.posterior import PanelPosterior
from onephase.biomarkers.prior import fit_prior


def _score(potentials, events: Events) -> float:
    return float(PanelPosterior.from_potentials(potentials).log_probability(events).mean())


def test_few_telling_features_are_found_among_many(make_cohort: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selected_panel, "SPREADS", (0.3,))
    features, events = make_cohort(180, noise=30)
    names = [f"feature {column}" for column in range(34)]
    model = fit_selected_panel(features[:120], events.take(slice(120)), names=names, fold=np.arange(120) % 2)
    assert set(model.model.names) >= {"feature 0", "feature 1", "feature 2", "feature 3"}
    assert len(model.selection) in COUNTS
    tested = events.take(slice(120, None))
    rows = np.zeros(60, dtype=np.int64)
    prior = _score(fit_prior(events.take(slice(120))).take(rows), tested)
    assert _score(model.potentials(features[120:]), tested) > prior + 0.5


def test_noise_alone_does_not_beat_the_prior_by_chance(make_cohort: Callable) -> None:
    """Selection within the folds: chosen outside of them, 300 noise columns would look telling and be trusted."""
    features, events = make_cohort(60, noise=300)
    names = [str(column) for column in range(300)]
    model = fit_selected_panel(features[:, 4:], events, names=names, fold=np.arange(60) % 2)
    assert model.model.spread == min(selected_panel.SPREADS)
    assert len(model.selection) == min(COUNTS)


def test_cases_that_are_answered_teach_nothing(make_cohort: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selected_panel, "SPREADS", (0.1,))
    monkeypatch.setattr(selected_panel, "COUNTS", (4,))
    features, events = make_cohort(60)
    features[3, 5] = np.nan
    model = fit_selected_panel(features, events, names=list("abcdefghij"), fold=np.arange(60) % 2)
    alone = model.potentials(features[:1])
    among = model.potentials(np.concatenate([features[:1], 1e6 * features[1:]]))
    assert among.unary[0] == pytest.approx(alone.unary[0])
