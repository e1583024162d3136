import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from onephase.biomarkers.panel import CELLS, Events
from onephase.biomarkers.posterior import PanelPosterior
from onephase.biomarkers.potentials import Potentials
from onephase.biomarkers.subtypes import UNDECIDED, subtype_of
from onephase.cohort.lesions import events_of
from onephase.evaluation.predictions import Predictions
from onephase.evaluation.scoring.answers import GROUP_OF_CELL, answers_of
from onephase.evaluation.scoring.ki67_scores import has_percentage, training_median
from onephase.evaluation.scoring.scores import Scores, TrainingPrior, score
from onephase.evaluation.scoring.subgroups import subgroups_of
from onephase.evaluation.scoring.subtype_scores import receptor_group_of
from onephase.statistics.bootstrap import Resamples


def _scores(predictions: Predictions, contestant: str = "onephase") -> Scores:
    names = [record.patient_id for record in predictions.records]
    events = events_of(predictions.records)
    return score(
        events,
        answers_of(predictions.posteriors[contestant], events, policy="ki67_20"),
        prior=TrainingPrior(predictions.posteriors["prior"].log_probability(events), predictions.ki67_constant),
        resamples=Resamples.draw(names, np.random.default_rng(1), resamples=300),
        subgroups=subgroups_of(predictions.records),
    )


@pytest.fixture(scope="module")
def cases(predictions: Predictions) -> Predictions:
    return predictions.take(predictions.index_lesions())


@pytest.fixture(scope="module")
def scores(cases: Predictions) -> Scores:
    return _scores(cases)


def test_receptors_count_only_cases_that_decide(cases: Predictions, scores: Scores) -> None:
    full = [row for row, record in enumerate(cases.records) if record.cohort == "full"]
    for index, receptor in enumerate(("er", "pr", "her2")):
        rows = full if receptor != "her2" else list(range(len(cases)))
        truth = events_of([cases.records[row] for row in rows]).status(receptor)
        probability = cases.posteriors["onephase"].marginals()[rows, index]
        one = scores.receptor(receptor)
        if receptor == "her2":
            assert one.undecided == 0
            assert one.auc.value == pytest.approx(roc_auc_score(truth, probability))
            assert (one.auc.n, one.auc.events) == (len(rows), truth.sum())
        else:  # HR-negative cases of the other cohort decide ER and PR too
            assert one.auc.n > len(full)
            assert one.auc.n + one.undecided == len(cases)
    assert scores.receptor("hr").auc.n == len(cases)


def test_ki67_stands_beside_the_constant(cases: Predictions, scores: Scores) -> None:
    exact = [row for row, record in enumerate(cases.records) if record.cohort == "full"]
    observed = 100 * events_of([cases.records[row] for row in exact]).ki67.mean(axis=1)
    predicted = 100 * cases.posteriors["onephase"].ki67_median()[exact]
    assert scores.ki67.mae_percent.value == pytest.approx(np.abs(predicted - observed).mean())
    assert scores.ki67.constant_mae_percent.value == pytest.approx(np.abs(23 - observed).mean())
    gain = scores.ki67.gain_percent.difference
    assert gain.value == pytest.approx(scores.ki67.constant_mae_percent.value - scores.ki67.mae_percent.value)
    assert gain.low > 0
    assert scores.ki67.left_out == len(cases) - len(exact)
    shares = [share.value for _, share in scores.ki67.coverage]
    assert [level for level, _ in scores.ki67.coverage] == [0.5, 0.8, 0.95]
    assert shares == sorted(shares)


def test_panel_gain_is_the_mean_difference_to_the_prior(cases: Predictions, scores: Scores) -> None:
    events = events_of(cases.records)
    difference = cases.posteriors["onephase"].log_probability(events) - cases.posteriors["prior"].log_probability(
        events
    )
    assert scores.panel.gain.difference.value == pytest.approx(difference.mean())
    assert scores.panel.gain.difference.low > 0
    assert _scores(cases, "prior").panel.gain.difference.value == 0


def test_a_case_of_which_nothing_is_known_changes_no_figure(cases: Predictions, scores: Scores) -> None:
    blank = replace(cases.records[0], case_id="blank", patient_id="zz blank", events=Events.unknown(1))
    rows = np.r_[np.arange(len(cases)), 0]
    longer = replace(cases.take(rows), records=(*cases.records, blank))
    more = _scores(longer)
    assert more.panel.left_out == 1
    for receptor in ("er", "pr", "her2", "hr"):
        assert more.receptor(receptor).auc == scores.receptor(receptor).auc
        assert more.receptor(receptor).undecided == scores.receptor(receptor).undecided + 1
    assert more.panel.log_likelihood.value == pytest.approx(scores.panel.log_likelihood.value)


def test_order_of_cases_changes_nothing(cases: Predictions, scores: Scores) -> None:
    order = np.random.default_rng(2).permutation(len(cases))
    shuffled = _scores(cases.take(order))

    def flat(value: object) -> list[object]:
        if isinstance(value, dict):
            return [one for key in sorted(value) for one in flat(value[key])]
        if isinstance(value, list | tuple):
            return [one for item in value for one in flat(item)]
        return [value]

    straight, other = flat(scores.to_json()), flat(shuffled.to_json())
    assert len(straight) == len(other)
    for one, two in zip(straight, other, strict=True):
        assert two == (pytest.approx(one, rel=1e-9, abs=1e-12) if isinstance(one, float) else one)


def test_json_holds_no_nan(scores: Scores) -> None:
    assert json.loads(json.dumps(scores.to_json(), allow_nan=False))["cases"] == scores.cases


def test_one_class_only_is_answered_with_a_reason(cases: Predictions) -> None:
    positive = np.flatnonzero(events_of(cases.records).status("her2") == 1)
    few = _scores(cases.take(positive))
    assert few.receptor("her2").auc.reason == "every case is positive"
    assert few.receptor("her2").brier.value is not None
    none = _scores(cases.take(positive[:0]))
    assert none.cases == 0
    assert none.panel.gain.difference.reason == "there is no case"


def test_without_training_percentages_there_is_no_constant(cases: Predictions) -> None:
    blind = _scores(replace(cases, ki67_constant=np.full(len(cases), np.nan)))
    assert blind.ki67.constant_mae_percent.reason == "no training case at hand has a Ki-67 percentage"
    assert blind.ki67.mae_percent.value is not None
    assert np.isnan(training_median(Events.unknown(3)))


def test_indeterminate_subtypes_are_left_out_and_counted(cases: Predictions, scores: Scores) -> None:
    surrogate, groups = scores.subtypes
    assert surrogate.scheme == "ki67_20"
    assert surrogate.accuracy.n + surrogate.indeterminate == len(cases)
    assert surrogate.indeterminate > 0  # HR+ HER2- without Ki-67
    assert sum(map(sum, surrogate.confusion)) == surrogate.accuracy.n
    assert (groups.indeterminate, groups.accuracy.n) == (0, len(cases))


def test_subtype_log_likelihood_agrees_with_scikit_learn(cases: Predictions, scores: Scores) -> None:
    events = events_of(cases.records)
    said = answers_of(cases.posteriors["onephase"], events, policy="ki67_20")
    truths = subtype_of(events, "ki67_20"), receptor_group_of(events)
    for one, truth, probabilities in zip(scores.subtypes, truths, (said.subtypes, said.groups), strict=True):
        known, classes = truth >= 0, range(min(probabilities.shape[1], UNDECIDED))
        theirs = -log_loss(truth[known], probabilities[known][:, classes], labels=list(classes))
        assert one.log_likelihood.value == pytest.approx(theirs)
        assert one.log_likelihood.n == known.sum()


def test_a_contestant_that_is_wrong_beyond_all_digits_has_a_finite_score(cases: Predictions) -> None:
    """As a linear model is of a case far from all that it learned from."""
    none, many = np.zeros(3), len(cases)
    sure = Potentials(np.full((many, 3), 900.0), np.full(many, 90.0), np.full(many, 0.8), none, none)
    scores = _scores(cases.with_contestant("sure", PanelPosterior.from_potentials(sure)), "sure")
    assert all(-710 < one.log_likelihood.value < -100 for one in scores.subtypes)
    assert -1e5 < scores.panel.log_likelihood.value < -710


def test_receptor_group_of_each_cell() -> None:
    one_cell = Events(np.eye(8, dtype=bool), np.tile([0.0, 1.0], (8, 1)), np.full(8, -1, dtype=np.int8))
    for cell, group in zip(CELLS, receptor_group_of(one_cell), strict=True):
        hr, her2 = cell[0] or cell[1], cell[2]
        assert group == (int(her2) if hr else 3 - int(her2))
    assert receptor_group_of(Events.unknown(1))[0] == -1


def test_subgroups_part_the_cases(cases: Predictions, scores: Scores) -> None:
    found = subgroups_of(cases.records)
    assert [one.column for one in found] == ["cohort"] * 2 + ["site"] * 6 + ["age"] * 2 + ["menopause"] * 3
    assert found[-1].value == "not given"
    sized = subgroups_of(cases.records, volume_ml=cases.volume_ml)
    small, large = (one.rows for one in sized if one.column == "volume (ml)")
    assert cases.volume_ml[small].max() <= cases.volume_ml[large].min()
    for column in ("cohort", "site", "age", "menopause"):
        rows = np.concatenate([one.rows for one in found if one.column == column])
        assert sorted(rows) == list(range(len(cases)))
    assert [row.n for row in scores.subgroups] == [len(one.rows) for one in found]
    whole = scores.receptor("her2").auc
    assert sum(row.figures["her2"].n for row in scores.subgroups[:2]) == whole.n


def test_numbers_of_few_patients_are_no_subgroup_each(cases: Predictions) -> None:
    few = cases.take(np.arange(6))
    found = [one for one in subgroups_of(few.records, volume_ml=np.arange(6.0)) if one.column == "volume (ml)"]
    assert [(one.value, len(one.rows)) for one in found] == [("at most 2.5", 3), ("more than 2.5", 3)]


def test_the_numbers_of_sites_are_names_and_each_cohort_has_its_own(cases: Predictions) -> None:
    numbered = [replace(one, site=str(101 + row % 8), covariates={}) for row, one in enumerate(cases.records)]
    alone = [replace(one, cohort="one") for one in numbered]
    assert [one.value for one in subgroups_of(alone)] == [str(101 + row) for row in range(8)]
    assert [one.value for one in subgroups_of([replace(one, site=f"{row}") for row, one in enumerate(alone)])] == []
    many = [replace(one, site=f"{101 + row // 2}") for row, one in enumerate(alone)]
    assert len(subgroups_of(many)) == len(many) // 2 > 8  # a study of many sites shows each
    twice = [replace(one, site="1") for one in numbered]
    sites = [one.value for one in subgroups_of(twice) if one.column == "site"]
    assert sites == ["full: 1", "hr-only: 1"]


def test_a_column_of_names_forms_no_subgroups(make_predictions: Callable[..., Predictions]) -> None:
    records = make_predictions(cases=40).records
    remarked = [replace(one, covariates={"remark": f"note {row}"}) for row, one in enumerate(records)]
    assert {one.column for one in subgroups_of(remarked)} == {"cohort", "site"}
    assert subgroups_of(remarked[:1]) == ()


def test_ages_of_which_some_are_missing_are_cut_at_their_median(predictions: Predictions) -> None:
    """As a program of statistics writes a missing value; as a word, it would make names of all of them."""
    ages = [str(30 + row) if row % 3 else "NA" for row in range(len(predictions))]
    records = [
        replace(one, site="", cohort="", covariates={"age": age})
        for one, age in zip(predictions.records, ages, strict=True)
    ]
    median = np.median([float(age) for age in ages if age != "NA"])
    assert [one.value for one in subgroups_of(records)] == [
        f"at most {median:g}",
        f"more than {median:g}",
        "not given",
    ]


def test_who_says_the_same_of_all_ranks_nobody(predictions: Predictions) -> None:
    """As of a whole site; a product of matrices leaves rows of the same a last digit apart."""
    rng = np.random.default_rng(1)
    alike = predictions.posteriors["onephase"].take(np.zeros(160, dtype=np.int64))
    noisy = replace(alike, log_cells=alike.log_cells * (1 + 1e-15 * rng.normal(size=alike.log_cells.shape)))
    events = events_of(predictions.records)
    answers = answers_of(noisy, events, policy="ki67_20")
    for told in (answers.receptors, answers.groups, answers.subtypes):
        assert (told == told[0]).all()
    given = answers_of(alike, events, policy="ki67_20")
    np.testing.assert_allclose(answers.groups, alike.cells() @ np.eye(4)[GROUP_OF_CELL], rtol=1e-11)
    assert (given.receptors == answers.receptors).all()


def test_which_cases_are_exact_and_which_say_anything() -> None:
    ki67 = np.array([[0.18, 0.19], [0.185, 0.186], [0.1, 0.15], [0.2, 1.0], [0.0, 1.0]])
    events = Events(np.ones((5, 8), dtype=bool), ki67, np.full(5, -1, dtype=np.int8))
    assert has_percentage(events).tolist() == [True, True, False, False, False]
    assert events.informative().tolist() == [True, True, True, True, False]
    assert training_median(events) == pytest.approx(0.18525)
