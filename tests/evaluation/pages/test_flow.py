from dataclasses import replace
from xml.etree import ElementTree

from onephase.cohort.flow import CohortFlow
from onephase.evaluation.pages.checklist import checklist_of
from onephase.evaluation.pages.flow import flow_figure, flow_tables
from onephase.evaluation.pages.sections import sections_of
from onephase.evaluation.predictions import Predictions
from onephase.evaluation.study import Study

FLOW = (CohortFlow("full", {"another phase": 3, "motion": 1}, 2, 90), CohortFlow("left", {"no mask": 5}, 0, 0))


def with_flow(study: Study) -> Study:
    return replace(study, cohort_flow=FLOW)


def test_each_step_leaves_what_it_leaves(few_study: Study) -> None:
    steps, reasons = flow_tables(with_flow(few_study))
    tested = next(group.flow for group in few_study.groups if group.name == "full")
    assert steps.rows == (
        ("full", "96", "4", "2", "90", str(tested.lesions), str(tested.cases)),
        ("left", "5", "5", "0", "0", "0", "0"),  # a cohort of which nothing is left is not forgotten
    )
    assert reasons.rows == (("full", "another phase", "3"), ("full", "motion", "1"), ("left", "no mask", "5"))


def test_the_diagram_says_every_step_and_reason_and_nothing_gets_lost(few_study: Study) -> None:
    (figure,) = flow_figure(with_flow(few_study))
    tested = few_study.whole.flow
    words = [text.text for text in ElementTree.fromstring(figure.to_svg()).iter("{http://www.w3.org/2000/svg}text")]  # noqa: S314
    steps = ["101 rows of the cohort tables", "92 cases that nobody left out", "90 prepared"]
    assert [word for word in words if word in steps] == steps
    assert f"{tested.lesions} tested lesions" in words
    assert f"{tested.cases} scored patients" in words
    assert words[1:5] == ["left out: 9", "no mask: 5", "another phase: 3", "motion: 1"]
    assert "not readable: 2" in words
    assert f"learned from, or of another split: {90 - tested.lesions}" in words


def test_of_many_reasons_the_most_frequent_are_named(few_study: Study) -> None:
    many = CohortFlow("full", {f"reason <{number}>": 1 + number for number in range(9)}, 0, 90)
    (figure,) = flow_figure(replace(few_study, cohort_flow=(many,)))
    assert "reason &lt;8&gt;: 9" in figure.drawing
    assert "3 more reasons" in figure.drawing
    assert "reason &lt;0&gt;" not in figure.drawing
    assert flow_figure(few_study) == ()


def test_a_long_reason_stays_within_its_box(few_study: Study) -> None:
    (figure,) = flow_figure(replace(few_study, cohort_flow=(CohortFlow("full", {"why " * 40: 2}, 0, 90),)))
    root = ElementTree.fromstring(figure.to_svg())  # noqa: S314
    assert max(len(text.text) for text in root.iter("{http://www.w3.org/2000/svg}text")) < 60


def test_the_page_and_the_checklist_say_it(few_study: Study, few: Predictions) -> None:
    cases = sections_of(with_flow(few_study), few)[0]
    assert [table.name for table in cases.tables] == ["flow", "left-out", "cases", "characteristics"]
    said = {item.asked: item.answer for item in checklist_of(with_flow(few_study), few)}
    assert said["exclusions with counts and reasons"].startswith("9 left out, table 'left-out' has the reasons; 2 not")


def test_predictions_of_an_earlier_version_leave_it_open(few_study: Study, few: Predictions) -> None:
    assert flow_tables(few_study) == ()
    said = {item.asked: item.answer for item in checklist_of(few_study, few)}
    assert said["exclusions with counts and reasons"] == ""
