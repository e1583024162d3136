"""A cohort: one folder a case, one failure stops no other, and what is done stays done."""

import json
import operator
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from onephase.biomarkers.panel import Events
from onephase.cohort.records import Record
from onephase.errors import BundleError, StorageError
from onephase.imaging.case import Case, Mask
from onephase.inference.bundle import identity_of, load_bundle
from onephase.inference.cohort_prediction import CohortRequest, folder_name, predict_cohort
from onephase.inference.outcome import Outcome
from onephase.inference.prediction import Prediction
from onephase.work.cluster import Cluster
from onephase.work.workers import Workers

publish_nothing = operator.is_  # importable by a worker, and writes nothing
Publish = Callable[[Prediction, Path], None]


def record_of(case: Case, folder: Path) -> Record:
    """Write a case as files and return its record."""
    paths = {}
    assert isinstance(case.roi, Mask)
    for name, array in (("image", case.volume.array), ("mask", case.roi.array.astype(np.uint8))):
        image = SimpleITK.GetImageFromArray(array)
        image.SetSpacing(case.volume.grid.spacing_mm[::-1])
        image.SetOrigin(case.volume.grid.origin_mm)
        paths[name] = folder / f"{name}.nii.gz"
        SimpleITK.WriteImage(image, str(paths[name]))
    return Record(
        case_id=case.case_id,
        patient_id="SECRET-NAME",
        image=paths["image"],
        mask=paths["mask"],
        events=Events.unknown(1),
    )


def publish(prediction: Prediction, folder: Path) -> None:
    """Stand in for the report."""
    (folder / "report.html").write_text(prediction.case_id)


def run(
    bundle: Path, records: list[Record], folder: Path, *, publish: Publish = publish, workers: Workers = 1
) -> list[Outcome]:
    request = CohortRequest(bundle, identity_of(bundle), folder, policy="ki67_20", publish=publish)
    return list(predict_cohort(request, records, workers=workers))


@pytest.fixture
def record(tmp_path: Path, lesion: Callable[..., Case]) -> Record:
    """One lesion as files."""
    return record_of(lesion("a/b c"), tmp_path)


def test_one_failure_stops_no_other(bundle_folder: Path, record: Record, tmp_path: Path) -> None:
    lost = replace(record, case_id="lost", image=tmp_path / "gone.nii.gz")
    failed, good = run(bundle_folder, [lost, record], tmp_path / "out")
    assert failed.answer is None
    assert "gone.nii.gz" in failed.problem
    assert good.answer is not None
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a%2Fb%20c"]
    case = tmp_path / "out" / good.folder
    assert json.loads((case / "prediction.json").read_text()) == json.loads(json.dumps(good.answer))
    assert (case / "report.html").read_text() == "a/b c"
    assert "SECRET-NAME" not in (case / "prediction.json").read_text()


def test_what_is_answered_is_skipped_until_it_changes(bundle_folder: Path, record: Record, tmp_path: Path) -> None:
    (first,) = run(bundle_folder, [record], tmp_path / "out")
    (second,) = run(bundle_folder, [record], tmp_path / "out")
    assert (first.skipped, second.skipped) == (False, True)
    assert second.answer == json.loads(json.dumps(first.answer))
    image = SimpleITK.ReadImage(str(record.image))
    SimpleITK.WriteImage(image + 5 * image, str(record.image))
    (third,) = run(bundle_folder, [record], tmp_path / "out")
    assert not third.skipped


def test_several_workers_answer_the_same_in_the_same_order(bundle_folder: Path, record: Record, tmp_path: Path) -> None:
    lost = replace(record, case_id="lost", image=tmp_path / "gone.nii.gz")
    records = [replace(record, case_id="c0"), lost, *(replace(record, case_id=f"c{number}") for number in (2, 1))]
    alone = run(bundle_folder, records, tmp_path / "alone", publish=publish_nothing)
    several = run(bundle_folder, records, tmp_path / "several", publish=publish_nothing, workers=2)
    assert [one.case_id for one in several] == ["c0", "lost", "c2", "c1"]
    assert [one.problem for one in several] == [one.problem for one in alone]
    for name in ("c0", "c1", "c2"):
        for path in (tmp_path / "alone" / name).iterdir():
            assert path.read_bytes() == (tmp_path / "several" / name / path.name).read_bytes()


def test_another_bundle_than_was_asked_for_stops_all(bundle_folder: Path, record: Record, tmp_path: Path) -> None:
    request = CohortRequest(bundle_folder, "another seal", tmp_path / "out", policy="ki67_20", publish=publish)
    with pytest.raises(BundleError, match="was replaced while it was used: start again"):
        list(predict_cohort(request, [record]))


def test_without_a_policy_the_bundles_own_is_taken(bundle_folder: Path, record: Record, tmp_path: Path) -> None:
    (named,) = run(bundle_folder, [record], tmp_path / "out")
    request = CohortRequest(
        bundle_folder, identity_of(bundle_folder), tmp_path / "out", policy=None, publish=publish_nothing
    )
    (unnamed,) = predict_cohort(request, [record])
    assert unnamed.skipped
    assert named.answer is not None
    assert named.answer["subtype_policy"] == load_bundle(bundle_folder).settings.subtype_policy


def test_a_cluster_is_asked_whether_it_sees_the_folder_of_the_answers(
    bundle_folder: Path, record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[Path, bool] = {}

    def asked(function, items, *, workers, sees):
        seen.update({path: path.exists() for path in sees})
        yield from ()

    monkeypatch.setattr("onephase.inference.cohort_prediction.in_order", asked)
    run(bundle_folder, [record], tmp_path / "new" / "out")
    assert seen == dict.fromkeys((bundle_folder, tmp_path / "new" / "out", record.image, record.mask), True)


@pytest.mark.slow
def test_a_cluster_answers_the_same_bytes(
    bundle_folder: Path, record: Record, tmp_path: Path, cluster: Cluster
) -> None:
    records = [replace(record, case_id=f"c{number}") for number in range(4)]
    alone = run(bundle_folder, records, tmp_path / "alone", publish=publish_nothing)
    there = run(bundle_folder, records, tmp_path / "there", publish=publish_nothing, workers=cluster)
    assert [(one.case_id, one.problem) for one in there] == [(one.case_id, one.problem) for one in alone]
    for one in alone:
        for path in (tmp_path / "alone" / one.folder).iterdir():
            assert path.read_bytes() == (tmp_path / "there" / one.folder / path.name).read_bytes()
    assert all(one.skipped for one in run(bundle_folder, records, tmp_path / "there", publish=publish_nothing))


def test_a_folder_that_cannot_be_made_is_a_sentence(bundle_folder: Path, record: Record) -> None:
    with pytest.raises(StorageError, match=r"image.nii.gz.* could not be written"):
        run(bundle_folder, [record], record.image / "out")


def test_a_report_that_fails_leaves_no_folder(bundle_folder: Path, record: Record, tmp_path: Path) -> None:
    def full(prediction: Prediction, folder: Path) -> None:
        message = "report.html could not be written because the disk is full"
        raise StorageError(message)

    (outcome,) = run(bundle_folder, [record], tmp_path / "out", publish=full)
    assert "disk is full" in outcome.problem
    assert list((tmp_path / "out").iterdir()) == []


def test_an_interrupt_leaves_no_folder(bundle_folder: Path, record: Record, tmp_path: Path) -> None:
    def interrupted(prediction: Prediction, folder: Path) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(bundle_folder, [record], tmp_path / "out", publish=interrupted)
    assert list((tmp_path / "out").iterdir()) == []


def test_folder_names_are_safe_and_distinct() -> None:
    ids = ["a", "a b", "a/b", "../a", "..", ".", "ä", "a%2Fb"]
    names = [folder_name(one) for one in ids]
    assert len(set(names)) == len(ids)
    assert not any("/" in name or name.startswith(".") for name in names)
    with pytest.raises(StorageError, match="give a shorter one"):
        folder_name("x" * 300)
