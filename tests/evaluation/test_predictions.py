import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from onephase.biomarkers.panel import Events
from onephase.cli.commands import app
from onephase.cohort.flow import CohortFlow
from onephase.errors import StorageError
from onephase.evaluation.predictions import (
    POSTERIOR_ARRAYS,
    Predictions,
    read_predictions,
    versions_of,
    write_predictions,
)


def test_files_there_and_back(predictions: Predictions, tmp_path: Path) -> None:
    flow = (CohortFlow("full", {"motion": 2}, 1, 90),)
    write_predictions(tmp_path, replace(predictions, cohort_flow=flow))
    back = read_predictions(tmp_path)
    assert back.cohort_flow == flow
    assert back.protocol == predictions.protocol
    assert back.facts == predictions.facts
    assert [record.case_id for record in back.records] == [record.case_id for record in predictions.records]
    assert (back.fold == predictions.fold).all()
    assert list(back.posteriors) == list(predictions.posteriors)
    for name, posterior in predictions.posteriors.items():
        for array in POSTERIOR_ARRAYS:
            np.testing.assert_array_equal(getattr(back.posteriors[name], array), getattr(posterior, array))


def test_nothing_in_the_files_is_a_pickle(predictions: Predictions, tmp_path: Path) -> None:
    write_predictions(tmp_path, predictions)
    with np.load(tmp_path / "predictions.npz", allow_pickle=False) as arrays:
        assert all(arrays[name].dtype.kind in "fi" for name in arrays.files)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["predictions.json", "predictions.npz"]


def test_cases_that_calibrate_stand_beside_and_go_with_the_next_run(predictions: Predictions, tmp_path: Path) -> None:
    beside = predictions.take(np.arange(7))
    write_predictions(tmp_path, replace(predictions, calibration=beside))
    back = read_predictions(tmp_path)
    assert back.calibration is not None
    np.testing.assert_array_equal(back.calibration.posteriors["prior"].mu, beside.posteriors["prior"].mu)
    assert back.take(np.arange(3)).calibration is back.calibration
    write_predictions(tmp_path, predictions)
    assert read_predictions(tmp_path).calibration is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["predictions.json", "predictions.npz"]


def test_earlier_answers_stay_until_the_new_ones_are_whole(
    predictions: Predictions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_predictions(tmp_path, replace(predictions, calibration=predictions.take(np.arange(7))))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    bad = replace(predictions, calibration=replace(predictions, facts={"odd": float("nan")}))  # no JSON
    with pytest.raises(ValueError, match="JSON"):
        write_predictions(tmp_path, bad)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_the_versions_that_answered_are_told_each_once(predictions: Predictions) -> None:
    parts = [replace(predictions, facts={"onephase": version}) for version in ("0.2", "0.1", "0.2")]
    assert versions_of(parts) == "0.1, 0.2"


def test_joined_parts_calibrate_only_where_all_do(predictions: Predictions) -> None:
    whole = replace(predictions, calibration=predictions.take(np.arange(7)))
    joined = Predictions.joined([whole, whole], facts={})
    assert joined.calibration is not None
    assert (len(joined), len(joined.calibration)) == (320, 14)
    assert Predictions.joined([whole, predictions], facts={}).calibration is None


def test_broken_files_are_one_sentence(predictions: Predictions, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"holds no predictions\.json: run onephase evaluate"):
        read_predictions(tmp_path)
    write_predictions(tmp_path, predictions)
    whole = (tmp_path / "predictions.npz").read_bytes()
    (tmp_path / "predictions.npz").write_bytes(whole[:1000])
    with pytest.raises(StorageError, match="incomplete or broken"):
        read_predictions(tmp_path)
    (tmp_path / "predictions.npz").unlink()
    with pytest.raises(StorageError, match="incomplete or broken"):
        read_predictions(tmp_path)
    described = json.loads((tmp_path / "predictions.json").read_text())
    (tmp_path / "predictions.json").write_text(json.dumps({**described, "format": 99}))
    with pytest.raises(StorageError, match="format 1"):
        read_predictions(tmp_path)


def test_contestants_must_answer_every_case_and_the_prior_must_be_there(predictions: Predictions) -> None:
    short = predictions.posteriors["onephase"].take(np.arange(3))
    with pytest.raises(ValueError, match="answers 3 cases of 160"):
        predictions.with_contestant("short", short)
    with pytest.raises(ValueError, match="need the contestant 'prior'"):
        replace(predictions, posteriors={"onephase": predictions.posteriors["onephase"]})


def test_index_lesion_is_the_largest_of_each_patient(predictions: Predictions) -> None:
    rows = predictions.index_lesions()
    patients = [record.patient_id for record in predictions.records]
    assert len(rows) == len(set(patients)) == 152
    for row in rows:
        own = [other for other in range(160) if patients[other] == patients[row]]
        assert predictions.volume_ml[row] == predictions.volume_ml[own].max()
    order = np.random.default_rng(1).permutation(160)
    shuffled = predictions.take(order)
    assert {shuffled.records[row].case_id for row in shuffled.index_lesions()} == {
        predictions.records[row].case_id for row in rows
    }


def test_index_lesion_is_the_largest_that_has_a_label(predictions: Predictions) -> None:
    patients = [record.patient_id for record in predictions.records]
    twice = next(patient for patient in patients if patients.count(patient) > 1)
    large, small = sorted(
        (row for row in range(160) if patients[row] == twice), key=lambda row: -predictions.volume_ml[row]
    )
    for silent, scored in (({large}, small), ({small}, large), ({large, small}, large)):
        records = tuple(
            replace(record, events=Events.unknown(1)) if row in silent else record
            for row, record in enumerate(predictions.records)
        )
        rows = replace(predictions, records=records).index_lesions()
        assert [row for row in rows if patients[row] == twice] == [scored]


def test_a_part_of_a_study_is_scored_by_the_rule_that_is_named(predictions: Predictions, tmp_path: Path) -> None:
    """A fold of a cross-validation and a run of a benchmark carry no settings."""
    write_predictions(tmp_path, replace(predictions.take(np.arange(12)), facts={"run": "one", "onephase": "0.1"}))
    words = ["evaluate", "--stored", "--out", str(tmp_path)]
    done = CliRunner().invoke(app, words, env={"COLUMNS": "300"})
    assert done.exit_code == 2, done.output
    assert "are part of a study and do not say how subtypes are named: give --policy" in done.output
    done = CliRunner().invoke(app, [*words, "--policy", "ki67_14", "--json"])
    assert json.loads(done.stdout)["policy"] == "ki67_14"
