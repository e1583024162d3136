import pytest

from onephase.evaluation.benchmarking import duration
from onephase.evaluation.benchmarking.divisions import Part
from onephase.evaluation.benchmarking.duration import (
    AROUND_TRAINING_S,
    RADIOMICS_A_CASE_S,
    RIVAL_S,
    Duration,
    estimate,
    seconds_a_case,
)
from onephase.evaluation.benchmarking.plan import Plan, Run
from onephase.settings import ImagingSettings, LearningSettings, NetworkSettings, Settings

SETTINGS = Settings(
    imaging=ImagingSettings(patch_voxels=(8, 10, 12)),
    network=NetworkSettings(widths=(4, 6), scales=(0, 1)),
    learning=LearningSettings(epochs=5, patience=3, batch_size=2),
)
PART = Part("internal", 0, {"a": "train", "b": "train", "c": "test", "d": ""}, {"internal test": "test"})
NETWORK, RIVAL = Run("internal", "onephase", "onephase", 1, {}), Run("internal", "geometry", "geometry")
RADIOMICS = Run("internal", "radiomics, ridge", "radiomics, ridge")


def test_time_is_training_cases_by_epochs_by_a_step_and_what_stands_around(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duration, "seconds_a_case", lambda settings: 0.5)
    plan = Plan((PART,), (NETWORK, RIVAL, RADIOMICS), {})
    assert estimate(plan, (), SETTINGS, workers=2) == Duration(0.0, 0.0)
    assert estimate(plan, [NETWORK], SETTINGS, workers=1) == Duration(
        AROUND_TRAINING_S + 2 * 3 * 0.5, AROUND_TRAINING_S + 2 * 5 * 0.5
    )
    assert estimate(plan, [RIVAL, RIVAL], SETTINGS, workers=2) == Duration(RIVAL_S, RIVAL_S)
    measured = RIVAL_S + 4 * RADIOMICS_A_CASE_S
    assert estimate(plan, [RADIOMICS], SETTINGS, workers=1) == Duration(measured, measured)


def test_patience_longer_than_training_does_not_lengthen_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duration, "seconds_a_case", lambda settings: 0.5)
    patient = SETTINGS.model_copy(update={"learning": LearningSettings(epochs=5, patience=9, batch_size=2)})
    told = estimate(Plan((PART,), (NETWORK,), {}), [NETWORK], patient, workers=1)
    assert told.least_s == told.most_s


def test_a_larger_patch_takes_longer() -> None:
    pytest.importorskip("torch", reason="the train extra is not installed")
    large = SETTINGS.model_copy(update={"imaging": ImagingSettings(patch_voxels=(48, 50, 52))})
    assert 0 < seconds_a_case(SETTINGS) < seconds_a_case(large)
