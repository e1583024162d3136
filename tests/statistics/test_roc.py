import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logit
from scipy.stats import brunnermunzel, norm, t, ttest_ind
from sklearn.metrics import roc_auc_score

from onephase.statistics.bootstrap import Resamples, bootstrap
from onephase.statistics.roc import auc, auc_statistic, compare_aucs

SEEDS = st.integers(0, 10**6)


def _case(seed: int, *, n: int = 40, ties: bool = True) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    positive = rng.permutation(np.arange(n) < rng.integers(2, n - 2))
    scores = rng.normal(size=n) + positive
    return (np.round(scores, 1) if ties else scores), positive


def _all_pairs(scores: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """The kernel of DeLong, psi(X, Y), for every pair of a positive and a negative case."""
    above, below = scores[positive][:, None], scores[~positive][None, :]
    return (above > below) + 0.5 * (above == below)


def _covariance(first: np.ndarray, second: np.ndarray) -> float:
    """DeLong's covariance of two AUCs from their kernels, written from the definition of S10 and S01."""
    parts = []
    for axis in (1, 0):
        one, other = first.mean(axis=axis) - first.mean(), second.mean(axis=axis) - second.mean()
        parts.append(one @ other / (len(one) - 1) / len(one))
    return sum(parts)


def _freedom(kernel: np.ndarray) -> float:
    """Welch's degrees of freedom of the two samples of placements."""
    with warnings.catch_warnings(action="ignore"):  # placements of one class may all be the same
        return ttest_ind(kernel.mean(axis=1), kernel.mean(axis=0), equal_var=False).df


@given(seed=SEEDS, ties=st.booleans())
def test_auc_agrees_with_scikit_learn_and_delong_with_all_pairs(seed: int, ties: bool) -> None:
    scores, positive = _case(seed, ties=ties)
    estimate = auc(scores, positive)
    assert estimate.value == pytest.approx(roc_auc_score(positive, scores))
    assert (estimate.n, estimate.events) == (40, positive.sum())
    kernel = _all_pairs(scores, positive)
    variance = _covariance(kernel, kernel)
    if variance > 1e-9 and estimate.value < 1:
        beyond = t.ppf(0.975, _freedom(kernel))
        reach = beyond * np.sqrt(variance) / (estimate.value * (1 - estimate.value))
        assert logit(estimate.high) - logit(estimate.value) == pytest.approx(reach)
        assert logit(estimate.value) - logit(estimate.low) == pytest.approx(reach)


@given(seed=SEEDS)
def test_paired_test_agrees_with_all_pairs(seed: int) -> None:
    scores, positive = _case(seed)
    other = np.round(scores + np.random.default_rng(seed + 1).normal(size=40), 1)
    comparison = compare_aucs(scores, other, positive)
    one, two = _all_pairs(scores, positive), _all_pairs(other, positive)
    variance = _covariance(one, one) + _covariance(two, two) - 2 * _covariance(one, two)
    assert comparison.difference.value == pytest.approx(one.mean() - two.mean())
    away, freedom = (one.mean() - two.mean()) / np.sqrt(variance), _freedom(one - two)
    assert comparison.p_value == pytest.approx(2 * t.sf(abs(away), freedom))
    width = comparison.difference.high - comparison.difference.low
    assert width == pytest.approx(2 * t.ppf(0.975, freedom) * np.sqrt(variance))


@given(seed=SEEDS)
def test_beside_a_constant_score_it_is_the_test_of_brunner_and_munzel(seed: int) -> None:
    scores, positive = _case(seed, n=24)
    comparison = compare_aucs(scores, np.zeros(24), positive)
    if comparison.p_value is not None:
        expected = brunnermunzel(scores[positive], scores[~positive]).pvalue
        assert comparison.p_value == pytest.approx(expected)


def test_with_few_positive_cases_intervals_and_tests_keep_their_level() -> None:
    """By the normal distribution 86 % of intervals held the truth here, and 13 % of tests found what is not there."""
    rng = np.random.default_rng(1)
    positive = np.arange(63) < 3
    held, found = [], []
    for _ in range(700):
        shared = rng.normal(size=63) + 0.7 * positive
        first, second = (shared + rng.normal(size=63) for _ in range(2))
        held.append(not auc(first, positive).excludes(float(norm.cdf(0.7 / 2))))
        found.append(compare_aucs(first, second, positive).p_value <= 0.05)
    assert np.mean(held) > 0.9
    assert np.mean(found) < 0.08


@given(seed=SEEDS)
def test_order_of_cases_and_monotone_scores_change_nothing(seed: int) -> None:
    scores, positive = _case(seed)
    order = np.random.default_rng(seed).permutation(40)
    straight = auc(scores, positive)
    for other in (auc(scores[order], positive[order]), auc(np.exp(scores), positive)):
        assert (other.value, other.low, other.high) == pytest.approx((straight.value, straight.low, straight.high))
    assert auc(-scores, ~positive).value == pytest.approx(straight.value)


@given(seed=SEEDS)
def test_statistic_of_counts_is_the_auc_of_repeated_cases(seed: int) -> None:
    scores, positive = _case(seed)
    counts = np.random.default_rng(seed).integers(0, 4, size=(3, 40)).astype(np.float64)
    for value, row in zip(auc_statistic(scores, positive)(counts), counts, strict=True):
        repeated = np.repeat(np.arange(40), row.astype(int))
        if len(set(positive[repeated])) == 1:
            assert np.isnan(value)
        else:
            assert value == pytest.approx(roc_auc_score(positive[repeated], scores[repeated]))


def test_delong_agrees_with_the_bootstrap() -> None:
    scores, positive = _case(3, n=400, ties=False)
    resamples = Resamples.draw([str(number) for number in range(400)], np.random.default_rng(1), resamples=4000)
    drawn = bootstrap(auc_statistic(scores, positive), resamples)
    exact = auc(scores, positive)
    assert (drawn.low, drawn.high) == pytest.approx((exact.low, exact.high), abs=0.01)


def test_published_example() -> None:
    """Twelve cases of the pauc package's page: plain DeLong .708, lower end .378 by the normal distribution."""
    positive = np.array([0, 0, 1, 1, 0, 1, 0, 0, 1, 1, 0, 1], dtype=bool)
    scores = np.array([0.1, 0.35, 0.24, 0.8, 0.2, 0.85, 0.13, 0.85, 0.74, 0.58, 0.71, 0.25])
    estimate = auc(scores, positive)
    assert estimate.value == pytest.approx(0.708, abs=5e-4)
    error = (logit(estimate.high) - logit(estimate.value)) * estimate.value * (1 - estimate.value)
    error *= norm.ppf(0.975) / t.ppf(0.975, _freedom(_all_pairs(scores, positive)))
    assert estimate.value - error == pytest.approx(0.378, abs=5e-4)


def test_classes_wholly_apart_have_newcombes_interval() -> None:
    scores, positive = np.arange(20.0), np.arange(20) >= 12
    estimate = auc(scores, positive)
    assert (estimate.value, estimate.high) == (1.0, 1.0)
    # the lower end is the AUC whose own Hanley-McNeil error reaches 1: solved here on a grid
    grid = np.linspace(0.5, 1, 2_000_001)[:-1]
    spread = 1 + 9 * (1 - grid) / (2 - grid) + 9 * grid / (1 + grid)
    distance = (1 - grid) - norm.ppf(0.975) * np.sqrt(grid * (1 - grid) * spread / (8 * 12))
    assert estimate.low == pytest.approx(grid[np.abs(distance).argmin()], abs=1e-5)
    mirrored = auc(-scores, positive)
    assert (mirrored.value, mirrored.low) == (0.0, 0.0)
    assert mirrored.high == pytest.approx(1 - estimate.low)


def test_a_constant_score_and_a_lone_positive_have_an_interval() -> None:
    constant = auc(np.zeros(20), np.arange(20) >= 12)
    assert constant.low < constant.value == 0.5 < constant.high
    lone = auc(np.arange(9.0), np.arange(9) == 6)
    assert lone.low < lone.value == 0.75 < lone.high


@pytest.mark.parametrize(
    ("positive", "reason"),
    [([], "there is no case"), ([False] * 3, "no case is positive"), ([True] * 3, "every case is positive")],
)
def test_one_class_only_is_absent_with_a_reason(positive: list[bool], reason: str) -> None:
    labels, scores = np.array(positive, dtype=bool), np.arange(float(len(positive)))
    assert auc(scores, labels).reason == reason
    comparison = compare_aucs(scores, scores, labels)
    assert (comparison.difference.reason, comparison.p_value) == (reason, None)


def test_the_same_order_has_no_test() -> None:
    scores, positive = _case(1)
    comparison = compare_aucs(scores, 2 * scores, positive)
    assert comparison.difference.value == 0
    assert comparison.difference.reason == "the variance of the difference is zero"


def test_a_class_of_one_case_is_said_to_be_one() -> None:
    scores, positive = np.array([0.1, 0.2, 0.3, 0.4]), np.array([False, False, True, False])
    comparison = compare_aucs(scores, scores[::-1].copy(), positive)
    assert comparison.difference.value == pytest.approx(1 / 3)
    assert (comparison.difference.reason, comparison.p_value) == ("a class has a single case", None)
