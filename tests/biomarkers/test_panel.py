import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onephase.biomarkers.panel import CELL_NAMES, CELLS, Events
from onephase.errors import EvidenceError


def one(cells, ki67=(0.0, 1.0), pr_high=-1):
    return Events(np.isin(np.arange(8), cells)[np.newaxis], np.array([ki67]), np.array([pr_high], dtype=np.int8))


def test_cells_are_all_combinations_in_the_documented_order():
    assert len({tuple(cell) for cell in CELLS}) == 8
    assert CELL_NAMES[0] == "ER- PR- HER2-"
    assert CELL_NAMES[6] == "ER+ PR+ HER2-"


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (lambda: one([]), "allows no receptor cell"),
        (lambda: one([1], (0.2, 0.2)), "0 <= start < stop <= 1"),
        (lambda: one([1], (0.2, 1.1)), "0 <= start < stop <= 1"),
        (lambda: one([1], (np.nan, 0.3)), "0 <= start < stop <= 1"),
        (lambda: one([2], pr_high=2), "pr_high must be"),
        (lambda: one([1], pr_high=1), "PR-negative cells out"),
    ],
)
def test_an_event_that_nothing_fulfils_is_refused(event, message):
    with pytest.raises(EvidenceError, match=message):
        event()


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (one([0, 1]), one([2, 3]), "row 0 contradict each other in what they say of the receptors"),
        (one([0], (0.1, 0.2)), one([0], (0.2, 0.3)), "of Ki-67"),
        (one([2], pr_high=1), one([2], pr_high=0), "of the PR percentage"),
    ],
)
def test_events_that_exclude_each_other_are_refused(first, second, message):
    with pytest.raises(EvidenceError, match=message):
        first.both(second)


@given(seed=st.integers(0, 2**32 - 1))
def test_both_is_the_intersection_in_any_order(seed, random_events):
    rng = np.random.default_rng(seed)
    first, second = random_events(rng, 4), random_events(rng, 4)
    try:
        together, turned = first.both(second), second.both(first)
    except EvidenceError:
        return
    for name in ("cells", "ki67", "pr_high"):
        np.testing.assert_array_equal(getattr(together, name), getattr(turned, name))
    np.testing.assert_array_equal(together.both(first).cells, together.cells)
    assert (together.cells <= first.cells).all()


def test_status_knows_hr_without_er_or_pr():
    hr = one(range(2, 8))
    assert [int(hr.status(name)[0]) for name in ("hr", "er", "pr", "her2")] == [1, -1, -1, -1]
    negative = one([0, 1])
    assert [int(negative.status(name)[0]) for name in ("hr", "er", "pr", "her2")] == [0, 0, 0, -1]


@given(seed=st.integers(0, 2**32 - 1), cases=st.integers(0, 5))
def test_json_there_and_back(seed, cases, random_events):
    events = random_events(np.random.default_rng(seed), cases)
    back = Events.from_json(json.loads(json.dumps(events.to_json())))
    for name in ("cells", "ki67", "pr_high"):
        np.testing.assert_array_equal(getattr(back, name), getattr(events, name))


def test_events_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        Events.unknown(4).cells[0, 0] = False
