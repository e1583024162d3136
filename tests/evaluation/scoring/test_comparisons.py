from collections.abc import Sequence

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from onephase.biomarkers.panel import Events
from onephase.biomarkers.subtypes import subtype_of
from onephase.cohort.lesions import events_of
from onephase.evaluation.predictions import Predictions
from onephase.evaluation.scoring.answers import answers_of
from onephase.evaluation.scoring.comparisons import Versus, as_one_family, contender, versus
from onephase.evaluation.scoring.subtype_scores import receptor_group_of
from onephase.statistics.bootstrap import Resamples


@pytest.fixture(scope="module")
def cases(predictions: Predictions) -> Predictions:
    return predictions.take(predictions.index_lesions())


@pytest.fixture(scope="module")
def events(cases: Predictions) -> Events:
    return events_of(cases.records)


def _versus(cases: Predictions, names: Sequence[str]) -> Versus:
    events = events_of(cases.records)
    drawn = Resamples.draw([one.patient_id for one in cases.records], np.random.default_rng(1), resamples=300)
    first, second = (
        contender(name, events, answers_of(cases.posteriors[name], events, policy="ki67_20"), resamples=drawn)
        for name in names
    )
    return versus(first, second)


def test_better_is_above_zero_and_turns_with_the_order(cases: Predictions) -> None:
    straight, mirrored = _versus(cases, ["onephase", "geometry"]), _versus(cases, ["geometry", "onephase"])
    assert list(straight.figures) == [
        "er",
        "pr",
        "her2",
        "hr",
        "subtype_macro_auc",
        "group_macro_auc",
        "subtype_log_likelihood",
        "ki67_mae_percent",
        "panel_gain",
    ]
    for name, figure in straight.figures.items():
        assert figure.difference.value > 0, name
        assert mirrored.figures[name].difference.value == pytest.approx(-figure.difference.value)
        assert mirrored.figures[name].p_value == pytest.approx(figure.p_value, abs=0.01)


def test_macro_auc_agrees_with_scikit_learn(cases: Predictions, events: Events) -> None:
    one_against_other = _versus(cases, ["onephase", "geometry"])
    answered = {who: answers_of(cases.posteriors[who], events, policy="ki67_20") for who in ("onephase", "geometry")}
    truths = {"subtype_macro_auc": subtype_of(events, "ki67_20"), "group_macro_auc": receptor_group_of(events)}
    for name, truth in truths.items():
        known = truth >= 0

        def macro(probabilities: np.ndarray, truth: np.ndarray = truth[known], known: np.ndarray = known) -> float:
            return float(np.mean([roc_auc_score(truth == c, probabilities[known, c]) for c in np.unique(truth)]))

        first, second = (macro(one.groups if name[0] == "g" else one.subtypes) for one in answered.values())
        assert one_against_other.figures[name].difference.value == pytest.approx(first - second)
        assert one_against_other.figures[name].difference.n == known.sum()


def test_a_family_holds_every_figure_with_every_rival(cases: Predictions) -> None:
    rivals = [_versus(cases, ["onephase", rival]) for rival in ("geometry", "prior")]
    together, alone = as_one_family(rivals), as_one_family(rivals[:1])
    tests = sum(figure.p_value is not None for one in rivals for figure in one.figures.values())
    smallest = min(figure.p_value for one in rivals for figure in one.figures.values() if figure.p_value is not None)
    adjusted = [figure.adjusted_p for one in together for figure in one.figures.values() if figure.p_value is not None]
    assert min(adjusted) == pytest.approx(min(1, tests * smallest))
    for name, figure in alone[0].figures.items():
        assert figure.p_value == rivals[0].figures[name].p_value
        assert figure.p_value <= figure.adjusted_p <= together[0].figures[name].adjusted_p
