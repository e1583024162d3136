import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onephase.csv_text import csv_text, harmless


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "+1+cmd|' /C calc'!A0", "-1+1", "@SUM(A1)", "\tx", "\r=1", "-1 (=2)", "-x", "-0.1 (0.2 to HYPERLINK(A1))"],
)
def test_a_formula_becomes_text(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"


@pytest.mark.parametrize(
    "cell", ["-", "+", "-1.193", "-0.020 (-0.100 to 0.060)", "-0.020 (-0.100 to 0.060); 3 of 9", "2+", "", "a=b"]
)
def test_figures_and_words_stay(cell: str) -> None:
    assert harmless(cell) == cell


def test_numbers_stay_and_nothing_is_empty() -> None:
    assert csv_text([("a", -1.2e-05, None, -3, "-x")]) == "a,-1.2e-05,,-3,'-x\n"


@given(
    st.lists(
        st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=9), min_size=2, max_size=2)
    )
)
def test_rows_come_back_with_at_most_a_quote_more(rows: list[list[str]]) -> None:
    again = list(csv.reader(io.StringIO(csv_text(rows), newline="")))
    assert again == [[harmless(cell) for cell in row] for row in rows]
    assert not any(harmless(cell) != cell for row in again for cell in row)
