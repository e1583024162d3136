import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onephase.statistics.abstention import SHARES, _curve, risk_coverage
from onephase.statistics.bootstrap import Resamples

SEEDS = st.integers(0, 10**6)


def _resamples(n: int, *, resamples: int = 100) -> Resamples:
    return Resamples.draw([str(number) for number in range(n)], np.random.default_rng(1), resamples=resamples)


def _cases(seed: int, n: int = 53, *, ties: bool = True) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    confidence = rng.uniform(0.5, 1, size=n)
    loss = (rng.uniform(size=n) > confidence).astype(np.float64)
    return (np.round(confidence, 1) if ties else confidence), loss


@given(seed=SEEDS)
def test_curve_is_the_loss_over_every_threshold(seed: int) -> None:
    confidence, loss = _cases(seed)
    found = risk_coverage(confidence, loss, resamples=_resamples(53))
    # by definition: each case is answered once its own confidence is the threshold
    risks = np.array([loss[confidence >= own].mean() for own in confidence])
    assert found.area.value == pytest.approx(risks.mean())
    for share, risk in found.points:
        thresholds = [t for t in np.unique(confidence) if (confidence >= t).mean() >= share - 1e-9]
        assert risk.value == pytest.approx(loss[confidence >= max(thresholds)].mean())


@given(seed=SEEDS)
def test_statistic_of_counts_is_the_curve_of_repeated_cases(seed: int) -> None:
    confidence, loss = _cases(seed, n=20)
    counts = np.random.default_rng(seed).integers(0, 3, size=20)
    repeated = np.repeat(np.arange(20), counts)
    (*risks, area) = _curve(confidence, loss)(counts[None].astype(np.float64))[0]
    whole = risk_coverage(confidence[repeated], loss[repeated], resamples=_resamples(len(repeated)))
    assert area == pytest.approx(whole.area.value)
    for risk, (_, expected) in zip(risks, whole.points, strict=True):
        assert risk == pytest.approx(expected.value)


def test_order_of_cases_and_monotone_confidence_change_nothing() -> None:
    confidence, loss = _cases(5)
    order = np.random.default_rng(5).permutation(53)
    straight = risk_coverage(confidence, loss, resamples=_resamples(53))
    for other in (
        risk_coverage(confidence[order], loss[order], resamples=_resamples(53).take(order)),
        risk_coverage(np.log(confidence), loss, resamples=_resamples(53)),
    ):
        assert (other.area.value, other.area.low) == pytest.approx((straight.area.value, straight.area.low))


def test_a_perfect_order_loses_least_and_a_blind_one_loses_as_much_as_all() -> None:
    loss = (np.arange(100) >= 80).astype(np.float64)
    perfect = risk_coverage(-np.arange(100.0), loss, resamples=_resamples(100))
    # the harmonic tail that remains once only the wrong ones are left
    assert perfect.area.value == pytest.approx(sum((k - 80) / k for k in range(81, 101)) / 100)
    assert [risk.value for _, risk in perfect.points[:8]] == [0.0] * 8
    blind = risk_coverage(np.zeros(100), loss, resamples=_resamples(100))
    assert blind.area.value == pytest.approx(0.2)
    assert {round(risk.value, 9) for _, risk in blind.points} == {0.2}
    shuffled = np.random.default_rng(1).normal(size=(150, 100))
    areas = [risk_coverage(one, loss, resamples=_resamples(100, resamples=2)).area.value for one in shuffled]
    assert np.mean(areas) == pytest.approx(0.2, abs=0.015)


def test_no_case_has_no_curve() -> None:
    none = risk_coverage(np.zeros(0), np.zeros(0), resamples=_resamples(0))
    assert (none.points, none.area.reason) == ((), "there is no case")
    assert SHARES[-1] == 1.0
