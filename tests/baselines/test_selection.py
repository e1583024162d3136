from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import norm

from onephase.baselines.selection import prune, select
from onephase.biomarkers.panel import Events


@pytest.fixture
def features() -> np.ndarray:
    """Six columns: plain, constant, plain, the first again with little noise, mostly missing, a few missing."""
    rng = np.random.default_rng(1)
    columns = rng.normal(size=(200, 6)) * (1.0, 1.0, 10.0, 1.0, 1.0, 1.0)
    columns[:, 1] = 3.7
    columns[:, 3] = -5 * columns[:, 0] + rng.normal(size=200)
    columns[::2, 4] = np.nan
    columns[:10, 5] = np.nan
    return columns


def test_what_is_constant_alike_or_mostly_missing_is_left_out(features: np.ndarray) -> None:
    assert np.corrcoef(features[:, 0], features[:, 3])[0, 1] < -0.95
    selection = prune(features)
    assert selection.columns.tolist() == [0, 2, 5]
    assert selection.names("abcdef") == ("a", "c", "f")
    assert len(selection) == 3


def test_a_missing_value_is_the_median_and_a_far_one_is_clipped(features: np.ndarray) -> None:
    selection = prune(features)
    kept = selection.of(features)
    assert kept[:10, 2] == pytest.approx(np.full(10, np.nanmedian(features[:, 5])))
    low, high = np.percentile(features[:, 2], (1, 99))
    far = selection.of(np.array([[0, 0, 1e9, 0, 0, 0], [0, 0, -np.inf, 0, 0, 0]]))
    assert far[0, 1] == pytest.approx(high)
    assert far[1, 1] == pytest.approx(np.median(features[:, 2]))  # infinite is not defined: missing
    assert kept[:, 1].min() == pytest.approx(low)


def test_what_is_usual_is_that_of_the_training_cases_whoever_stands_beside_a_case(features: np.ndarray) -> None:
    selection = prune(features)
    others = np.full((5, 6), 1e6)
    assert selection.of(np.concatenate([features, others]))[:200] == pytest.approx(selection.of(features))


def test_the_most_telling_come_first(make_cohort: Callable) -> None:
    features, events = make_cohort(300)
    assert set(select(features, events).columns[:4].tolist()) == {0, 1, 2, 3}


def test_the_score_of_known_receptors_is_that_of_logistic_regression(make_cohort: Callable) -> None:
    # without couplings the score test of a binary outcome is the correlation of feature and outcome
    features, events = make_cohort(400, strength=0.7)
    her2_only = Events(_her2(events), np.tile([0.0, 1.0], (400, 1)), events.pr_high.copy())
    positive = her2_only.status("her2") == 1
    order = select(features, her2_only).columns
    correlation = [
        abs(np.corrcoef(np.clip(column, *np.percentile(column, (1, 99))), positive)[0, 1]) for column in features.T
    ]
    assert order[0] == np.argmax(correlation) == 2
    z = np.array(correlation) * np.sqrt(400)
    told = {int(column) for column in np.flatnonzero(2 * norm.sf(z) < 0.001)}
    assert set(order[: len(told)].tolist()) == told


def test_partial_events_tell_as_far_as_they_go(make_cohort: Callable) -> None:
    features, events = make_cohort(300)
    hr = events.status("hr") == 1
    partial = events.cells.copy()
    partial[:] = np.where(hr[:, None], (np.arange(8) >= 2), (np.arange(8) < 2))
    hr_only = Events(partial, np.tile([0.0, 1.0], (300, 1)), events.pr_high.copy())
    assert set(select(features, hr_only).columns[:2].tolist()) == {0, 1}


def _her2(events: Events) -> np.ndarray:
    positive = events.status("her2") == 1
    return (np.arange(8) % 2 == 1) == positive[:, None]
