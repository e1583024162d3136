import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onephase.statistics.bootstrap import Resamples
from onephase.statistics.decision_curve import THRESHOLDS, decision_curve

SEEDS = st.integers(0, 10**6)


def _resamples(n: int, *, resamples: int = 200) -> Resamples:
    return Resamples.draw([str(number) for number in range(n)], np.random.default_rng(1), resamples=resamples)


def _cases(seed: int, n: int = 61) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    probability = np.round(rng.uniform(size=n), 2)
    return probability, rng.uniform(size=n) < probability


@given(seed=SEEDS)
def test_net_benefit_is_counted_case_by_case(seed: int) -> None:
    probability, positive = _cases(seed)
    for point in decision_curve(probability, positive, resamples=_resamples(61)):
        true = sum(p >= point.threshold and y for p, y in zip(probability, positive, strict=True))
        false = sum(p >= point.threshold and not y for p, y in zip(probability, positive, strict=True))
        odds = point.threshold / (1 - point.threshold)
        assert point.model.value == pytest.approx(true / 61 - false / 61 * odds)
        share = positive.mean()
        assert point.treat_all.value == pytest.approx(share - (1 - share) * odds)
        assert (point.model.n, point.model.events) == (61, positive.sum())


@given(seed=SEEDS)
def test_order_of_cases_changes_nothing(seed: int) -> None:
    probability, positive = _cases(seed)
    order = np.random.default_rng(seed).permutation(61)
    straight = decision_curve(probability, positive, resamples=_resamples(61))
    shuffled = decision_curve(probability[order], positive[order], resamples=_resamples(61).take(order))
    for one, other in zip(straight, shuffled, strict=True):
        assert other.model.value == pytest.approx(one.model.value)
        assert other.model.low == pytest.approx(one.model.low)


def test_a_true_oracle_is_worth_the_prevalence_at_every_threshold() -> None:
    positive = np.arange(50) < 20
    for point in decision_curve(positive.astype(np.float64), positive, resamples=_resamples(50)):
        assert point.model.value == pytest.approx(0.4)
        assert point.model.value > point.treat_all.value


def test_a_calibrated_constant_is_treat_all_below_the_prevalence_and_nothing_above() -> None:
    positive = np.arange(200) < 90
    for point in decision_curve(np.full(200, 0.45), positive, resamples=_resamples(200)):
        expected = point.treat_all.value if point.threshold <= 0.45 else 0.0
        assert point.model.value == pytest.approx(expected)


def test_interval_agrees_with_the_normal_one() -> None:
    probability, positive = _cases(3, n=900)
    (point,) = decision_curve(probability, positive, resamples=_resamples(900, resamples=4000), thresholds=(0.4,))
    gain = np.where(probability >= 0.4, np.where(positive, 1.0, -0.4 / 0.6), 0.0)
    reach = 1.96 * gain.std() / 30
    assert (point.model.low, point.model.high) == pytest.approx((gain.mean() - reach, gain.mean() + reach), abs=0.003)


def test_no_case_has_no_curve_and_a_threshold_of_one_is_refused() -> None:
    assert decision_curve(np.zeros(0), np.zeros(0, dtype=bool), resamples=_resamples(0)) == ()
    with pytest.raises(ValueError, match="between 0 and 1, got"):
        decision_curve(*_cases(1), resamples=_resamples(61), thresholds=(0.5, 1.0))
    assert THRESHOLDS[0] == 0.05
