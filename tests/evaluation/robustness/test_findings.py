from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from onephase.biomarkers.panel import CELLS
from onephase.biomarkers.potentials import Potentials
from onephase.evaluation.predictions import Predictions
from onephase.evaluation.robustness.change import Change
from onephase.evaluation.robustness.findings import Robustness, robustness_of
from onephase.evaluation.robustness.outline_changes import boxed
from onephase.evaluation.robustness.probing import UNCHANGED, Probed
from onephase.evaluation.robustness.robustness_page import costs_table, document_of, write_robustness

CHANGES = tuple(Change(name, "outline", boxed) for name in ("nothing", "turned", "rare", "never", "neither"))


@pytest.fixture(scope="module")
def probed(make_predictions: Callable[..., Predictions]) -> list[Probed]:
    records = make_predictions(cases=60, provenance="simulated").records[1::2]  # those with every label
    rng = np.random.default_rng(2)
    found = []
    for row, record in enumerate(records):
        cell = int(record.events.cells[0].argmax())
        unary = (2.0 * CELLS[cell] - 1 + rng.normal(0, 1, size=3))[None]
        given = Potentials(unary, np.array([-1.2]), np.array([0.8]), np.zeros(3), np.zeros(3))
        answers = {UNCHANGED: given, "nothing": given, "turned": replace(given, unary=-unary)}
        if row < 4:
            answers["rare"] = given
        reasons = {"never": "no such thing", "neither": "no such thing", **({} if row < 4 else {"rare": "too small"})}
        found.append(Probed(record, answers, reasons))
    return [*found, Probed(records[0], {}, {}, problem="case x: it is gone")]


@pytest.fixture(scope="module")
def found(probed: list[Probed]) -> Robustness:
    return robustness_of(probed, CHANGES, bundle="s", policy="ki67_20", facts={}, resamples=60)


def test_what_changes_nothing_moves_nothing_and_costs_nothing(found: Robustness) -> None:
    nothing = found.findings[0]
    assert {name: one.value for name, one in nothing.moved.items()} == dict.fromkeys(("er", "pr", "her2", "ki67"), 0.0)
    assert {one.difference.value for one in nothing.costs.values()} == {0.0}


def test_turned_answers_turn_the_auc_and_move_each_probability_across_a_half(
    found: Robustness, probed: list[Probed]
) -> None:
    turned = found.findings[1]
    answered = probed[:-1]
    status = np.array([one.record.events.status("er")[0] for one in answered])
    odds = np.array([one.answers[UNCHANGED].unary[0, 0] for one in answered])
    auc = roc_auc_score(status, odds)
    assert found.auc["er"].value == pytest.approx(auc)
    assert turned.costs["er"].difference.value == pytest.approx((1 - auc) - auc)
    probability = 1 / (1 + np.exp(-odds))
    assert turned.moved["er"].value == pytest.approx(100 * np.abs(2 * probability - 1).mean())
    assert turned.moved["ki67"].value == 0.0


def test_all_changes_are_one_family(probed: list[Probed]) -> None:
    noisy = [
        replace(one, answers={**one.answers, "never": replace(answer, unary=answer.unary * np.cos(row))})
        for row, one in enumerate(probed[:-1])
        for answer in (one.answers[UNCHANGED],)
    ]
    found = robustness_of(noisy, CHANGES, bundle="s", policy="ki67_20", facts={}, resamples=60)
    tested = [cost for one in found.findings for cost in one.costs.values() if cost.p_value is not None]
    tested.sort(key=lambda one: one.p_value)
    steps = [min(1.0, (len(tested) - place) * one.p_value) for place, one in enumerate(tested)]  # Holm 1979
    np.testing.assert_allclose([one.adjusted_p for one in tested], np.maximum.accumulate(steps))
    assert len({one.name for one in found.findings if any(cost.p_value is not None for cost in one.costs.values())}) > 1


def test_a_change_counts_the_cases_in_which_it_could_be_made_and_says_why_not_in_others(found: Robustness) -> None:
    rare, never, _ = found.findings[2:]
    assert rare.cases == 4
    assert rare.reasons == {"too small": 26}
    assert never.cases == 0
    assert never.reasons == {"no such thing": 30}
    assert not never.moved
    assert found.cases == found.simulated == 30
    assert found.problems == ("case x: it is gone",)


def test_the_order_of_cases_changes_nothing(found: Robustness, probed: list[Probed]) -> None:
    backwards = robustness_of(probed[::-1], CHANGES, bundle="s", policy="ki67_20", facts={}, resamples=60)
    for one, other in zip(found.findings, backwards.findings, strict=True):
        assert {name: est.value for name, est in one.moved.items()} == pytest.approx(
            {name: est.value for name, est in other.moved.items()}
        )


def test_no_case_at_all_is_a_page_too(probed: list[Probed]) -> None:
    empty = robustness_of(probed[-1:], CHANGES, bundle="s", policy="ki67_20", facts={}, resamples=10)
    assert "it is gone" in document_of(empty).to_html()


def test_what_a_change_costs_stands_with_the_cases_that_tell_it(found: Robustness) -> None:
    table = costs_table(found)
    made = [one for one in found.findings if one.cases]
    for row, one in zip(table.rows, made, strict=True):
        for cell, figure in zip(row[2:], one.costs.values(), strict=True):
            estimate = figure.difference
            counted = f"{estimate.events} / {estimate.n}" if estimate.events is not None else str(estimate.n)
            assert cell == "-" or cell.removesuffix(" *").endswith(f"; {counted}")
    assert " / 30" in table.rows[0][2]


def test_the_page_says_simulated_and_what_is_worse(found: Robustness, tmp_path: Any) -> None:
    page = write_robustness(tmp_path, found).read_text()
    assert "30 of 30 scored cases are simulated" in page
    assert "Worse beyond chance, p adjusted for all that was compared: " in page
    assert "turned (ER AUC)" in page
    assert "turned (Panel)" in page
    assert "rare: too small (26 cases)." in page
    assert "never, neither: no such thing (30 cases)." in page
    assert {path.name for path in tmp_path.rglob("*.*")} >= {
        "robustness.json",
        "moves.csv",
        "costs.csv",
        "robustness.svg",
    }
