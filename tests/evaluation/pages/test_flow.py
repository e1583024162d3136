from dataclasses import replace

from onephase.cohort.flow import CohortFlow
from onephase.evaluation.pages.checklist import checklist_of
from onephase.evaluation.pages.flow import flow_tables
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


def test_the_page_and_the_checklist_say_it(few_study: Study, few: Predictions) -> None:
    cases = sections_of(with_flow(few_study), few)[0]
    assert [table.name for table in cases.tables] == ["flow", "left-out", "cases", "characteristics"]
    said = {item.asked: item.answer for item in checklist_of(with_flow(few_study), few)}
    assert said["exclusions with counts and reasons"].startswith("9 left out, table 'left-out' has the reasons; 2 not")


def test_predictions_of_an_earlier_version_leave_it_open(few_study: Study, few: Predictions) -> None:
    assert flow_tables(few_study) == ()
    said = {item.asked: item.answer for item in checklist_of(few_study, few)}
    assert said["exclusions with counts and reasons"] == ""
