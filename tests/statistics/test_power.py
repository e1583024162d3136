from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm, ttest_1samp

from onephase.statistics.power import (
    auc_difference_power,
    auc_power,
    auc_variance,
    cases_needed,
    mean_difference_power,
)
from onephase.statistics.roc import auc, compare_aucs


def _exponential(rng: np.random.Generator, value: float, *, positive: int, negative: int) -> np.ndarray:
    """Scores of the model behind the variance: exponential in both classes, with that AUC."""
    return np.r_[rng.exponential(value / (1 - value), size=positive), rng.exponential(1.0, size=negative)]


@pytest.mark.parametrize(("value", "positive", "negative"), [(0.7, 40, 60), (0.9, 25, 75), (0.5, 30, 31)])
def test_variance_is_that_of_simulated_aucs(value: float, positive: int, negative: int) -> None:
    rng = np.random.default_rng(1)
    labels = np.arange(positive + negative) < positive
    drawn = [auc(_exponential(rng, value, positive=positive, negative=negative), labels).value for _ in range(600)]
    expected = auc_variance(value, positive=positive, negative=negative)
    assert np.mean(drawn) == pytest.approx(value, abs=0.008)
    assert np.var(drawn) == pytest.approx(expected, rel=0.15)


@given(value=st.floats(0.5, 0.95))
def test_the_two_parts_of_the_variance_are_integrals_over_the_exponential_model(value: float) -> None:
    """Q1: two positive cases both above one negative; Q2: one positive above two negatives."""
    rate = (1 - value) / value  # of the positive class, the other's being 1
    q1 = quad(lambda x: np.exp(-2 * rate * x) * np.exp(-x), 0, np.inf)[0]
    q2 = quad(lambda x: (1 - np.exp(-x)) ** 2 * rate * np.exp(-rate * x), 0, np.inf)[0]
    by_hand = (value * (1 - value) + 6 * (q1 - value**2) + 10 * (q2 - value**2)) / 77
    assert auc_variance(value, positive=7, negative=11) == pytest.approx(by_hand)


def test_cases_for_two_independent_aucs_follow_the_closed_form() -> None:
    """The large-sample limit: as many per class as the sum of both spreads asks for."""
    spread = [value / (2 - value) + 2 * value**2 / (1 + value) - 2 * value**2 for value in (0.70, 0.75)]
    for power in (0.8, 0.9, 0.95):
        per_class = ((norm.ppf(0.95) + norm.ppf(power)) / 0.05) ** 2 * sum(spread)
        plan = auc_difference_power(0.75, rival=0.70, correlation=0.0, positive_share=0.5, alpha=0.1)
        assert cases_needed(plan, power=power) / 2 == pytest.approx(per_class, rel=0.003)


def test_power_of_one_auc_is_that_of_simulated_studies() -> None:
    rng = np.random.default_rng(2)
    labels = np.arange(120) < 48
    found = [auc(_exponential(rng, 0.66, positive=48, negative=72), labels).excludes(0.5) for _ in range(600)]
    expected = auc_power(0.66, against=0.5, positive_share=0.4)(120)
    assert 0.7 < expected < 0.95
    assert np.mean(found) == pytest.approx(expected, abs=0.05)


def test_power_of_a_paired_difference_is_that_of_delongs_test() -> None:
    """Correlated binormal scores; the correlation of the AUCs is taken from the simulation itself."""
    rng = np.random.default_rng(3)
    positive, cases = 60, 150
    labels = np.arange(cases) < positive
    values, p_values = [], []
    for _ in range(600):
        shared = rng.normal(size=cases)
        first, second = (0.7 * shared + sqrt(0.51) * rng.normal(size=cases) for _ in range(2))
        first, second = first + 1.1 * labels, second + 0.6 * labels
        values.append([auc(first, labels).value, auc(second, labels).value])
        p_values.append(compare_aucs(first, second, labels).p_value)
    own, rival = (norm.cdf(shift / sqrt(2)) for shift in (1.1, 0.6))
    correlation = float(np.corrcoef(np.transpose(values))[0, 1])
    expected = auc_difference_power(own, rival=rival, correlation=correlation, positive_share=0.4)(cases)
    assert 0.5 < expected < 0.95
    assert np.mean(np.array(p_values) <= 0.05) == pytest.approx(expected, abs=0.06)


def test_power_of_a_mean_difference_is_that_of_the_t_test() -> None:
    rng = np.random.default_rng(4)
    drawn = rng.normal(1.5, 6.0, size=(4000, 90))
    expected = mean_difference_power(1.5, sd=6.0)(90)
    assert (ttest_1samp(drawn, 0.0, axis=1).pvalue <= 0.05).mean() == pytest.approx(expected, abs=0.02)
    # the textbook's normal form, which it approaches from above
    large = cases_needed(mean_difference_power(0.5, sd=10.0), power=0.8)
    assert large == pytest.approx(((1.959964 + 0.841621) * 10 / 0.5) ** 2, abs=3)


def test_power_of_a_mean_difference_is_a_number_however_large_the_study_is() -> None:
    plan = mean_difference_power(4.5, sd=9.0)
    powers = [plan(cases) for cases in range(4, 400)]
    assert powers == sorted(powers)  # scipy's noncentral t is NaN here and there, as with 266 cases
    assert powers[-1] == pytest.approx(1.0)


@given(effect=st.floats(0.02, 0.3), power=st.floats(0.1, 0.98), share=st.floats(0.1, 0.9))
def test_needed_is_the_smallest_number_that_reaches_it(effect: float, power: float, share: float) -> None:
    plan = auc_power(0.6 + effect, against=0.6, positive_share=share)
    needed = cases_needed(plan, power=power)
    assert plan(needed) >= power
    assert needed == 4 or plan(needed - 1) < power


def test_without_a_difference_the_power_is_alpha_and_no_number_is_enough() -> None:
    assert auc_power(0.6, against=0.6, positive_share=0.3, alpha=0.04)(500) == pytest.approx(0.04)
    plan = auc_difference_power(0.7, rival=0.7, correlation=0.5, positive_share=0.3)
    assert plan(100) == pytest.approx(0.05)
    assert cases_needed(plan, power=0.8) is None
    assert mean_difference_power(0.0, sd=1.0)(30) == pytest.approx(0.05)


def test_pairing_and_balance_save_cases() -> None:
    def needed(correlation: float, share: float) -> int:
        plan = auc_difference_power(0.75, rival=0.7, correlation=correlation, positive_share=share)
        return cases_needed(plan, power=0.8)

    assert needed(0.0, 0.5) > needed(0.5, 0.5) > needed(0.8, 0.5)
    assert needed(0.5, 0.1) > needed(0.5, 0.5)


def test_impossible_plans_are_one_sentence() -> None:
    with pytest.raises(ValueError, match=r"auc must lie between 0 and 1, got 1\.0"):
        auc_power(1.0, against=0.5, positive_share=0.5)
    with pytest.raises(ValueError, match="correlation of two AUCs must be at least 0 and below 1, got 1"):
        auc_difference_power(0.7, rival=0.6, correlation=1.0, positive_share=0.5)
    for sd in (0.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=f"deviation of the differences must be above 0 and finite, got {sd}"):
            mean_difference_power(1.0, sd=sd)
    with pytest.raises(ValueError, match="expected difference must be a finite number, got nan"):
        mean_difference_power(float("nan"), sd=1.0)


def test_a_class_of_one_case_is_no_study() -> None:
    """Of 134 cases with one positive in a hundred, two in five studies have two positive ones to test with."""
    rng = np.random.default_rng(5)
    positive = rng.random((200, 134)) < 0.01
    scores = rng.normal(size=(200, 134)) + 9 * positive
    found = [compare_aucs(one, rng.normal(size=134), own).p_value for one, own in zip(scores, positive, strict=True)]
    assert np.mean([p is not None and p <= 0.05 for p in found]) < 0.45
    for plan in (
        auc_power(0.9999, against=0.5, positive_share=0.01),
        auc_difference_power(0.9999, rival=0.5, correlation=0.0, positive_share=0.99),
    ):
        assert plan(134) == 0
        assert cases_needed(plan, power=0.8) >= 200
