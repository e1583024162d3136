"""The alarm sounds where a cohort decides a label, and is silent where it does not."""

from collections.abc import Callable
from pathlib import Path

from onephase.cohort.table import check_cohort
from onephase.settings import SplitSettings

HEADER = "case_id,image,mask,er,her2"


def rows(name: str, statuses: str) -> list[str]:
    return [HEADER] + [f"{name}{n},{n}.nii.gz,m{n}.nii.gz,{er},{n % 2}" for n, er in enumerate(statuses)]


def warned(*tables: Path) -> list[str]:
    result = check_cohort(tables, SplitSettings(), headers=False)
    return [problem.problem for problem in result.warnings if "cohort and site alone" in problem.problem]


def test_a_label_that_the_cohort_decides_is_warned_of(write_table: Callable[..., Path]):
    first = write_table(*rows("a", "1" * 18 + "0" * 2), folder="first")
    second = write_table(*rows("b", "0" * 18 + "1" * 2), folder="second")
    (sentence,) = warned(first, second)
    assert sentence.startswith("the AUC of cohort and site alone for ER is 0.8")  # 0.90 with the case's own fold
    assert "40 cases, 20 positive" in sentence


def test_every_label_is_told_whether_it_is_warned_of_or_not(write_table: Callable[..., Path]):
    first = write_table(*rows("a", "1" * 18 + "0" * 2), folder="first")
    second = write_table(*rows("b", "0" * 18 + "1" * 2), folder="second")
    result = check_cohort([first, second], SplitSettings(), headers=False)
    told = result.to_json()["auc_of_cohort_and_site_alone"]
    assert set(told) == {"er", "pr", "hr", "her2", "ki67"}
    assert told["er"]["value"] > 0.8
    assert told["her2"]["value"] < 0.6
    assert (told["her2"]["n"], told["her2"]["events"]) == (40, 20)
    assert told["pr"]["value"] is None
    assert check_cohort([first], SplitSettings(), headers=False).by_membership == {}


def test_alike_cohorts_and_a_single_one_are_not(write_table: Callable[..., Path]):
    first = write_table(*rows("a", "10" * 10), folder="first")
    second = write_table(*rows("b", "01" * 10), folder="second")
    assert warned(first, second) == []
    assert warned(first) == []
