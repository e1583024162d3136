import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onephase.biomarkers.evidence import read_evidence
from onephase.biomarkers.panel import Events
from onephase.biomarkers.wording import describe


@pytest.mark.parametrize(
    ("texts", "phrases"),
    [
        ({}, ()),
        ({"er": "1", "ki67": "18"}, ("ER positive", "Ki-67 18 % to <19 %")),
        ({"pr": "30%"}, ("PR positive (20 % or more)",)),
        ({"pr": "<20%"}, ("PR below 20 %",)),
        ({"pr": "0"}, ("PR negative",)),
        ({"hr": "1", "her2": "3+"}, ("HER2 positive", "ER or PR positive")),
        ({"ki67": "<14"}, ("Ki-67 below 14 %",)),
        ({"ki67": "18.25"}, ("Ki-67 18.25 % to <18.26 %",)),
    ],
)
def test_what_was_known_in_words(texts, phrases):
    assert describe(read_evidence(case_id="a", **texts)) == (phrases,)


def test_cells_that_are_no_product_are_named():
    cells = np.isin(np.arange(8), [1, 6])[np.newaxis]
    event = Events(cells, np.array([[0.0, 1.0]]), np.array([-1], dtype=np.int8))
    assert describe(event) == (("one of ER- PR- HER2+, ER+ PR+ HER2-",),)


@given(seed=st.integers(0, 2**32 - 1))
def test_nothing_is_said_only_where_nothing_is_known(seed, random_events):
    events = random_events(np.random.default_rng(seed), 5)
    for row, phrases in enumerate(describe(events)):
        unknown = events.cells[row].all() and events.ki67[row].tolist() == [0, 1] and events.pr_high[row] == -1
        assert (not phrases) == unknown
