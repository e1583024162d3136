from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from onephase.evaluation.benchmarking.learning_curve import learning_curves, learning_figure, learning_table
from onephase.evaluation.predictions import Predictions
from onephase.evaluation.study import Study, study_of


@pytest.fixture(scope="module")
def studies(few: Predictions, few_study: Study) -> dict[int, Study]:
    """The small size answers half of the cases with the posterior of another, so it is worse."""
    mixed = np.where(np.arange(30) % 4 < 2, np.roll(np.arange(30), 4), np.arange(30))
    small = few.with_contestant("onephase", few.posteriors["onephase"].take(mixed))
    late = {**few_study.whole.scores, "late": few_study.whole.scores["geometry"]}
    return {200: _with_whole(few_study, scores=late), 50: study_of(small, policy="ki67_20", resamples=10)}


def _with_whole(study: Study, **changes: object) -> Study:
    """Return the study with another group of all cases."""
    return replace(study, groups=(*study.groups[:-1], replace(study.whole, **changes)))


def test_points_are_the_figures_of_each_study_in_order_of_size(studies: dict[int, Study]) -> None:
    curves = learning_curves(studies)
    assert set(curves) == {
        "er",
        "pr",
        "her2",
        "hr",
        "subtype_macro_auc",
        "group_macro_auc",
        "subtype_log_likelihood",
        "ki67_mae_percent",
        "panel_gain",
    }
    assert all(list(own) == ["onephase", "geometry", "prior"] for own in curves.values())
    her2 = curves["her2"]["onephase"]
    assert [size for size, _ in her2] == [50.0, 200.0]
    assert [one for _, one in her2] == [
        studies[size].whole.scores["onephase"].receptor("her2").auc for size in (50, 200)
    ]
    assert her2[0][1].value < her2[1][1].value
    assert curves["ki67_mae_percent"]["onephase"][0][1].value > curves["ki67_mae_percent"]["onephase"][1][1].value


def test_table_and_figure(studies: dict[int, Study]) -> None:
    table = learning_table(studies)
    assert table.columns == ("Figure", "Contestant", "50 cases", "200 cases", "n")
    assert len(table.rows) == 9 * 3
    auc = studies[200].whole.scores["onephase"].receptor("er").auc
    assert {row[-1] for row in table.rows if row[0] == "ER"} == {f"{auc.events} / {auc.n}"}
    assert all(len(row) == len(table.columns) for row in table.rows)
    figure = learning_figure(studies)
    root = ElementTree.fromstring(figure.to_svg())  # noqa: S314
    words = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert words.count("training cases") == 9
    assert {"onephase", "geometry", "prior"} < set(words)


def test_one_size_or_other_tested_cases_are_refused(studies: dict[int, Study]) -> None:
    with pytest.raises(ValueError, match="at least two sizes on the same tested cases, got 1 sizes"):
        learning_curves({50: studies[50]})
    other = _with_whole(studies[200], flow=replace(studies[200].whole.flow, cases=27))
    with pytest.raises(ValueError, match=r"got 2 sizes with \[27, 28\] tested cases"):
        learning_curves({50: studies[50], 200: other})
