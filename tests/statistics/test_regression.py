import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from onephase.statistics.bootstrap import Resamples
from onephase.statistics.regression import (
    concordance,
    concordance_statistic,
    mean_absolute_error,
    spearman,
    spearman_statistic,
)

SEEDS = st.integers(0, 10**6)


def _resamples(n: int, *, seed: int = 1) -> Resamples:
    return Resamples.draw([str(number) for number in range(n)], np.random.default_rng(seed), resamples=300)


def _pair(seed: int, n: int = 30) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    observed = np.round(rng.normal(20, 5, size=n))
    return np.round(observed + rng.normal(1, 4, size=n)), observed


def _lin(predicted: np.ndarray, observed: np.ndarray) -> float:
    """Lin's coefficient as one minus the mean squared distance over that expected without correlation."""
    distance = np.mean((predicted - observed) ** 2)
    unrelated = np.mean((predicted[:, None] - observed[None, :]) ** 2)
    return 1 - distance / unrelated


@given(seed=SEEDS)
def test_statistics_of_counts_agree_with_repeated_cases(seed: int) -> None:
    predicted, observed = _pair(seed)
    counts = np.random.default_rng(seed).integers(0, 4, size=(3, 30)).astype(np.float64)
    ranks, agreement = (
        spearman_statistic(predicted, observed)(counts),
        concordance_statistic(predicted, observed)(counts),
    )
    for row in range(3):
        repeated = np.repeat(np.arange(30), counts[row].astype(int))
        assert ranks[row] == pytest.approx(spearmanr(predicted[repeated], observed[repeated]).statistic)
        assert agreement[row] == pytest.approx(_lin(predicted[repeated], observed[repeated]))


@given(seed=SEEDS)
def test_order_of_cases_changes_nothing(seed: int) -> None:
    predicted, observed = _pair(seed)
    names = [f"patient {number}" for number in range(30)]
    order = np.random.default_rng(seed).permutation(30)
    for figure in (mean_absolute_error, spearman, concordance):
        straight = figure(predicted, observed, resamples=Resamples.draw(names, np.random.default_rng(1), resamples=100))
        drawn = Resamples.draw([names[case] for case in order], np.random.default_rng(1), resamples=100)
        shuffled = figure(predicted[order], observed[order], resamples=drawn)
        assert (shuffled.value, shuffled.low, shuffled.high) == pytest.approx(
            (straight.value, straight.low, straight.high)
        )


def test_values() -> None:
    predicted, observed = _pair(5)
    error = mean_absolute_error(predicted, observed, resamples=_resamples(30))
    assert error.value == pytest.approx(np.abs(predicted - observed).mean())
    assert error.low < error.value < error.high
    assert spearman(predicted, observed, resamples=_resamples(30)).value == pytest.approx(
        spearmanr(predicted, observed).statistic
    )
    assert concordance(predicted, observed, resamples=_resamples(30)).value == pytest.approx(_lin(predicted, observed))
    assert concordance(observed, observed, resamples=_resamples(30)).value == pytest.approx(1)


def test_a_constant_prediction() -> None:
    _, observed = _pair(6)
    constant = np.full(30, 20.0)
    assert spearman(constant, observed, resamples=_resamples(30)).reason == "every prediction is the same"
    assert concordance(constant, observed, resamples=_resamples(30)).value == pytest.approx(0)
    assert spearman(constant, constant, resamples=_resamples(30)).reason == (
        "every prediction and every observation is the same"
    )
    assert concordance(constant, constant, resamples=_resamples(30)).reason == "the cases do not define it"


def test_no_case() -> None:
    for figure in (mean_absolute_error, spearman, concordance):
        assert figure(np.zeros(0), np.zeros(0), resamples=_resamples(0)).reason == "there is no case"
