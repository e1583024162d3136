"""Counts add up by construction, and codes are never guessed."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onephase.cohort.sources.receptors import panel, status
from onephase.cohort.sources.source import Found, LeaveOut, LeftOut, Lesion, refuse_unfit, sort_out
from onephase.errors import CohortError, ImageError


def lesion(name: str) -> Lesion:
    return Lesion(case_id=name, patient_id=name, image=Path("x"), labels={})


def read(name: str) -> Lesion:
    if name == "b":
        reason = "it is not here"
        raise LeaveOut(reason, "b.nii")
    if name == "c":
        message = "c.nii is empty"
        raise ImageError(message)
    return lesion(name)


def test_each_case_is_used_or_left_out_with_its_reason() -> None:
    seen: list[tuple[int, int]] = []
    used, left = sort_out(["a", "b", "c"], read, progress=lambda task, done, total: seen.append((done, total)))
    assert [one.case_id for one in used] == ["a"]
    assert left == (
        LeftOut("b", "it is not here", "b.nii"),
        LeftOut("c", "image or mask cannot be used", "c.nii is empty"),
    )
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("names", [("a",), ("a", "b", "c"), ("a", "a")])
def test_counts_that_do_not_add_up_are_a_fault_of_ours(names) -> None:
    Found(("a", "b"), (lesion("a"),), (LeftOut("b", "x"),))
    with pytest.raises(ValueError, match="cases were seen and 2 accounted for"):
        Found(names, (lesion("a"),), (LeftOut("b", "x"),))


def test_codes_are_as_listed_or_stop_the_import() -> None:
    assert [status(text, where="x") for text in ("1", "0.0", "", "NA")] == ["positive", "negative", "", ""]
    with pytest.raises(CohortError, match="sheet, case a: expected 1, 0, NA, nan or nothing, got '9'"):
        status("9", where="sheet, case a")


@pytest.mark.parametrize(
    ("er", "pr", "hr", "told"),
    [
        ("positive", "negative", "positive", ""),
        ("negative", "negative", "negative", ""),
        ("", "", "positive", "positive"),
        ("negative", "", "positive", "positive"),
        ("positive", "", "", ""),
    ],
)
def test_hr_is_written_where_er_and_pr_do_not_say_it(er: str, pr: str, hr: str, told: str) -> None:
    assert panel(er=er, pr=pr, hr=hr) == {"er": er, "pr": pr, "her2": "", "hr": told}


@pytest.mark.parametrize(("er", "pr", "hr"), [("positive", "", "negative"), ("negative", "negative", "positive")])
def test_an_hr_against_er_and_pr_is_left_out(er: str, pr: str, hr: str) -> None:
    with pytest.raises(LeaveOut, match="HR contradicts ER and PR"):
        panel(er=er, pr=pr, hr=hr)


@given(name=st.text(max_size=8).map(lambda text: f"a{text}") | st.text(alphabet="./\\a\n", max_size=8))
def test_a_case_is_read_only_where_its_name_names_one_file(name: str) -> None:
    read_cases: list[str] = []

    def read_case(case_id: str) -> Lesion:
        read_cases.append(case_id)
        return lesion(case_id)

    with contextlib.suppress(CohortError):
        sort_out(["a", name], read_case)
    assert not read_cases or not (set(name) & set("/\\\n") or name in {".", ".."})


def test_a_formula_is_no_name_and_is_not_repeated_where_it_may_be_a_patients() -> None:
    with pytest.raises(CohortError, match="case a, column patient_id: it begins like a formula") as fault:
        refuse_unfit("a", case_id="a", patient_id="=Doe")
    assert "Doe" not in str(fault.value)


def test_a_case_whose_files_the_system_refuses_is_left_out_with_what_it_said() -> None:
    def closed(name: str) -> Lesion:
        if name == "b":
            raise PermissionError(13, "Permission denied", "set/b")
        return lesion(name)

    used, left = sort_out(["a", "b"], closed)
    assert [one.case_id for one in used] == ["a"]
    reason = "a file or folder of it cannot be opened"
    assert left == (LeftOut("b", reason, "set/b cannot be opened (Permission denied)"),)
