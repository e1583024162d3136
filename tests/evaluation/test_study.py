import csv
import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from onephase.biomarkers.panel import Events
from onephase.biomarkers.posterior import PanelPosterior
from onephase.biomarkers.potentials import Potentials
from onephase.biomarkers.prior import fit_prior
from onephase.cohort.lesions import events_of
from onephase.evaluation.pages.findings import receptor_findings, versus_finding
from onephase.evaluation.pages.page import document_of, write_study
from onephase.evaluation.pages.restraint_findings import NOTHING_TO_CALIBRATE, conformal_findings
from onephase.evaluation.pages.study_figures import decision_figure
from onephase.evaluation.pages.tables import tables_of
from onephase.evaluation.predictions import Predictions, read_predictions, write_predictions
from onephase.evaluation.study import Study, study_of

WIDE, PR_LOST = np.array([[0.0, 1.0]]), np.array([-1], dtype=np.int8)


def page_of(study: Study, predictions: Predictions) -> str:
    return document_of(study, predictions).to_html()


@pytest.fixture(scope="module")
def study(predictions: Predictions) -> Study:
    return study_of(predictions, policy="ki67_20", resamples=50)


def test_groups_are_the_cohorts_and_all_together(study: Study, predictions: Predictions) -> None:
    assert [group.name for group in study.groups] == ["full", "hr-only", "all cohorts"]
    flow = study.whole.flow
    assert (flow.lesions, flow.cases) == (160, 152)
    assert sum(group.flow.cases for group in study.groups[:2]) == flow.cases
    assert list(study.whole.scores) == list(predictions.posteriors)
    assert [(one.first, one.second) for one in study.whole.versus] == [("onephase", "geometry")]


def test_each_cohort_and_subgroup_is_scored_by_its_own_cases(study: Study, predictions: Predictions) -> None:
    cases = predictions.take(predictions.index_lesions())
    told = cases.posteriors["onephase"].marginals()[:, 0]
    status = events_of(cases.records).status("er")

    def expected(mine: list[bool]) -> float:
        rows = np.array(mine) & (status >= 0)
        return float(roc_auc_score(status[rows], told[rows]))

    full = study.groups[0]
    assert full.name == "full"
    assert full.scores["onephase"].receptor("er").auc.value == pytest.approx(
        expected([one.cohort == "full" for one in cases.records])
    )
    rows = {(one.column, one.value): one.figures["er"] for one in study.whole.scores["onephase"].subgroups}
    for site in ("site 0", "site 1", "site 2"):
        own = [one.cohort == "full" and one.site == site for one in cases.records]
        assert rows["site", f"full: {site}"].value == pytest.approx(expected(own))
    assert rows["menopause", "pre"].value == pytest.approx(
        expected([one.covariate("menopause") == "pre" for one in cases.records])
    )


def test_the_family_of_a_cohort_holds_every_rival(few: Predictions) -> None:
    blurred = Potentials(
        np.zeros((len(few), 3)), np.linspace(-2, 0, len(few)), np.ones(len(few)), np.zeros(3), np.zeros(3)
    )
    two = replace(few, posteriors={**few.posteriors, "blurred": PanelPosterior.from_potentials(blurred)})
    for group in study_of(two, policy="ki67_20", resamples=50).groups:
        assert [one.second for one in group.versus] == ["geometry", "blurred"]
        found = [one for versus in group.versus for one in versus.figures.values() if one.p_value is not None]
        found.sort(key=lambda one: one.p_value)
        steps = [min(1.0, (len(found) - place) * one.p_value) for place, one in enumerate(found)]  # Holm 1979
        np.testing.assert_allclose([one.adjusted_p for one in found], np.maximum.accumulate(steps))


def test_everything_comes_again_from_stored_predictions(few: Predictions, few_study: Study, tmp_path: Path) -> None:
    write_predictions(tmp_path, few)
    again = study_of(read_predictions(tmp_path), policy="ki67_20", resamples=40, seed=7)
    assert json.dumps(again.to_json()) == json.dumps(few_study.to_json())


def test_files(study: Study, predictions: Predictions, tmp_path: Path) -> None:
    page = write_study(tmp_path, study, predictions)
    assert page == tmp_path / "evaluation.html"
    assert json.loads((tmp_path / "evaluation.json").read_text())["policy"] == "ki67_20"
    names = {path.stem for path in (tmp_path / "tables").iterdir()}
    assert names >= {"figures", "cases", "receptors", "ki67", "panel", "comparisons", "subtypes", "subgroups"}
    assert names >= {"calibration", "decision-curve", "abstention", "characteristics", "checklist"}
    assert "adjusted by Holm" in (tmp_path / "methods.txt").read_text()
    asked = json.loads((tmp_path / "checklist.json").read_text())
    open_items = [item for item in asked if item["answer"] is None]
    assert 0 < len(open_items) < len(asked)
    assert page.read_text().count('<td class="empty">') == len(open_items)
    drawn = {path.stem: ElementTree.fromstring(path.read_text()) for path in (tmp_path / "figures").iterdir()}  # noqa: S314
    assert set(drawn) == {"receptors", "panel", "ki67", "reliability", "decision-curve", "abstention"}
    assert all(one.tag == "{http://www.w3.org/2000/svg}svg" for one in drawn.values())
    with (tmp_path / "tables" / "figures.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    auc = study.groups[0].scores["onephase"].receptor("er").auc
    row = next(
        one for one in rows if (one["group"], one["contestant"], one["figure"]) == ("full", "onephase", "er auc")
    )
    assert (float(row["value"]), float(row["low"]), int(row["n"]), int(row["events"])) == (
        auc.value,
        auc.low,
        auc.n,
        auc.events,
    )
    assert all(one["value"] or one["reason"] for one in rows)


def test_a_page_takes_the_parts_of_an_earlier_one_with_it_and_nothing_else(few: Predictions, tmp_path: Path) -> None:
    write_study(tmp_path, study_of(few, policy="ki67_20", resamples=10), few)
    of_others = [tmp_path / "tables" / "summary.csv", tmp_path / "figures" / "mine.svg"]
    for file in of_others:
        file.touch()
    earlier = {*document_of(study_of(few, policy="ki67_20", resamples=10), few).parts()}
    without = Events(few.records[0].events.cells, WIDE, PR_LOST)
    told = replace(few, records=tuple(replace(one, events=without) for one in few.records), calibration=None)
    study = study_of(told, policy="ki67_14", resamples=10)
    page = write_study(tmp_path, study, told)
    there = {str(path.relative_to(tmp_path)) for name in ("tables", "figures") for path in (tmp_path / name).iterdir()}
    now = {*document_of(study, told).parts()}
    assert earlier - now >= {"tables/ki67.csv", "tables/conformal.csv"}
    assert there == {*now, "tables/figures.csv", *(str(file.relative_to(tmp_path)) for file in of_others)}
    assert (page.parent / "tables" / "figures.csv").exists()


def test_a_page_that_names_files_elsewhere_takes_none_of_them(few: Predictions, tmp_path: Path) -> None:
    precious = [tmp_path / "tables" / "deep" / "mine.csv", tmp_path / "mine.csv", tmp_path / "page" / "mine.csv"]
    for file in precious:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    names = "tables/../../mine.csv tables/deep/mine.csv mine.csv ../mine.csv"
    (tmp_path / "page" / "evaluation.html").write_text(f'<meta name="parts" content="{names}">')
    write_study(tmp_path / "page", study_of(few, policy="ki67_20", resamples=10), few)
    assert all(file.exists() for file in precious)


def test_page_is_whole_in_itself_and_says_what_it_is(study: Study, predictions: Predictions) -> None:
    page = page_of(study, predictions)
    assert "Research use only" in page
    assert "SIMULATED" not in page
    assert not re.search(r"(src|href|url)\s*[=(]", page)
    assert page.count("<svg") == 6
    parser = HTMLParser()
    parser.feed(page)
    parser.close()
    for number in ("0.0, 1.0", "nan"):
        assert number not in page


def test_simulated_cases_are_labelled(make_predictions: Callable[..., Predictions]) -> None:
    few = make_predictions(cases=2, provenance="simulated").take(np.array([1]))
    study = study_of(few, policy="ki67_20", resamples=10)
    assert study.simulated == study.whole.flow.cases
    assert "1 of 1 scored cases are simulated" in page_of(study, few)


def test_page_is_the_same_each_time(study: Study, predictions: Predictions) -> None:
    assert page_of(study, predictions) == page_of(study, predictions)


def test_names_in_a_table_are_escaped(few: Predictions) -> None:
    hostile = replace(few, records=tuple(replace(record, cohort="<script>x</script>") for record in few.records))
    page = page_of(study_of(hostile, policy="ki67_20", resamples=10), hostile)
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_sentences_say_interval_and_n_and_admit_chance(study: Study, predictions: Predictions) -> None:
    sentences = receptor_findings(study.whole, "prior")
    assert all("Chance (0.5) is not excluded" in sentence for sentence in sentences)
    her2 = next(one for one in receptor_findings(study.whole, "onephase") if "HER2" in one)
    assert "95 % interval" in her2
    assert "152 cases" in her2


def test_tables_are_rectangular(study: Study) -> None:
    for table in tables_of(study):
        assert all(len(row) == len(table.columns) for row in table.rows), table.name


@pytest.mark.parametrize("positive", [0, 1, 28])
def test_the_page_is_made_whatever_share_of_the_cases_is_positive(few: Predictions, positive: int) -> None:
    cases = few.take(few.index_lesions())
    records = tuple(
        replace(one, events=Events((np.arange(8) == (7 if row < positive else 0))[None], WIDE, PR_LOST))
        for row, one in enumerate(cases.records)
    )
    told = replace(cases, records=records, calibration=None)
    study = study_of(told, policy="ki67_20", resamples=10)
    assert study.whole.flow.positive["er"] == positive
    assert ("decision-curve" in {one.name for one in decision_figure(study, "onephase")}) == (positive > 0)
    assert "patients" in page_of(study, told)


def test_who_knows_nothing_comes_out_below_one_half_over_folds_and_the_table_says_so(few: Predictions) -> None:
    fold = np.arange(len(few)) % 5
    events = events_of(few.records)
    priors = [PanelPosterior.from_potentials(fit_prior(events.take(fold != own))) for own in fold]
    pooled = few.with_contestant("onephase", PanelPosterior.stack(priors))
    study = study_of(pooled, policy="ki67_20", resamples=10)
    assert study.whole.scores["onephase"].receptor("her2").auc.value < 0.45
    note = next(table.note for table in tables_of(study) if table.name == "receptors")
    assert "Where the answers of folds are pooled, who knows nothing comes out below 0.5" in note


def test_a_fold_that_cannot_calibrate_is_not_said_of_all(predictions: Predictions) -> None:
    first = np.flatnonzero(predictions.fold == 0)[:8]
    calibration = predictions.take(np.concatenate([first, np.flatnonzero(predictions.fold != 0)]))
    study = study_of(replace(predictions, calibration=calibration), policy="ki67_20", resamples=10)
    her2 = next(one for one in study.conformal if one.target == "her2")
    assert (her2.calibrated_on, her2.size.value < 2) == (8, True)
    sentence = next(one for one in conformal_findings(study) if one.startswith("HER2"))
    assert "Where fewer than 9 cases calibrate, as here 8, answers allow everything." in sentence


def test_conformal_answers_or_why_there_are_none(study: Study, few: Predictions, few_study: Study) -> None:
    assert study.conformal == ()
    assert conformal_findings(study) == (NOTHING_TO_CALIBRATE,)
    assert "conformal" not in {table.name for table in tables_of(study)}
    assert len(conformal_findings(few_study)) == len(few_study.conformal) == 7
    table = next(table for table in tables_of(few_study) if table.name == "conformal")
    assert {row[0] for row in table.rows} == {
        "ER",
        "PR",
        "HER2",
        "HR",
        "subtypes (ki67_20)",
        "receptor groups",
        "Ki-67",
    }
    page = page_of(few_study, few)
    assert NOTHING_TO_CALIBRATE not in page
    assert "answers that promised 0.9" in page


def test_raw_and_adjusted_p_stand_side_by_side(study: Study) -> None:
    table = next(table for table in tables_of(study) if table.name == "comparisons")
    assert table.columns[-3:] == ("p", "p (Holm)", "n")
    for group in study.groups:
        tested = [one for versus in group.versus for one in versus.figures.values() if one.p_value is not None]
        smallest = min(tested, key=lambda one: one.p_value)
        assert smallest.adjusted_p == pytest.approx(min(1, len(tested) * smallest.p_value))


def test_an_auc_stands_with_its_events_wherever_it_is_printed(study: Study) -> None:
    shown = {table.name: table for table in tables_of(study)}
    er = {group.name: group.scores["onephase"].receptor("er").auc for group in study.groups}
    compared = [row for row in shown["comparisons"].rows if row[2] == "ER"]
    assert compared
    assert all(row[-1] == f"{er[row[0]].events} / {er[row[0]].n}" for row in compared)
    calibrated = [row for row in shown["calibration"].rows if row[2] == "ER"]
    assert shown["calibration"].columns[-1] == "positive / n"
    assert all(row[-1] == f"{er[row[0]].events} / {er[row[0]].n}" for row in calibrated)


def test_a_difference_that_does_not_survive_its_family_is_not_shown(study: Study) -> None:
    group, one = study.whole, study.whole.versus[0]
    alone = replace(one.figures["panel_gain"], adjusted_p=0.04)
    crowded = replace(alone, adjusted_p=0.2)
    said, corrected = (
        versus_finding(group, replace(one, figures={**one.figures, "panel_gain": figure}))
        for figure in (alone, crowded)
    )
    assert "not shown" not in said
    assert corrected == f"{said} Corrected for all comparisons of the cohort (p 0.200), a difference is not shown."


def test_the_oracle_stands_beside(few: Predictions) -> None:
    study = study_of(few.with_contestant("oracle", few.posteriors["onephase"]), policy="ki67_20", resamples=10)
    assert "oracle" in study.whole.scores
    assert [one.second for one in study.whole.versus] == ["geometry"]
    assert "The true phenotype would give" in receptor_findings(study.whole, "onephase")[0]
