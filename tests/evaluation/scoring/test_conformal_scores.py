from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from onephase.cohort.lesions import events_of
from onephase.evaluation.predictions import Predictions
from onephase.evaluation.scoring.conformal_scores import ConformalScore, conformal_scores
from onephase.statistics.bootstrap import Resamples

TARGETS = ["er", "pr", "her2", "hr", "ki67_20", "receptor groups", "ki67"]


def _scores(cases: Predictions, contestant: str = "onephase") -> dict[str, ConformalScore]:
    cases = cases.take(cases.index_lesions())
    drawn = Resamples.draw([one.patient_id for one in cases.records], np.random.default_rng(1), resamples=50)
    return {one.target: one for one in conformal_scores(cases, contestant, policy="ki67_20", resamples=drawn)}


def _of_one_fold(predictions: Predictions) -> Predictions:
    return replace(predictions, fold=np.zeros(len(predictions), dtype=np.int64))


@pytest.fixture(scope="module")
def calibrated(make_predictions: Callable[..., Predictions]) -> Predictions:
    return replace(_of_one_fold(make_predictions()), calibration=_of_one_fold(make_predictions(seed=2)))


@pytest.fixture(scope="module")
def scores(calibrated: Predictions) -> dict[str, ConformalScore]:
    return _scores(calibrated)


def _known(predictions: Predictions) -> tuple[Predictions, np.ndarray]:
    cases = predictions.take(predictions.index_lesions())
    return cases, events_of(cases.records).status("her2")


def test_a_receptor_by_hand(calibrated: Predictions, scores: dict[str, ConformalScore]) -> None:
    cases, status = _known(calibrated)
    calibrating, known = _known(calibrated.calibration)

    def fit(one: Predictions, value: int) -> np.ndarray:
        positive = one.posteriors["onephase"].marginals()[:, 2]
        return positive if value else 1 - positive

    scored = sorted(1 - fit(calibrating, int(value))[row] for row, value in enumerate(known))
    limit = scored[int(np.ceil((len(scored) + 1) * 0.9)) - 1]
    held = np.array([1 - fit(cases, int(value))[row] <= limit for row, value in enumerate(status)])
    sizes = sum((1 - fit(cases, value) <= limit).astype(int) for value in (0, 1))
    found = scores["her2"]
    assert found.calibrated_on == len(calibrating)
    assert (found.coverage.events, found.coverage.n) == (held.sum(), len(cases))
    assert found.by_class["positive"].value == pytest.approx(held[status == 1].mean())
    assert found.size.value == pytest.approx(sizes.mean())
    assert found.single.value == pytest.approx((sizes == 1).mean())


def test_parts_part_the_cases_and_site_names_their_cohort(scores: dict[str, ConformalScore]) -> None:
    assert list(scores) == TARGETS
    for one in scores.values():
        for parts in (one.by_class, one.by_site):
            assert not parts or sum(share.n for share in parts.values()) == one.coverage.n
    assert set(scores["her2"].by_site) == {f"{cohort}: site {n}" for cohort in ("full", "hr-only") for n in range(3)}
    assert (scores["ki67"].by_class, scores["ki67"].single.reason) == ({}, "an interval is no set")


def test_the_promise_is_kept_on_average(make_predictions: Callable[..., Predictions]) -> None:
    found = []
    for seed in range(8):
        tested, known = (_of_one_fold(make_predictions(seed=100 + 2 * seed + part)) for part in (0, 1))
        found.append(_scores(replace(tested, calibration=known)))
    for target in TARGETS:
        covered = sum(one[target].coverage.events for one in found)
        cases = sum(one[target].coverage.n for one in found)
        assert 0.87 <= covered / cases <= 0.97, target  # sets of few classes cover a little more


def test_each_fold_has_its_own_model_and_calibration(make_predictions: Callable[..., Predictions]) -> None:
    """Scores of the first fold's calibrating cases are spoilt: only its own cases get larger sets."""
    tested, known = make_predictions(), make_predictions(seed=2)
    whole = _scores(replace(tested, calibration=known))
    assert whole["her2"].calibrated_on == 32  # a patient may calibrate for several folds
    spoilt = known.fold == 0
    blind = known.posteriors["onephase"].take(np.where(spoilt, np.roll(np.arange(160), 5), np.arange(160)))
    other = _scores(replace(tested, calibration=known.with_contestant("onephase", blind)))
    assert other["her2"].size.value > whole["her2"].size.value
    alone = tested.take(np.flatnonzero(tested.fold > 0))
    first = _scores(replace(alone, calibration=known))["her2"]
    second = _scores(replace(alone, calibration=known.with_contestant("onephase", blind)))["her2"]
    assert first.to_json() == second.to_json()


def test_without_calibrating_cases_there_is_nothing(make_predictions: Callable[..., Predictions]) -> None:
    predictions = make_predictions(cases=40)
    assert _scores(predictions) == {}
    assert _scores(replace(predictions, calibration=predictions), "geometry") != {}
    assert _scores(replace(predictions, calibration=predictions), "nobody") == {}


def test_too_few_calibrating_cases_give_sets_of_everything(calibrated: Predictions) -> None:
    few = _scores(replace(calibrated, calibration=calibrated.calibration.take(np.arange(5))))
    assert (few["her2"].coverage.value, few["her2"].size.value, few["her2"].single.value) == (1.0, 2.0, 0.0)
    assert few["ki67"].size.value == pytest.approx(100.0)
