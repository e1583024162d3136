import numpy as np
import pytest

from onephase.cohort.lesions import events_of
from onephase.evaluation.predictions import Predictions
from onephase.evaluation.scoring.abstention_scores import abstention_scores
from onephase.evaluation.scoring.answers import answers_of
from onephase.statistics.bootstrap import Resamples


def test_surest_first_by_the_posterior_itself(predictions: Predictions) -> None:
    cases = predictions.take(predictions.index_lesions())
    events = events_of(cases.records)
    drawn = Resamples.draw([one.patient_id for one in cases.records], np.random.default_rng(1), resamples=50)
    answers = answers_of(cases.posteriors["onephase"], events, policy="ki67_20")
    found = {one.target: one for one in abstention_scores(events, answers, resamples=drawn)}
    assert list(found) == ["er", "pr", "her2", "hr", "ki67_20", "receptor groups", "ki67"]

    positive, truth = answers.receptors[:, 2], events.status("her2") == 1
    wrong = (positive > 0.5) != truth
    surest = np.argsort(-np.abs(positive - 0.5))[: len(cases) // 2]
    halfway = dict(found["her2"].curve.points)[0.5]
    assert halfway.value == pytest.approx(wrong[surest].mean())
    assert dict(found["her2"].curve.points)[1.0].value == pytest.approx(wrong.mean())
    assert found["her2"].curve.area.value < wrong.mean()

    exact = [row for row, one in enumerate(cases.records) if one.cohort == "full"]
    error = 100 * np.abs(answers.ki67_median[exact] - events.ki67.mean(axis=1)[exact])
    assert found["ki67"].loss == "absolute error"
    assert dict(found["ki67"].curve.points)[1.0].value == pytest.approx(error.mean())
    assert found["ki67_20"].curve.area.n < len(cases)  # subtypes that no record decides are left out


def test_no_case_is_answered_with_a_reason(predictions: Predictions) -> None:
    none = predictions.take(np.zeros(0, dtype=np.int64))
    events = events_of(none.records)
    answers = answers_of(none.posteriors["onephase"], events, policy="ki67_20")
    drawn = Resamples.draw([], np.random.default_rng(1), resamples=5)
    reasons = {one.curve.area.reason for one in abstention_scores(events, answers, resamples=drawn)}
    assert reasons == {"there is no case"}
