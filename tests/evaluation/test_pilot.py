from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import ttest_rel

from onephase.cohort.lesions import events_of
from onephase.errors import CohortError
from onephase.evaluation.pilot import FIGURES, PilotPower, pilot_power
from onephase.evaluation.predictions import Predictions
from onephase.evaluation.study import study_of
from onephase.statistics.power import mean_difference_power

PAIR = ("onephase", "geometry")


def _power(predictions: Predictions, figure: str, sizes: list[int], **more: object) -> PilotPower:
    values = {"contestants": PAIR, "rng": np.random.default_rng(1), "repeats": 200, **more}
    return pilot_power(predictions, figure, sizes=sizes, **values)


def _ki67_errors(predictions: Predictions) -> tuple[np.ndarray, np.ndarray]:
    """Return by how many points each of the pair misses Ki-67, case by case."""
    cases = predictions.take(predictions.index_lesions())
    exact = [row for row, one in enumerate(cases.records) if one.cohort == "full"]
    observed = events_of(cases.records).ki67.mean(axis=1)[exact]
    own, rival = (100 * np.abs(cases.posteriors[name].ki67_median()[exact] - observed) for name in PAIR)
    return own, rival


def test_power_rises_with_the_cases_to_certainty(predictions: Predictions) -> None:
    for figure in FIGURES:
        found = _power(predictions, figure, [10, 40, 400], repeats=30)
        shares = [share.value for _, share in found.points]
        assert shares == sorted(shares)
        assert shares[-1] == 1.0
        assert found.test == ("paired t test" if figure in ("ki67", "subtype", "panel") else "DeLong's paired test")
        assert [share.n for _, share in found.points] == [30] * 3


def test_mean_differences_have_the_power_of_the_closed_form(predictions: Predictions) -> None:
    """The pilot's gains have some mean and spread; from these the noncentral t says nearly the same."""
    own, rival = _ki67_errors(predictions)
    expected = mean_difference_power(float((rival - own).mean()), sd=float((rival - own).std()))
    found = _power(predictions, "ki67", [60], repeats=600)
    assert found.gain.n == len(own)
    assert found.unit == "points of Ki-67"
    assert found.gain.value == pytest.approx((rival - own).mean())
    interval = ttest_rel(rival, own).confidence_interval()
    assert (found.gain.low, found.gain.high) == pytest.approx((interval.low, interval.high))
    assert 0.2 < expected(60) < 0.97
    assert found.points[0][1].value == pytest.approx(expected(60), abs=0.07)


def test_the_subtype_is_that_of_the_study(predictions: Predictions) -> None:
    """What couplings are judged by: the gain is the difference that the page shows."""
    found = _power(predictions, "subtype", [20], repeats=2)
    whole = study_of(predictions, policy="ki67_20", resamples=10).whole
    own, rival = (whole.scores[name].subtypes[0].log_likelihood for name in PAIR)
    assert (found.gain.value, found.gain.n) == (pytest.approx(own.value - rival.value), own.n)
    assert found.unit == "nats a case"


class EachOnce(np.random.Generator):
    """Draws the first cases of the pilot, each once."""

    def integers(self, _: int, *, size: tuple[int, int]) -> np.ndarray:
        repeats, cases = size
        return np.tile(np.arange(cases), (repeats, 1))


def test_at_the_pilots_own_cases_a_mean_difference_has_the_p_value_of_the_textbook(predictions: Predictions) -> None:
    own, rival = _ki67_errors(predictions)
    for cases in (5, 20, len(own)):
        assert rival[:cases].mean() > own[:cases].mean()
        p_value = float(ttest_rel(rival[:cases], own[:cases]).pvalue)
        for alpha, share in ((p_value * (1 - 1e-9), 0.0), (p_value * (1 + 1e-9), 1.0)):
            found = _power(predictions, "ki67", [cases], rng=EachOnce(np.random.PCG64()), repeats=1, alpha=alpha)
            assert found.points[0][1].value == share


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
