import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.evaluation.conftest import MeanOfImage, bundle_around

from onephase.baselines import inner_folds
from onephase.biomarkers.panel import Events
from onephase.cohort.flow import flow_of
from onephase.cohort.lesions import events_of, lesions_of, patches_of
from onephase.cohort.prepared import PreparedCohort, fingerprint_of
from onephase.cohort.records import Record
from onephase.errors import BundleError, CohortError, StorageError, TrainingError
from onephase.evaluation import protocol
from onephase.evaluation.contestants import cohort_alone, geometry
from onephase.evaluation.predictions import read_predictions
from onephase.evaluation.protocol import five_fold, held_out
from onephase.imaging.descriptors import DESCRIPTORS
from onephase.imaging.geometry import Grid
from onephase.imaging.patch import Patch
from onephase.imaging.patches import open_store, writing
from onephase.imaging.yardsticks import Yardsticks
from onephase.inference.bundle import Bundle
from onephase.settings import ImagingSettings, LearningSettings, Settings

PATCH = (4, 5, 6)
SETTINGS = Settings(imaging=ImagingSettings(patch_voxels=PATCH, spacing_mm=2.0))
CASES = 50
SIDES = ("longest_mm", "height_mm", "depth_mm", "width_mm")


def _bundle(split: dict[str, str], *, settings: Settings = SETTINGS) -> Bundle:
    return bundle_around(MeanOfImage(), settings, split=split)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> PreparedCohort:
    """Fifty lesions of 45 patients in two cohorts; ER-positive ones are brighter, and larger."""
    rng = np.random.default_rng(1)
    records, folder = [], tmp_path_factory.mktemp("store")
    frame = Grid.axial(PATCH, (2.0, 2.0, 2.0))
    with writing(folder, fingerprint=fingerprint_of(SETTINGS), patch_voxels=PATCH) as writer:
        for row in range(CASES):
            positive = row % 3 > 0
            cells = np.arange(8)[None] == (6 if positive else 0)
            ki67 = rng.integers(5, 60) / 100 + np.array([[0.0, 0.01]])
            records.append(
                Record(
                    case_id=f"case {row}",
                    patient_id=f"patient {row if row < 45 else row - 45}",
                    image=Path(f"{row}.nii.gz"),
                    events=Events(cells, ki67, np.array([-1], dtype=np.int8)),
                    cohort="first" if row % 2 else "second",
                    split=("train", "train", "validation", "test", "train")[(row if row < 45 else row - 45) % 5],
                )
            )
            size = float(np.exp(rng.normal(2 + positive, 0.3)))
            facts = {"volume_ml": size**3 / 2000, **dict.fromkeys(SIDES, size)}
            image = (rng.normal(size=PATCH) + (1 if positive else -1)).astype(np.float32)
            distance = rng.normal(size=PATCH).astype(np.float32)
            numbers = np.zeros(len(DESCRIPTORS), dtype=np.float32)
            writer.add(
                f"case {row}",
                Patch(image, distance, Yardsticks.even(air=-3.0), numbers, frame, "given", (), facts),
                key=str(row),
            )
    return PreparedCohort(open_store(folder), tuple(records))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the contestant that takes seconds a fold; it has a test of its own."""
    monkeypatch.setattr(protocol, "SIMPLE_CONTESTANTS", {"cohort alone": cohort_alone})


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """Put a trainer in place that only notes the splits it was given; what it noted is returned."""
    runs: list[dict[str, str]] = []
    bundles: dict[Path, Bundle] = {}

    def train(cohorts: Sequence[PreparedCohort], settings: Settings, *, out: Path, **_: Any) -> Path:
        runs.append({record.case_id: record.split for cohort in cohorts for record in cohort.records})
        bundles[out] = _bundle(runs[-1], settings=settings)
        return out

    # in the module's place, so that no torch is needed here
    monkeypatch.setitem(sys.modules, "onephase.learning.train", SimpleNamespace(train=train))
    monkeypatch.setattr(protocol, "load_bundle", lambda path: bundles[path])
    return runs


def test_every_lesion_is_answered_once_by_a_model_that_has_not_seen_its_patient(
    prepared: PreparedCohort, trained: list[dict[str, str]], tmp_path: Path
) -> None:
    told: list[tuple[str, int, int]] = []
    pooled = five_fold([prepared], SETTINGS, out=tmp_path, progress=lambda *news: told.append(news))
    assert [record.case_id for record in pooled.records] == [record.case_id for record in prepared.records]
    assert set(pooled.posteriors) == {"onephase", "cohort alone", "prior"}
    assert sorted(set(pooled.fold)) == [0, 1, 2, 3, 4]
    patient_of = {record.case_id: record.patient_id for record in prepared.records}
    for fold, run in enumerate(trained):
        tested = {case for case, split in run.items() if split == "test"}
        assert tested == {one.case_id for one, own in zip(pooled.records, pooled.fold, strict=True) if own == fold}
        assert not {patient_of[case] for case in tested} & {patient_of[case] for case in run if case not in tested}
        validated = sum(split == "validation" for split in run.values())
        assert 0 < validated < 0.25 * (len(run) - len(tested))
    assert told[-1] == ("folds", 5, 5)
    for fold in range(5):
        own = pooled.fold == fold
        learned = [one for one, mine in zip(lesions_of([prepared]), own, strict=True) if not mine]
        asked = [one for one, mine in zip(lesions_of([prepared]), own, strict=True) if mine]
        median = np.median(events_of([one.record for one in learned]).ki67.mean(axis=1))
        np.testing.assert_allclose(pooled.ki67_constant[own], median)
        np.testing.assert_allclose(
            pooled.posteriors["cohort alone"].take(np.flatnonzero(own)).log_cells,
            cohort_alone(learned, asked).log_cells,
            rtol=1e-4,
        )
    calibrating = pooled.calibration
    for fold, run in enumerate(trained):
        own = [one.case_id for one, part in zip(calibrating.records, calibrating.fold, strict=True) if part == fold]
        assert sorted(own) == sorted(case for case, split in run.items() if split == "validation")
    # the answer belongs to the case: it is the mean of its own patch
    mean = np.concatenate([batch.image.mean(axis=(1, 2, 3)) for batch in patches_of(lesions_of([prepared]))])
    np.testing.assert_allclose(pooled.posteriors["onephase"].marginals()[:, 0], 1 / (1 + np.exp(-mean)), rtol=1e-5)
    stored = read_predictions(tmp_path)
    assert stored.cohort_flow == flow_of([prepared])
    np.testing.assert_array_equal(stored.posteriors["prior"].log_cells, pooled.posteriors["prior"].log_cells)


def test_resume_keeps_finished_folds_and_gives_the_same(
    prepared: PreparedCohort, trained: list[dict[str, str]], tmp_path: Path
) -> None:
    whole = five_fold([prepared], SETTINGS, out=tmp_path / "whole")

    def broken_off(task: str, done: int, total: int) -> None:
        if (task, done) == ("folds", 2):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        five_fold([prepared], SETTINGS, out=tmp_path / "broken", progress=broken_off)
    trained.clear()
    resumed = five_fold([prepared], SETTINGS, out=tmp_path / "broken", resume=True)
    assert len(trained) == 3
    for name, posterior in whole.posteriors.items():
        np.testing.assert_array_equal(resumed.posteriors[name].log_cells, posterior.log_cells)
    five_fold([prepared], SETTINGS, out=tmp_path / "broken")
    assert len(trained) == 8


def test_resumed_folds_tell_covariates_as_they_are_now_and_refuse_another_site(
    prepared: PreparedCohort, trained: list[dict[str, str]], tmp_path: Path
) -> None:
    five_fold([prepared], SETTINGS, out=tmp_path)
    trained.clear()
    older = replace(prepared, records=tuple(replace(one, covariates={"age": "99"}) for one in prepared.records))
    resumed = five_fold([older], SETTINGS, out=tmp_path, resume=True)
    assert trained == []
    assert {one.covariates["age"] for one in resumed.records} == {"99"}
    moved = replace(prepared, records=tuple(replace(one, site="elsewhere") for one in prepared.records))
    with pytest.raises(TrainingError, match="fold-1 was made with other settings or cases"):
        five_fold([moved], SETTINGS, out=tmp_path, resume=True)


def test_resume_refuses_folds_of_other_settings(
    prepared: PreparedCohort, trained: list[dict[str, str]], tmp_path: Path
) -> None:
    five_fold([prepared], SETTINGS, out=tmp_path)
    other = SETTINGS.model_copy(update={"learning": LearningSettings(epochs=3)})
    with pytest.raises(TrainingError, match="fold-1 was made with other settings or cases: name another --out"):
        five_fold([prepared], other, out=tmp_path, resume=True)


def test_held_out_takes_the_split_and_nothing_else(prepared: PreparedCohort) -> None:
    bundle = _bundle({record.case_id: record.split for record in prepared.records})
    answered = held_out(bundle, [prepared], split="test")
    assert {record.split for record in answered.records} == {"test"}
    assert answered.facts["bundle"] == bundle.identity
    assert "Internal test" in answered.protocol
    assert set(answered.posteriors) == {"onephase", "cohort alone", "prior"}
    assert {record.split for record in answered.calibration.records} == {"validation"}
    assert held_out(bundle, [prepared], split="validation").calibration is None
    learned = events_of([record for record in prepared.records if record.split != "test"])
    assert answered.ki67_constant == pytest.approx(np.median(learned.ki67.mean(axis=1)))


def test_another_cohort_is_answered_by_the_bundle_alone(prepared: PreparedCohort) -> None:
    records = tuple(replace(record, split="external") for record in prepared.records)
    answered = held_out(_bundle({}), [replace(prepared, records=records)], split="external")
    assert set(answered.posteriors) == {"onephase", "prior"}
    assert len(answered) == CASES
    assert np.isnan(answered.ki67_constant).all()


def test_a_cohort_of_which_the_bundle_knows_nothing_is_no_internal_test(prepared: PreparedCohort) -> None:
    """A user checks her own cohort, which draws splits, and evaluates a bundle that was trained elsewhere."""
    answered = held_out(_bundle({}), [prepared], split="test")
    assert {record.split for record in answered.records} == {"test"}
    assert answered.protocol.startswith("Cases of cohorts from which the bundle has learned nothing")
    assert answered.protocol.endswith("The bundle was trained on 1 cases, real.")
    validating = held_out(_bundle({}), [prepared], split="validation")
    assert validating.protocol.startswith("Cases of cohorts from which the bundle has learned nothing")


def test_what_a_case_is_to_the_bundle_is_said_whatever_its_table_calls_it(prepared: PreparedCohort) -> None:
    """The bundle's own test cases alone, as an external cohort, and beside another cohort."""
    tests = tuple(replace(one, split="external") for one in prepared.records if one.split == "test")
    bundle = _bundle({one.case_id: "test" for one in tests})
    alone = replace(prepared, records=tests)
    assert held_out(bundle, [alone], split="external").protocol.startswith("Internal test")
    known = {one.case_id: one.split for one in prepared.records if one.cohort == "first"}
    own = [one for one in prepared.records if one.split == "test" and one.cohort == "first"]
    mixed = held_out(_bundle(known), [prepared], split="test")
    assert mixed.protocol.startswith(f"{len(own)} of {len(mixed)} lesions: Internal test")
    assert "The others: Cases of cohorts from which the bundle has learned nothing" in mixed.protocol


def test_a_bundle_is_not_tested_on_what_it_has_learned(prepared: PreparedCohort) -> None:
    split = {record.case_id: record.split for record in prepared.records}
    tested = next(record for record in prepared.records if record.split == "test")
    with pytest.raises(BundleError, match=f"{tested.case_id}: the bundle has learned from it"):
        held_out(_bundle({**split, tested.case_id: "train"}), [prepared], split="test")
    other = next(record for record in prepared.records[45:] if record.split == "test")  # second lesion of its patient
    with pytest.raises(BundleError, match="another lesion of its patient"):
        held_out(_bundle({**split, other.case_id: "validation"}), [prepared], split="test")


def test_validation_cases_that_the_bundle_was_trained_on_are_refused(prepared: PreparedCohort) -> None:
    split = {record.case_id: record.split for record in prepared.records}
    validating = next(record for record in prepared.records if record.split == "validation")
    with pytest.raises(BundleError, match=f"{validating.case_id}: the bundle has learned from it"):
        held_out(_bundle({**split, validating.case_id: "train"}), [prepared], split="validation")


def test_cases_of_one_name_are_refused(prepared: PreparedCohort, tmp_path: Path) -> None:
    bundle = _bundle({record.case_id: record.split for record in prepared.records})
    with pytest.raises(CohortError, match=r"case case 0 stands in .* and in .*: name each folder once"):
        held_out(bundle, [prepared, prepared], split="test")
    with pytest.raises(CohortError, match="case case 0 stands in"):
        five_fold([prepared, prepared], SETTINGS, out=tmp_path)


def test_an_empty_split_and_other_settings_are_one_sentence(prepared: PreparedCohort) -> None:
    with pytest.raises(CohortError, match="no case of the split 'external'"):
        held_out(_bundle({}), [prepared], split="external")
    other = Settings(imaging=ImagingSettings(patch_voxels=PATCH, spacing_mm=1.0))
    with pytest.raises(StorageError, match=r"imaging\.spacing_mm = 2\.0, the bundle has 1\.0"):
        held_out(_bundle({}, settings=other), [prepared], split="test")


def test_size_tells_what_size_knows(prepared: PreparedCohort, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inner_folds, "INNER_FOLDS", 2)
    lesions = lesions_of([prepared])
    posterior = geometry(lesions[:35], lesions[35:])
    positive = np.array([row % 3 > 0 for row in range(35, CASES)])
    probability = posterior.marginals()[:, 0]
    assert probability[positive].mean() > probability[~positive].mean() + 0.2


def test_the_alarm_knows_the_cohort_and_nothing_else(prepared: PreparedCohort) -> None:
    lesions = lesions_of([prepared])
    posterior = cohort_alone(lesions, lesions)
    assert posterior is not None
    assert len(np.unique(posterior.marginals()[:, 0])) == 2
    assert cohort_alone(lesions[::2], lesions) is None


def test_any_number_of_folds(prepared: PreparedCohort, trained: list[dict[str, str]], tmp_path: Path) -> None:
    pooled = five_fold([prepared], SETTINGS, out=tmp_path, folds=2)
    assert len(pooled.index_lesions()) == 45
    assert "2-fold cross-validation" in pooled.protocol
    with pytest.raises(CohortError, match="99 folds need at least 99 patients"):
        five_fold([prepared], SETTINGS, out=tmp_path, folds=99)


def test_folds_are_not_trained_by_processes_that_train_together(
    prepared: PreparedCohort, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(TrainingError, match="cross-validation trains each network in one process, and torchrun has st"):
        five_fold([prepared], SETTINGS, out=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_another_stage_is_another_run(prepared: PreparedCohort, monkeypatch: pytest.MonkeyPatch) -> None:
    members = lesions_of([prepared])
    before = protocol.run_digest(members, {})
    assert protocol.run_digest(members, {}) == before
    monkeypatch.setattr(protocol, "taught_sha256", lambda: "another")
    assert protocol.run_digest(members, {}) != before
