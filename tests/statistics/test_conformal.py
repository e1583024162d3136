from math import ceil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onephase.statistics.conformal import (
    class_scores,
    class_sets,
    conformal_threshold,
    fewest_calibrating,
    interval_scores,
    thresholds_by_fold,
    widened,
)

SEEDS = st.integers(0, 10**6)


def _classes(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Three classes whose probabilities are too sure of themselves."""
    probabilities = rng.dirichlet([1.0, 0.7, 0.5], size=n)
    truth = (rng.uniform(size=(n, 1)) > np.cumsum(probabilities, axis=1)).sum(axis=1)
    sharpened = probabilities**2 / (probabilities**2).sum(axis=1, keepdims=True)
    return sharpened, np.minimum(truth, 2)


@given(seed=SEEDS, n=st.integers(1, 40), level=st.floats(0.05, 0.95))
def test_a_class_is_in_the_set_when_its_rank_is_not_extreme(seed: int, n: int, level: float) -> None:
    """The definition of conformal sets: a permutation test for every class, here with all ranks counted, ties too."""
    rng = np.random.default_rng(seed)
    probabilities, truth = _classes(rng, n)
    tested, _ = _classes(rng, 7)
    probabilities, tested = np.round(probabilities, 1), np.round(tested, 1)
    scores = class_scores(probabilities, truth)
    sets = class_sets(tested, np.full(7, conformal_threshold(scores, level=level)))
    for row, column in np.ndindex(*tested.shape):
        own = 1 - tested[row, column]
        p_value = (1 + sum(score >= own for score in scores)) / (n + 1)
        if abs(p_value - (1 - level)) > 1e-6:
            assert sets[row, column] == (p_value > 1 - level)


@pytest.mark.parametrize(("n", "level"), [(12, 0.8), (35, 0.9), (99, 0.9)])
def test_coverage_is_what_the_ranks_say(n: int, level: float) -> None:
    """Without ties a further score is within the threshold with probability rank / (n + 1) exactly."""
    rng = np.random.default_rng(1)
    held = [rng.normal() <= conformal_threshold(rng.normal(size=n), level=level) for _ in range(8000)]
    assert np.mean(held) == pytest.approx(ceil((n + 1) * level) / (n + 1), abs=0.013)


def test_sets_and_intervals_keep_their_promise_where_the_model_does_not() -> None:
    rng = np.random.default_rng(2)
    sets, likeliest, intervals, narrow = [], [], [], []
    for _ in range(400):
        probabilities, truth = _classes(rng, 60)
        threshold = conformal_threshold(class_scores(probabilities[:40], truth[:40]), level=0.9)
        sets.append(class_sets(probabilities[40:], np.full(20, threshold))[np.arange(20), truth[40:]].mean())
        likeliest.append((probabilities[40:].argmax(axis=1) == truth[40:]).mean())
        centre = rng.uniform(0.2, 0.8, size=60)
        observed = centre + rng.normal(0, 0.1, size=60)
        model = np.column_stack([centre - 0.05, centre + 0.05])
        wide = conformal_threshold(interval_scores(model[:40], observed[:40]), level=0.9)
        answer = widened(model[40:], np.full(20, wide), within=(-1.0, 2.0))
        intervals.append(((answer[:, 0] <= observed[40:]) & (observed[40:] <= answer[:, 1])).mean())
        narrow.append((np.abs(observed[40:] - centre[40:]) <= 0.05).mean())
    expected = ceil(41 * 0.9) / 41
    assert np.mean(sets) == pytest.approx(expected, abs=0.012)
    assert np.mean(intervals) == pytest.approx(expected, abs=0.012)
    assert np.mean(likeliest) < 0.8
    assert np.mean(narrow) < 0.5


@given(seed=SEEDS)
def test_order_changes_nothing_and_a_higher_level_asks_for_more(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=25)
    thresholds = [conformal_threshold(scores, level=level) for level in (0.5, 0.8, 0.95, 0.99)]
    assert thresholds == sorted(thresholds)
    assert thresholds[:3] == [conformal_threshold(rng.permutation(scores), level=level) for level in (0.5, 0.8, 0.95)]
    assert thresholds[3] == np.inf


@given(level=st.floats(0.05, 0.98))
def test_fewest_is_where_the_threshold_becomes_finite(level: float) -> None:
    fewest = fewest_calibrating(level)
    assert conformal_threshold(np.zeros(fewest), level=level) == 0.0
    assert fewest == 1 or conformal_threshold(np.zeros(fewest - 1), level=level) == np.inf


def test_too_few_cases_allow_everything() -> None:
    threshold = np.full(1, conformal_threshold(np.zeros(0), level=0.9))
    assert class_sets(np.array([[0.999, 0.001]]), threshold).all()
    assert widened(np.array([[0.2, 0.3]]), threshold, within=(0.0, 1.0)).tolist() == [[0.0, 1.0]]
    with pytest.raises(ValueError, match="between 0 and 1, got 1"):
        conformal_threshold(np.zeros(3), level=1.0)


def test_an_interval_may_shrink_but_never_turns_inside_out() -> None:
    intervals = np.array([[0.1, 0.3], [0.2, 0.8]])
    shrunk = widened(intervals, np.full(2, -0.2), within=(0.0, 1.0))
    np.testing.assert_allclose(shrunk, [[0.2, 0.2], [0.4, 0.6]])
    np.testing.assert_allclose(interval_scores(intervals, np.array([0.35, 0.5])), [0.05, -0.3])


def test_each_fold_is_calibrated_by_its_own_cases() -> None:
    scores, folds = np.r_[np.arange(9.0), np.arange(9.0) + 100], np.repeat([3, 4], 9)
    found = thresholds_by_fold(scores, calibrating=folds, tested=np.array([4, 3, 4, 5]), level=0.9)
    assert found.tolist() == [108.0, 8.0, 108.0, np.inf]
