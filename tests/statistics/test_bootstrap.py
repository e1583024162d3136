import numpy as np
import pytest
from scipy.stats import norm, ttest_1samp

from onephase.statistics.bootstrap import Resampled, Resamples, Statistic, bootstrap, compare, mean_of
from onephase.statistics.estimate import Comparison


def _names(n: int) -> list[str]:
    return [f"patient {number}" for number in range(n)]


def _compared(first: Statistic, second: Statistic, resamples: Resamples) -> Comparison:
    return compare(Resampled.of(first, resamples), Resampled.of(second, resamples))


def test_interval_of_a_mean_agrees_with_the_normal_one() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(3, 2, size=400)
    estimate = bootstrap(mean_of(values), Resamples.draw(_names(400), rng, resamples=8000))
    reach = norm.ppf(0.975) * values.std() / 20
    assert estimate.value == pytest.approx(values.mean())
    assert estimate.low == pytest.approx(values.mean() - reach, abs=0.03)
    assert estimate.high == pytest.approx(values.mean() + reach, abs=0.03)


def test_lesions_of_a_patient_stay_together() -> None:
    """Each case four times under one patient is no more certain than each case once."""
    rng = np.random.default_rng(2)
    values = rng.normal(size=60)
    once = bootstrap(mean_of(values), Resamples.draw(_names(60), np.random.default_rng(3)))
    fourfold = bootstrap(mean_of(np.tile(values, 4)), Resamples.draw(_names(60) * 4, np.random.default_rng(3)))
    assert (fourfold.low, fourfold.high) == pytest.approx((once.low, once.high))
    assert fourfold.n == 240


def test_order_of_cases_changes_nothing() -> None:
    rng = np.random.default_rng(4)
    values, names = rng.normal(size=50), np.array(_names(25) * 2)
    order = rng.permutation(50)
    straight = bootstrap(mean_of(values), Resamples.draw(list(names), np.random.default_rng(5)))
    shuffled = bootstrap(mean_of(values[order]), Resamples.draw(list(names[order]), np.random.default_rng(5)))
    assert (shuffled.value, shuffled.low, shuffled.high) == pytest.approx((straight.value, straight.low, straight.high))


def test_every_resample_holds_as_many_patients_as_there_are() -> None:
    resamples = Resamples.draw(_names(7), np.random.default_rng(6), resamples=40)
    assert (resamples.counts.sum(axis=1) == 7).all()
    assert resamples.take(np.array([0, 3])).counts.shape == (40, 2)


def test_pairing_sees_a_small_constant_advantage() -> None:
    rng = np.random.default_rng(7)
    hard = rng.normal(0, 5, size=100)
    first = hard + 0.5 + rng.normal(0, 0.1, size=100)
    comparison = _compared(mean_of(first), mean_of(hard), Resamples.draw(_names(100), rng))
    assert comparison.difference.excludes(0.0)
    assert comparison.p_value < 1e-9
    same = _compared(mean_of(hard), mean_of(hard), Resamples.draw(_names(100), rng))
    assert (same.difference.value, same.difference.low, same.p_value) == (0, None, None)


@pytest.mark.parametrize("shift", [0.12, 0.35, 0.5])
def test_p_value_is_that_of_the_paired_test_far_into_the_tail(shift: float) -> None:
    """From p of .03 to 1e-11, though no share of 2000 resamples can tell less than .001."""
    rng = np.random.default_rng(11)
    first = rng.normal(0, 1, size=300) + shift
    second = rng.normal(0, 0.8, size=300)
    comparison = _compared(mean_of(first), mean_of(second), Resamples.draw(_names(300), rng))
    gain = first - second
    assert np.log(comparison.p_value) == pytest.approx(np.log(ttest_1samp(gain, 0).pvalue), rel=0.15)


@pytest.mark.parametrize("patients", [6, 12, 30])
def test_few_patients_are_as_sure_as_students_t_says(patients: int) -> None:
    """On even gains, the bootstrap of a mean has nothing of its own to say."""
    even = norm.ppf((np.arange(patients) + 0.5) / patients)
    resamples = Resamples.draw(_names(patients), np.random.default_rng(1), resamples=20000)
    for mean in (0.3, 0.7, 1.5, 3.0):
        exact = ttest_1samp(even + mean, 0)
        comparison = _compared(mean_of(even + mean), mean_of(np.zeros(patients)), resamples)
        assert np.log(comparison.p_value) == pytest.approx(np.log(exact.pvalue), rel=0.1, abs=0.1)
        wide = exact.confidence_interval().high - exact.confidence_interval().low
        found = comparison.difference
        assert found.high - found.low == pytest.approx(wide, rel=0.12)


def test_nothing_is_found_where_there_is_nothing_however_few_the_patients() -> None:
    rng, small = np.random.default_rng(12), []
    for _ in range(400):
        resamples = Resamples.draw(_names(7), rng, resamples=400)
        small.append(_compared(mean_of(rng.normal(size=7)), mean_of(np.zeros(7)), resamples).p_value)
    assert 0.02 <= np.mean(np.array(small) <= 0.05) <= 0.08
    assert np.mean(np.array(small) <= 0.001) <= 0.01


def test_an_interval_that_could_not_hold_its_level_is_not_given() -> None:
    """Five values lie on one side of their centre in 2 of 32 studies, and so does every resample."""
    for patients, level, given in ((5, 0.95, False), (6, 0.95, True), (4, 0.9, False), (5, 0.9, True)):
        resamples = Resamples.draw(_names(patients), np.random.default_rng(1), level=level)
        estimate = bootstrap(mean_of(np.arange(float(patients))), resamples)
        assert (estimate.low is not None) == given
    assert (
        "patients are too few for an interval"
        in bootstrap(mean_of(np.arange(2.0)), resamples.take(np.array([0, 1]))).reason
    )


def test_resamples_that_all_give_the_same_tell_no_spread() -> None:
    """A perfect AUC of six cases, or no error among them, is not known for certain."""
    resamples = Resamples.draw(_names(6), np.random.default_rng(1))
    estimate = bootstrap(mean_of(np.ones(6)), resamples)
    assert (estimate.value, estimate.low, estimate.reason) == (1, None, "every resample gives the same")
    comparison = _compared(mean_of(np.arange(6.0) + 1), mean_of(np.arange(6.0)), resamples)
    assert (comparison.difference.value, comparison.p_value) == (1, None)


def test_coverage_is_near_its_level() -> None:
    rng = np.random.default_rng(8)
    names, hits = _names(40), 0
    for _ in range(300):
        estimate = bootstrap(mean_of(rng.normal(size=40)), Resamples.draw(names, rng, resamples=400, level=0.9))
        hits += not estimate.excludes(0.0)
    assert 0.84 <= hits / 300 <= 0.94


def test_degenerate_cases_are_answered_with_a_reason() -> None:
    rng = np.random.default_rng(9)
    assert bootstrap(mean_of(np.zeros(0)), Resamples.draw([], rng)).reason == "there is no case"
    lone = bootstrap(mean_of(np.array([1.0, 3.0])), Resamples.draw(["a", "a"], rng))
    assert (lone.value, lone.low, lone.reason) == (2.0, None, "1 patient is too few for an interval")
    assert _compared(mean_of(np.ones(2)), mean_of(np.zeros(2)), Resamples.draw(["a", "a"], rng)).p_value is None
    never = bootstrap(lambda counts: np.full(len(counts), np.nan), Resamples.draw(["a", "b"], rng))
    assert never.reason == "the cases do not define it"
    few = Resamples.draw(_names(100), rng).take(np.array([0]))
    assert (
        "resamples define it"
        in bootstrap(
            lambda c: np.where(c[:, 0] > 0, 1.0, np.nan),
            Resamples(few.counts.repeat(6, axis=1), 0.95, np.arange(6)),
        ).reason
    )
