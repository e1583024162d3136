from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import ttest_rel

from onephase.cohort.lesions import events_of
from onephase.errors import CohortError
from onephase.evaluation.pilot import FIGURES, PilotPower, pilot_power
from onephase.evaluation.predictions import Predictions
from onephase.statistics.power import mean_difference_power

PAIR = ("onephase", "geometry")


def _power(predictions: Predictions, figure: str, sizes: list[int], **more: object) -> PilotPower:
    values = {"contestants": PAIR, "rng": np.random.default_rng(1), "repeats": 200, **more}
    return pilot_power(predictions, figure, sizes=sizes, **values)


def test_power_rises_with_the_cases_to_certainty(predictions: Predictions) -> None:
    for figure in FIGURES:
        found = _power(predictions, figure, [10, 40, 400], repeats=30)
        shares = [share.value for _, share in found.points]
        assert shares == sorted(shares)
        assert shares[-1] == 1.0
        assert found.test == ("paired t test" if figure in ("ki67", "panel") else "DeLong's paired test")
        assert [share.n for _, share in found.points] == [30] * 3


def test_mean_differences_have_the_power_of_the_closed_form(predictions: Predictions) -> None:
    """The pilot's gains have some mean and spread; from these the noncentral t says nearly the same."""
    cases = predictions.take(predictions.index_lesions())
    exact = [row for row, one in enumerate(cases.records) if one.cohort == "full"]
    observed = events_of(cases.records).ki67.mean(axis=1)[exact]
    own, rival = (100 * np.abs(cases.posteriors[name].ki67_median()[exact] - observed) for name in PAIR)
    expected = mean_difference_power(float((rival - own).mean()), sd=float((rival - own).std()))
    found = _power(predictions, "ki67", [60], repeats=600)
    assert found.gain.n == len(exact)
    assert found.unit == "points of Ki-67"
    assert found.gain.value == pytest.approx((rival - own).mean())
    interval = ttest_rel(rival, own).confidence_interval()
    assert (found.gain.low, found.gain.high) == pytest.approx((interval.low, interval.high))
    assert 0.2 < expected(60) < 0.97
    assert found.points[0][1].value == pytest.approx(expected(60), abs=0.07)
    # at the pilot's own cases, each once, it is the textbook's paired test
    p_value = ttest_rel(rival, own).pvalue
    assert (p_value <= 0.05) == (_power(predictions, "ki67", [3000], repeats=20).points[0][1].value == 1.0)


def test_a_contestant_against_itself_is_found_no_more_often_than_alpha(predictions: Predictions) -> None:
    blind = predictions.with_contestant("twin", predictions.posteriors["geometry"])
    found = _power(blind, "her2", [80], contestants=("geometry", "twin"))
    assert found.points[0][1].value == 0.0
    worse = _power(predictions, "her2", [400], contestants=("geometry", "onephase"), repeats=50)
    assert worse.points[0][1].value == 0.0  # only what favours the first is counted


def test_enough_is_the_smallest_size_listed(predictions: Predictions) -> None:
    found = _power(predictions, "panel", [400, 5, 200], repeats=60)
    assert found.enough(0.9) == 200
    assert _power(predictions, "panel", [5], repeats=60).enough(0.99) is None
    assert found.to_json()["points"][1]["cases"] == 5


def test_what_the_pilot_lacks_is_one_sentence(make_predictions: Callable[..., Predictions]) -> None:
    few = make_predictions(cases=40)
    with pytest.raises(CohortError, match="no contestant 'radiomics', it has onephase, geometry, prior"):
        _power(few, "er", [50], contestants=("onephase", "radiomics"))
    without = few.take(np.flatnonzero([one.cohort == "hr-only" for one in few.records]))
    with pytest.raises(CohortError, match="no case of the pilot decides ki67"):
        _power(without, "ki67", [50])
