from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from onephase.statistics.bootstrap import Resamples
from onephase.statistics.calibration import brier, expected_calibration_error, reliability

SEEDS = st.integers(0, 10**6)


def _resamples(n: int) -> Resamples:
    return Resamples.draw([str(number) for number in range(n)], np.random.default_rng(1), resamples=300)


def _cases(seed: int, n: int = 207) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    probability = np.round(rng.uniform(size=n), 2)
    return probability, rng.uniform(size=n) < probability


@given(seed=SEEDS)
def test_bins_part_the_cases(seed: int) -> None:
    probability, positive = _cases(seed)
    bins = reliability(probability, positive)
    assert sum(one.observed.n for one in bins) == 207
    assert sum(one.observed.events for one in bins) == positive.sum()
    assert sum(one.observed.n * one.predicted for one in bins) == pytest.approx(probability.sum())
    assert all(first.predicted < second.predicted for first, second in pairwise(bins))
    assert 8 <= len(bins) <= 10


@given(seed=SEEDS)
def test_error_is_the_gap_of_the_bins_in_any_order_of_cases(seed: int) -> None:
    probability, positive = _cases(seed)
    bins = reliability(probability, positive)
    by_hand = sum(one.observed.n * abs(one.predicted - one.observed.value) for one in bins) / 207
    order = np.random.default_rng(seed).permutation(207)
    for rows in (np.arange(207), order):
        error = expected_calibration_error(probability[rows], positive[rows], resamples=_resamples(207))
        assert error.value == pytest.approx(by_hand)


@given(seed=SEEDS)
def test_bins_and_error_agree_with_scikit_learn(seed: int) -> None:
    """Where no two predictions are equal, and the bins are of one size."""
    rng = np.random.default_rng(seed)
    probability = rng.permutation((np.arange(200) + rng.uniform(0.1, 0.9, size=200)) / 200)
    positive = rng.uniform(size=200) < probability
    observed, predicted = calibration_curve(positive, probability, n_bins=10, strategy="quantile")
    bins = reliability(probability, positive)
    assert [one.predicted for one in bins] == pytest.approx(list(predicted))
    assert [one.observed.value for one in bins] == pytest.approx(list(observed))
    error = expected_calibration_error(probability, positive, resamples=_resamples(200))
    assert error.value == pytest.approx(np.abs(observed - predicted).mean())


def test_error_grows_with_overconfidence() -> None:
    probability, positive = _cases(2, n=2000)
    honest = expected_calibration_error(probability, positive, resamples=_resamples(2000))
    sharp = expected_calibration_error((probability > 0.5) * 0.98 + 0.01, positive, resamples=_resamples(2000))
    assert honest.value < 0.04
    assert sharp.low > 0.2


def test_brier_agrees_with_scikit_learn() -> None:
    probability, positive = _cases(3)
    estimate = brier(probability, positive, resamples=_resamples(207))
    assert estimate.value == pytest.approx(brier_score_loss(positive, probability))
    assert estimate.low < estimate.value < estimate.high


def test_few_cases_share_a_bin_and_none_have_none() -> None:
    assert len(reliability(np.linspace(0, 1, 19), np.arange(19) > 9)) == 1
    assert len(reliability(np.full(100, 0.3), np.arange(100) > 9)) == 1
    assert reliability(np.zeros(0), np.zeros(0, dtype=bool)) == ()
    none = expected_calibration_error(np.zeros(0), np.zeros(0, dtype=bool), resamples=_resamples(0))
    assert none.reason == "there is no case"
