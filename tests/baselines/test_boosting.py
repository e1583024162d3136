import builtins
import sys
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from onephase.baselines import boosting
from onephase.baselines.assembled_panel import UNINFORMED
from onephase.baselines.boosting import fit_boosted_panel, grow
from onephase.biomarkers.intervals import read_interval
from onephase.biomarkers.panel import Events
from onephase.biomarkers.posterior import PanelPosterior
from onephase.biomarkers.prior import fit_prior
from onephase.errors import MissingExtraError


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(boosting.GROWTH, "max_iter", 20)


def test_trees_learn_what_there_is(make_cohort: Callable) -> None:
    features, events = make_cohort(300)
    model = fit_boosted_panel(features[:180], events.take(slice(180)), fold=np.arange(180) % 2)
    tested = events.take(slice(180, None))
    answered = PanelPosterior.from_potentials(model.potentials(features[180:]))
    prior = PanelPosterior.from_potentials(fit_prior(events.take(slice(180)))).take(np.zeros(120, dtype=np.int64))
    assert answered.log_probability(tested).mean() > prior.log_probability(tested).mean() + 0.3


def test_overfitted_trees_are_not_trusted(make_cohort: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boosting, "GROWTH", {**boosting.GROWTH, "learning_rate": 0.3})
    features, events = make_cohort(120)
    noise = features[:, 4:]
    model = fit_boosted_panel(noise, events, fold=np.arange(120) % 3)
    said = model.trees.predict(noise)[:, 0]
    assert np.abs(said).mean() > 1.5
    assert model.panel.scale[0] < 0.3


def test_partial_and_missing_labels_are_used_as_far_as_they_go(make_cohort: Callable) -> None:
    features, events = make_cohort(120)
    hr = events.status("hr") == 1
    cells = np.where(hr[:, None], np.arange(8) >= 2, np.arange(8) < 2)
    partial = Events(cells, np.tile([0.0, 1.0], (120, 1)), events.pr_high.copy())
    trees = grow(features, partial)
    assert trees.receptors == (None, None, None)
    assert trees.ki67 is None
    assert trees.predict(features) == pytest.approx(np.tile(UNINFORMED, (120, 1)))
    model = fit_boosted_panel(features, partial, fold=np.arange(120) % 2)
    told = PanelPosterior.from_potentials(model.potentials(features[:1]))
    assert told.hr()[0] == pytest.approx(hr.mean(), abs=0.03)


@pytest.mark.parametrize(("text", "used"), [("10-29", True), ("60-79", True), ("20-40", True), ("20-41", False)])
def test_a_range_of_twenty_points_is_learned_from(make_cohort: Callable, text: str, used: bool) -> None:
    features, events = make_cohort(40)
    ki67 = read_interval(text, top=Decimal(100))
    told = replace(events, ki67=np.tile([float(ki67.start / 100), float(ki67.stop / 100)], (40, 1)))
    assert (grow(features, told).ki67 is not None) == used


def test_the_same_cases_give_the_same_answer(make_cohort: Callable) -> None:
    features, events = make_cohort(50)
    first, again = (grow(features, events).predict(features) for _ in range(2))
    assert (first == again).all()


def test_a_missing_extra_is_one_sentence(make_cohort: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    features, events = make_cohort(40)
    imported = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("sklearn"):
            raise ImportError
        return imported(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.delitem(sys.modules, "sklearn", raising=False)
    with pytest.raises(MissingExtraError, match=r"boosted trees need scikit-learn.*\.\[train\]"):
        fit_boosted_panel(features, events, fold=np.arange(40) % 2)
