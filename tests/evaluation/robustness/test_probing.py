from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK
from tests.evaluation.conftest import with_files_of_its_own

from onephase.cohort.records import Record
from onephase.cohort.table import read_cohort
from onephase.errors import CohortError
from onephase.evaluation.drawn_cases import draw_cases
from onephase.evaluation.robustness import probing
from onephase.evaluation.robustness.change import Change
from onephase.evaluation.robustness.changes import all_changes
from onephase.evaluation.robustness.image_changes import noisy
from onephase.evaluation.robustness.outline_changes import regrown
from onephase.evaluation.robustness.probing import UNCHANGED, Probing, probe_cohort
from onephase.inference.bundle import Bundle
from onephase.settings import ImagingSettings, Settings
from onephase.simulation.cohort import simulate_cohort

PATCH = (10, 12, 14)
SETTINGS = Settings(imaging=ImagingSettings(patch_voxels=PATCH, spacing_mm=4.0))
CHANGES = (
    Change("eroded by 1 mm", "outline", partial(regrown, by_mm=-1.0)),
    Change("eroded by 90 mm", "outline", partial(regrown, by_mm=-29.0)),
    Change("noise of 20%", "intensity", partial(noisy, share=0.2)),
)


class MeanOfDistance:
    """A session whose answer is the mean of the image and of the distance."""

    def run(self, names: Sequence[str], inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        image, distance = (inputs[name].mean(axis=(1, 2, 3, 4)) for name in ("image", "distance_mm"))
        answers = {
            "unary": np.stack([image, distance / 10, -image], axis=1),
            "ki67_mu": np.full(len(image), -1.2),
            "ki67_sigma": np.full(len(image), 0.8),
            "attention": inputs["image"][:, 0],
            "region_weights": np.full((len(image), 4, 3), 1 / 3),
            "coupling": np.zeros(3),
            "shift": np.zeros(3),
        }
        return [answers[name].astype(np.float32) for name in names]


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> tuple[Record, ...]:
    table = simulate_cohort(tmp_path_factory.mktemp("few"), cases=5, seed=12)
    return read_cohort(table, labelled=False).records


@pytest.fixture
def answered(toy_bundle: Callable[..., Bundle], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A bundle in place of one on disk; which cases were really answered is returned."""
    bundle = toy_bundle(MeanOfDistance(), SETTINGS)
    monkeypatch.setattr(probing, "opened_bundle", lambda *_: bundle)
    asked: list[str] = []
    answer = probing._answered

    def noted(asking: Probing, record: Record) -> dict[str, Any]:
        asked.append(record.case_id)
        return answer(asking, record)

    monkeypatch.setattr(probing, "_answered", noted)
    return asked


def _probing(out: Path, *, seed: int = 1, seal: str = "a seal") -> Probing:
    return Probing(Path("bundle"), seal, out, CHANGES, seed)


def test_each_case_is_answered_as_given_and_under_each_change(
    records: tuple[Record, ...], answered: list[str], tmp_path: Path
) -> None:
    told: list[tuple[str, int, int]] = []
    probed = probe_cohort(_probing(tmp_path), records, progress=lambda *news: told.append(news))
    assert [one.record for one in probed] == list(records)
    assert told[0] == ("cases", 0, 5)
    assert told[-1] == ("cases", 5, 5)
    for one in probed:
        assert set(one.answers) == {UNCHANGED, "eroded by 1 mm", "noise of 20%"}
        assert one.reasons == {"eroded by 90 mm": "nothing of the outline is left"}
        given, eroded = one.answers[UNCHANGED].unary, one.answers["eroded by 1 mm"].unary
        assert eroded[0, 1] > given[0, 1]  # every voxel lies farther outside


def test_what_was_answered_is_not_answered_again_but_with_another_seed_or_bundle(
    records: tuple[Record, ...], answered: list[str], tmp_path: Path
) -> None:
    first = probe_cohort(_probing(tmp_path), records[:3])
    again = probe_cohort(_probing(tmp_path), records)
    assert answered == [record.case_id for record in records]
    np.testing.assert_array_equal(again[2].answers[UNCHANGED].unary, first[2].answers[UNCHANGED].unary)
    other = probe_cohort(_probing(tmp_path, seed=2), records[:1])
    assert answered[5:] == [records[0].case_id]
    assert other[0].answers["noise of 20%"].unary[0, 0] != first[0].answers["noise of 20%"].unary[0, 0]
    probe_cohort(_probing(tmp_path, seed=2, seal="another seal"), records[:2])
    assert answered[6:] == [record.case_id for record in records[:2]]


def test_with_another_image_or_outline_a_case_is_answered_anew_and_no_other(
    records: tuple[Record, ...], answered: list[str], tmp_path: Path
) -> None:
    few = [with_files_of_its_own(record, tmp_path / "files") for record in records[:3]]
    before = probe_cohort(_probing(tmp_path), few)
    noise = SimpleITK.AdditiveGaussianNoise(SimpleITK.ReadImage(str(few[0].image)), 50.0, 0.0, 1)
    SimpleITK.WriteImage(noise, str(few[0].image))
    after = probe_cohort(_probing(tmp_path), few)
    assert answered[3:] == [few[0].case_id]
    assert after[0].answers[UNCHANGED].unary[0, 0] != before[0].answers[UNCHANGED].unary[0, 0]
    wider = SimpleITK.BinaryDilate(SimpleITK.ReadImage(str(few[1].mask)))
    SimpleITK.WriteImage(wider, str(few[1].mask))
    after = probe_cohort(_probing(tmp_path), few)
    assert answered[4:] == [few[1].case_id]
    assert after[1].answers[UNCHANGED].unary[0, 1] < before[1].answers[UNCHANGED].unary[0, 1]  # more lies within it


def test_a_draw_belongs_to_its_case_and_change_whatever_else_is_tried(
    records: tuple[Record, ...], answered: list[str], tmp_path: Path
) -> None:
    whole = probe_cohort(_probing(tmp_path / "a"), records[:1])
    alone = replace(_probing(tmp_path / "b"), changes=CHANGES[2:])
    one = probe_cohort(alone, records[:1])
    np.testing.assert_array_equal(one[0].answers["noise of 20%"].unary, whole[0].answers["noise of 20%"].unary)


def test_a_case_that_cannot_be_read_is_said_and_stops_no_other(
    records: tuple[Record, ...], answered: list[str], tmp_path: Path
) -> None:
    broken = replace(records[0], image=tmp_path / "absent.nii.gz")
    probed = probe_cohort(_probing(tmp_path), [broken, records[1]])
    assert "absent.nii.gz" in probed[0].problem
    assert not probed[0].answers
    assert not probed[1].problem


def test_every_name_is_its_own() -> None:
    names = [change.name for change in all_changes()]
    assert len(set(names)) == len(names)


def test_patients_that_were_learned_from_are_left_out_and_a_larger_draw_holds_the_smaller(
    records: tuple[Record, ...], toy_bundle: Callable[..., Bundle]
) -> None:
    second = replace(records[2], case_id="zz second lesion", patient_id=records[1].patient_id)
    split = {records[0].case_id: "train", records[1].case_id: "test"}
    bundle = toy_bundle(MeanOfDistance(), SETTINGS, split=split)
    everyone = (*records, second)
    fresh = draw_cases(bundle, everyone, cases=90, seed=1)
    assert [one.case_id for one in fresh] == [one.case_id for one in records[1:]]
    two, three = (draw_cases(bundle, everyone, cases=cases, seed=4) for cases in (2, 3))
    assert {one.case_id for one in two} < {one.case_id for one in three}
    taught = toy_bundle(MeanOfDistance(), SETTINGS, split={record.case_id: "validation" for record in everyone})
    with pytest.raises(CohortError, match="learned from every patient"):
        draw_cases(taught, everyone, cases=3, seed=1)
