import numpy as np
import pytest
from scipy.stats import kendalltau

from onephase.evaluation.explanations.agreement import RegionTruth, agreement_with
from onephase.evaluation.explanations.region_truth import TASKS
from onephase.statistics.bootstrap import Resamples

CASES = 40
INFORMATION = np.array([[3.0, 2.0, 1.0], [1.0, 2.0, 3.0], [2.0, 3.0, 1.0], [2.0, 2.0, 1.0]])


@pytest.fixture(scope="module")
def truth() -> RegionTruth:
    noise = np.random.default_rng(1).normal(0, 0.2, size=(500, 4, 3))
    noise[:, 3, 1] = noise[:, 3, 0] * -1  # the same on average
    return RegionTruth.of(INFORMATION + noise - noise.mean(axis=0), resamples=200)


@pytest.fixture(scope="module")
def drawn() -> Resamples:
    return Resamples.draw([str(row) for row in range(CASES)], np.random.default_rng(2), resamples=200)


def _said(means: np.ndarray, spread: float) -> np.ndarray:
    return means + np.random.default_rng(3).normal(0, spread, size=(CASES, 4, 3))


def test_only_settled_pairs_count(truth: RegionTruth) -> None:
    assert len(truth.pairs) == 11
    assert [truth.first(task) for task in TASKS[:3]] == ["core", "shell", "rim"]


def test_the_truth_itself_agrees_wholly_and_its_reverse_not_at_all(truth: RegionTruth, drawn: Resamples) -> None:
    right, wrong = (agreement_with(truth, _said(sign * INFORMATION, 0.1), drawn) for sign in (1, -1))
    assert (right.cohort.value, right.cohort.reason) == (1.0, "every resample gives the same")
    assert (wrong.cohort.value, wrong.case.value) == (0.0, pytest.approx(0.0))
    assert right.first["pr"] == "shell"


def test_it_is_kendalls_tau_within_biomarkers(truth: RegionTruth, drawn: Resamples) -> None:
    said = _said(np.roll(INFORMATION, 1, axis=1), 0.05)
    taus = [kendalltau(INFORMATION[row], said.mean(axis=0)[row]).statistic for row in range(3)]
    others = [pair for pair in truth.pairs if pair.task == 3]
    last = [np.sign(said.mean(axis=0)[3, pair.more] - said.mean(axis=0)[3, pair.less]) for pair in others]
    expected = (3 * np.sum(taus) + np.sum(last)) / len(truth.pairs)
    assert 2 * agreement_with(truth, said, drawn).cohort.value - 1 == pytest.approx(expected)


def test_what_says_nothing_is_at_chance(truth: RegionTruth, drawn: Resamples) -> None:
    assert agreement_with(truth, np.ones((CASES, 4, 3)), drawn).cohort.value == 0.5
    assert agreement_with(truth, _said(np.zeros((4, 3)), 1.0), drawn).case.value == pytest.approx(0.5, abs=0.1)


def test_regions_that_are_even_but_for_rounding_have_no_first(truth: RegionTruth, drawn: Resamples) -> None:
    even = np.full((CASES, 4, 3), 1 / 3) + 3e-8 * np.random.default_rng(2).normal(size=(CASES, 4, 3))
    said = agreement_with(truth, even, drawn)
    assert set(said.first.values()) == {"none"}
    assert said.cohort.value == said.case.value == 0.5
    two = np.tile(np.array([0.4, 0.2, 0.4]), (CASES, 4, 1))
    assert set(agreement_with(truth, two, drawn).first.values()) == {"none"}


def test_without_a_settled_pair_there_is_no_figure(drawn: Resamples) -> None:
    level = RegionTruth.of(np.random.default_rng(5).normal(0, 1, size=(30, 4, 3)) * 0, resamples=50)
    assert "no pair of regions is settled" in agreement_with(level, _said(INFORMATION, 0.1), drawn).cohort.reason


def test_a_network_of_one_task_is_asked_of_that_alone(truth: RegionTruth, drawn: Resamples) -> None:
    said = _said(INFORMATION, 0.1)
    said[:, 1:] = 0.0
    about = truth.about(["er"])
    assert {pair.task for pair in about.pairs} == {0}
    assert agreement_with(about, said, drawn).cohort.value == 1.0
    assert agreement_with(truth, said, drawn).cohort.value < 0.7
    assert about.information == truth.information


def test_chance_counts_the_rankings_that_agree_as_well(truth: RegionTruth, drawn: Resamples) -> None:
    """By hand: three biomarkers have one best ranking of six, the fourth has two, for one of its pairs is a tie."""
    assert agreement_with(truth, _said(INFORMATION, 0.01), drawn).chance == pytest.approx(2 / 6**4)
    assert agreement_with(truth, _said(-INFORMATION, 0.01), drawn).chance == 1.0
    alike = np.tile(np.array([3.0, 2.0, 1.0]), (CASES, 4, 1))  # one ranking for all: 3, 0, 2 and 2 of 11 pairs
    assert agreement_with(truth, alike, drawn).cohort.value == pytest.approx(7 / 11)
    assert agreement_with(truth, alike, drawn).chance in {n / 6 for n in range(1, 4)}
