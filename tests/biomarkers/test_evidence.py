import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onephase.biomarkers.evidence import COLUMNS, read_evidence, read_given
from onephase.biomarkers.panel import CELLS, Events
from onephase.biomarkers.rules import ACCEPTED, RULES, SOURCES
from onephase.biomarkers.wording import describe
from onephase.errors import EvidenceError

PAGE = Path(__file__).parents[2] / "docs" / "evidence.md"
ROWS = re.findall(r"^\| `(\w+)` \| `([^`]*)` \| ([^|]+) \| ([^|]+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def read(**texts):
    return read_evidence(case_id="case-7", **texts)


@pytest.mark.parametrize(("column", "text", "event", "source"), ROWS)
def test_every_row_of_the_page_holds(column, text, event, source):
    assert source in SOURCES
    if event == "refused":
        with pytest.raises(EvidenceError) as refused:
            read(**{column: text})
        assert all(part in str(refused.value) for part in ("case-7", column, repr(text), ACCEPTED[column]))
    else:
        (phrases,) = describe(read(**{column: text}))
        assert "; ".join(phrases) == event.replace("nothing is known", "")


def test_the_page_is_read_and_names_every_source():
    assert len(ROWS) > 90
    assert {source for *_, source in ROWS} == set(SOURCES)
    assert {rule.source for rule in RULES} == set(SOURCES)
    assert {column for rule in RULES for column in rule.columns} == set(COLUMNS)
    page = PAGE.read_text(encoding="utf-8")
    assert all(f"| {key} | {citation} |" in page for key, citation in SOURCES.items())


def test_empty_is_everything():
    event, unknown = read(er="  "), Events.unknown(1)
    np.testing.assert_array_equal(event.cells, unknown.cells)
    np.testing.assert_array_equal(event.ki67, unknown.ki67)
    assert event.pr_high[0] == -1


def test_hr_positive_is_six_cells():
    event = read(hr="HR+")
    assert event.cells.sum() == 6
    assert not event.cells[0, ~(CELLS[:, 0] | CELLS[:, 1])].any()


def test_columns_come_together():
    event = read(er="95%", pr="<1%", her2="2+/ISH-", ki67="18")
    assert event.cells[0].nonzero()[0].tolist() == [4]
    assert event.ki67.tolist() == [[0.18, 0.19]]
    assert event.pr_high[0] == 0


def test_hr_settles_the_receptor_that_is_left():
    assert describe(read(er="0", hr="1")) == (("ER negative", "PR positive"),)
    assert read(hr="negative").pr_high[0] == 0


@pytest.mark.parametrize("texts", [{"er": "0", "pr": "0", "hr": "1"}, {"er": "95%", "hr": "0"}, {"pr": "+", "hr": "-"}])
def test_hr_against_er_and_pr_is_refused(texts):
    with pytest.raises(EvidenceError, match=r"case-7: hr '.' contradicts .*mend one of them") as refused:
        read(**texts)
    assert all(repr(text) in str(refused.value) for text in texts.values())


@pytest.mark.parametrize("cut", [14, 20])
def test_ki67_ends_are_the_very_numbers_of_the_cut_offs(cut):
    assert read(ki67=str(cut)).ki67[0, 0] == cut / 100
    assert read(ki67=f"<{cut}").ki67[0, 1] == cut / 100


@pytest.mark.parametrize(
    ("first", "second"),
    [("≥20%", ">=20%"), ("10\N{EN DASH}15", "10-15"), ("< 14 %", "<14"), ("Ki-67 18", "18"), ("KI67: 18 %", "18%")],
)
def test_spellings_of_the_same_reading(first, second):
    np.testing.assert_array_equal(read(ki67=first).ki67, read(ki67=second).ki67)


NOT_UNDERSTOOD = {
    "er": ("2", "0.5", "00", "+++", "ER+/PR+", "1e2%", "Allred", "H-score", "PR+", "unknown", "n/a", "95 % %"),
    "pr": ("low positive", "2+", "-1%", "1.0000000%"),
    "her2": (
        *("2", "4+", "2+/", "2+/ISH", "FISH", "IHC", "HER2", "1/ISH-", "2+/ISH ratio", "low positive"),
        *("2+/FISH ratio 2 ratio 3", "2+/single-probe ISH ratio 2.1", "2+/FISH ratio 2.3 CN"),
    ),
    "hr": ("2", "Allred 5", "low positive", "ER+"),
    "ki67": ("high", "intermediate", "18 -", "~18", "about 20%", "20+", "1000", "18%%", "nan"),
}


@pytest.mark.parametrize(
    ("column", "text"), [(column, text) for column, texts in NOT_UNDERSTOOD.items() for text in texts]
)
def test_what_is_not_understood_is_refused_and_never_guessed(column, text):
    with pytest.raises(EvidenceError) as refused:
        read(**{column: text})
    message = str(refused.value)
    assert message.startswith(f"case case-7: {column} {text!r} ")
    assert message.endswith(f"; write {ACCEPTED[column]}, or nothing where it is missing")


@given(column=st.sampled_from(COLUMNS), text=st.text(max_size=30))
def test_any_text_is_an_event_or_our_error(column, text):
    try:
        event = read(**{column: text})
    except EvidenceError:
        return
    assert event.cells.any()


@given(low=st.integers(0, 98), width=st.integers(1, 10), column=st.sampled_from(["er", "pr"]))
def test_a_percentage_range_allows_what_its_readings_allow(low, width, column):
    high = min(low + width, 100)
    together = read(**{column: f"{low}-{high}%"})
    readings = [read(**{column: f"{percent}%"}) for percent in range(low, high + 1)]
    np.testing.assert_array_equal(together.cells[0], np.logical_or.reduce([event.cells[0] for event in readings]))
    shares = {int(event.pr_high[0]) for event in readings}
    assert together.pr_high[0] == (shares.pop() if len(shares) == 1 else -1)


def test_given_reads_what_a_command_line_brings():
    event = read_given(["er=positive", "KI67 = >=20%", "pr=30%"])
    assert describe(event) == (("ER positive", "PR positive (20 % or more)", "Ki-67 20 % or more"),)
    assert not describe(read_given([]))[0]


@pytest.mark.parametrize(
    ("assignments", "message"),
    [
        (["er"], "given 'er': expected NAME=TEXT"),
        (["grade=3"], "given 'grade=3': expected NAME=TEXT"),
        (["er="], "given 'er='"),
        (["ki67>=20"], "given 'ki67>=20'"),
        (["er=1", "er=0"], "er was given before as '1'"),
        (["her2=banana"], "given: her2 'banana' is not understood"),
        (["er=0", "pr=0", "hr=1"], "given: hr '1' contradicts er '0' and pr '0'"),
    ],
)
def test_given_that_is_not_understood_is_refused(assignments, message):
    with pytest.raises(EvidenceError, match=re.escape(message)):
        read_given(assignments)
