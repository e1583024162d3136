"""Preparing a small cohort of real files: the same bytes in every way, and what happens when a case fails."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its usual name

from onephase.cohort.estimate import estimate_preparation
from onephase.cohort.preparation import prepare
from onephase.cohort.prepared import PreparedCohort, open_prepared
from onephase.cohort.table import read_cohort
from onephase.errors import CohortError, ImageError, OnephaseError, StorageError, WorkerError
from onephase.imaging.descriptors import DESCRIPTORS
from onephase.imaging.patches import FILES as PATCH_FILES
from onephase.imaging.patches import LISTING
from onephase.settings import ImagingSettings, Settings, SplitSettings

SMALL = Settings(imaging=ImagingSettings(patch_voxels=(8, 10, 12), spacing_mm=2.0))
CASES = 7
FILES = ("store.json", "cases.jsonl", "image.f16", "distance_mm.f16", "records.json", "failures.json")

PATIENCE_S = 180  # on a busy machine
LEADER = """
import sys
import time
from pathlib import Path
from onephase.cohort.preparation import prepare
from onephase.settings import parse_settings

if __name__ == "__main__":
    settings = parse_settings(Path(sys.argv[3]).read_text(), source="test")
    prepare([Path(sys.argv[1])], Path(sys.argv[2]), settings, workers=2, progress=lambda *_: time.sleep(0.3))
"""
SMALL_TOML = "[imaging]\nspacing_mm = 2.0\npatch_voxels = [8, 10, 12]\n"


def write_image(path: Path, array: np.ndarray) -> None:
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((1.0, 1.2, 2.0))
    path.parent.mkdir(exist_ok=True)
    sitk.WriteImage(image, str(path))


def make_cohort(folder: Path, *, shape: tuple[int, int, int] = (14, 30, 26), cases: int = CASES) -> Path:
    """Write a cohort of noise with a bright ellipsoid each; odd cases have a box, even ones a mask."""
    folder.mkdir()
    rng = np.random.default_rng(4)
    rows = ["case_id,image,mask,col_start,col_end,row_start,row_end,slice_start,slice_end,er,her2,grade"]
    axes = np.meshgrid(*[np.arange(size) - size / 2 for size in shape], indexing="ij")
    for number in range(cases):
        inside = sum((axis / radius) ** 2 for axis, radius in zip(axes, (3.5, 5 + number / 4, 6), strict=True)) < 1
        array = rng.normal(100, 5, shape) + 150 * inside
        write_image(folder / "images" / f"{number}.nii.gz", array.astype(np.float32))
        write_image(folder / "masks" / f"{number}.nii.gz", inside.astype(np.uint8))
        region = f"masks/{number}.nii.gz,,,,,," if number % 2 == 0 else ",5,21,7,23,2,12"
        rows.append(f"c{number},images/{number}.nii.gz,{region},{number % 2},{number // 2 % 2},{number % 3}")
    table = folder / "cohort.csv"
    table.write_text("\n".join(rows) + "\n")
    return table


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name != ".lock"}


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, PreparedCohort]:
    """A cohort and its store; not to be changed."""
    table = make_cohort(tmp_path_factory.mktemp("prepared") / "clinic")
    return table, prepare([table], table.parents[1] / "store", SMALL)


@pytest.fixture
def own_cohort(cohort: tuple[Path, PreparedCohort], tmp_path: Path) -> Iterator[Path]:
    """A copy of the cohort and its store, to be changed; the table."""
    shutil.copytree(cohort[0].parents[1], tmp_path / "copy")
    return tmp_path / "copy" / "clinic" / "cohort.csv"


def test_records_and_patches_belong_together(cohort) -> None:
    table, prepared = cohort
    assert [record.case_id for record in prepared.records] == [f"c{number}" for number in range(CASES)]
    assert prepared.store.image.shape == (CASES, 8, 10, 12)
    assert prepared.store.rows(["c3", "c0"]) == [3, 0]
    assert prepared.store.case("c0").outline_method == "given"
    assert prepared.store.case("c1").outline_method.startswith("semi-automatic")
    assert all(record.covariates["grade"] in {"0", "1", "2"} for record in prepared.records)
    assert prepared.records[2].image.resolve() == (table.parent / "images" / "2.nii.gz").resolve()
    inside = np.asarray(prepared.store.distance_mm[0]) < 0
    image = np.asarray(prepared.store.image[0], dtype=np.float32)
    assert image[inside].mean() > image[~inside].mean() + 1


def test_several_workers_write_the_same_bytes(cohort, tmp_path: Path) -> None:
    table, prepared = cohort
    told = []
    folder = table.parents[1] / "by-three"
    prepare([table], folder, SMALL, workers=3, progress=lambda task, done, total: told.append((task, done, total)))
    assert bytes_of(folder) == bytes_of(prepared.store.folder)
    assert [entry for entry in told if entry[0] == "preparing"] == [("preparing", n, CASES) for n in range(CASES + 1)]


def test_a_killed_preparation_goes_on_and_ends_in_the_same_bytes(tmp_path: Path) -> None:
    table = make_cohort(tmp_path / "clinic", shape=(40, 60, 50), cases=10)
    (tmp_path / "leader.py").write_text(LEADER)
    (tmp_path / "settings.toml").write_text(SMALL_TOML)
    killed = tmp_path / "killed"
    command = [sys.executable, str(tmp_path / "leader.py"), str(table), str(killed), str(tmp_path / "settings.toml")]
    leader = subprocess.Popen(command)
    listing = killed / "cases.jsonl"
    deadline = time.monotonic() + PATIENCE_S
    while not (listing.exists() and listing.read_bytes().count(b"\n") >= 2):
        assert leader.poll() is None, "the preparation ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    workers = Path(f"/proc/{leader.pid}/task/{leader.pid}/children").read_text().split()
    leader.send_signal(signal.SIGKILL)
    leader.wait()
    stored = listing.read_bytes().count(b"\n")
    assert stored < 10
    with pytest.raises(StorageError, match="was not prepared to its end"):
        open_prepared(killed)
    with (killed / "image.f16").open("ab") as stream:
        stream.write(b"half a patch")

    prepare([table], killed, SMALL)
    prepare([table], tmp_path / "whole", SMALL)
    assert bytes_of(killed) == bytes_of(tmp_path / "whole")
    deadline = time.monotonic() + PATIENCE_S
    while any(Path(f"/proc/{worker}").exists() for worker in workers):  # nobody is left behind
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("stored", [0, 3, CASES - 1])
@pytest.mark.parametrize("files", range(5))
@pytest.mark.parametrize("half", [False, True], ids=["whole", "half"])
def test_killed_at_any_write_it_ends_in_the_same_bytes(cohort, stored: int, files: int, half: bool) -> None:
    """So many cases are stored; of the next so many files are written, and perhaps half of another."""
    table, prepared = cohort
    killed = (
        table.parents[1] / f"killed-{stored}-{files}-{half}"
    )  # beside the whole one, for records name paths from it
    killed.mkdir()
    shutil.copy(prepared.store.folder / "store.json", killed)
    for place, name in enumerate((*PATCH_FILES.values(), LISTING)):
        content = (prepared.store.folder / name).read_bytes()
        ends = [len(content) * count // CASES for count in range(CASES + 1)]
        if name == LISTING:
            ends = [0, *(at + 1 for at, sign in enumerate(content) if sign == ord("\n"))]
        begun = (ends[stored] + ends[stored + 1]) // 2 if half and place == files else ends[stored]
        (killed / name).write_bytes(content[: ends[stored + 1] if place < files else begun])
    prepare([table], killed, SMALL)
    assert bytes_of(killed) == bytes_of(prepared.store.folder)


def test_new_labels_are_taken_up_without_reading_images_and_splits_stay(own_cohort, monkeypatch) -> None:
    folder = own_cohort.parents[1] / "store"
    before, arrays = open_prepared(folder), (folder / "image.f16").read_bytes()
    text = own_cohort.read_text().replace(
        "c1,images/1.nii.gz,,5,21,7,23,2,12,1,0,1", "c1,images/1.nii.gz,,5,21,7,23,2,12,0,3+,9"
    )
    own_cohort.write_text(
        text.replace(",1,0,", ",1,negative,")
        .replace(",0,1,", ",0,positive,")
        .replace(",0,0,", ",0,,")
        .replace(",1,1,", ",1,,")
    )
    monkeypatch.setattr("onephase.cohort.preparation.cut_patch", refuse)
    after = prepare([own_cohort], folder, SMALL.model_copy(update={"split": SplitSettings(seed=8)}))
    assert after.records[1].texts["her2"] == "3+"
    assert after.records[1].covariates["grade"] == "9"
    assert after.records[1].events.status("her2").tolist() == [1]
    assert (folder / "image.f16").read_bytes() == arrays
    assert [record.split for record in after.records] == [record.split for record in before.records]


def test_a_case_that_fails_is_reported_and_the_others_go_on(own_cohort) -> None:
    image = own_cohort.parent / "images" / "2.nii.gz"
    image.write_bytes(image.read_bytes()[:4000])
    folder = own_cohort.parents[1] / "other"
    with pytest.raises(ImageError, match=r"case c2: .*cut short or damaged"):
        prepare([own_cohort], own_cohort.parents[1] / "strict", SMALL, strict=True)
    prepared = prepare([own_cohort], folder, SMALL)
    assert [record.case_id for record in prepared.records] == ["c0", "c1", "c3", "c4", "c5", "c6"]
    assert [failure.case_id for failure in prepared.failures] == ["c2"]
    assert "1 cases failed and are left out:\ncase c2: " in str(prepared)
    assert json.loads(json.dumps(prepared.to_json()))["failures"][0]["case_id"] == "c2"
    assert open_prepared(folder).failures == prepared.failures


def test_a_case_that_was_mended_is_prepared_after_all(own_cohort) -> None:
    image = own_cohort.parent / "images" / "2.nii.gz"
    content = image.read_bytes()
    image.write_bytes(content[:4000])
    folder = own_cohort.parents[1] / "other"
    prepare([own_cohort], folder, SMALL)
    image.write_bytes(content)
    mended = prepare([own_cohort], folder, SMALL)
    assert [record.case_id for record in mended.records] == [f"c{number}" for number in range(CASES)]
    assert mended.failures == ()
    assert mended.store.rows(["c2"]) == [6]


@pytest.mark.parametrize("change", ["image", "box"])
def test_a_changed_image_or_region_is_refused(own_cohort, change: str) -> None:
    if change == "image":
        shutil.copy(own_cohort.parent / "images" / "0.nii.gz", own_cohort.parent / "images" / "1.nii.gz")
    else:
        own_cohort.write_text(own_cohort.read_text().replace("/1.nii.gz,,5,21", "/1.nii.gz,,6,21"))
    with pytest.raises(
        CohortError, match="case c1: its image, mask, phase or region has changed since it was prepared"
    ):
        prepare([own_cohort], own_cohort.parents[1] / "store", SMALL)


def test_other_settings_are_refused(own_cohort) -> None:
    other = Settings(imaging=ImagingSettings(patch_voxels=(8, 10, 12), spacing_mm=2.5))
    with pytest.raises(StorageError, match=r"imaging.spacing_mm = 2.0, now it is 2.5"):
        prepare([own_cohort], own_cohort.parents[1] / "store", other)


def test_what_is_no_store_is_refused(cohort, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none", cohort[0]):
        with pytest.raises(StorageError, match=r"is no prepared cohort: make one with onephase prepare COHORT\.csv"):
            open_prepared(path)


def test_a_record_without_patch_is_refused(own_cohort) -> None:
    listing = own_cohort.parents[1] / "store" / "cases.jsonl"
    listing.write_text("\n".join(listing.read_text().splitlines()[:-1]) + "\n")
    with pytest.raises(StorageError, match="holds no patch of case c6"):
        open_prepared(listing.parent)


def test_an_estimate_writes_nothing(cohort, tmp_path: Path) -> None:
    table, prepared = cohort
    estimate = estimate_preparation([table], tmp_path / "none", SMALL, workers=2)
    assert (estimate.cases, estimate.stored) == (CASES, 0)
    assert estimate.disk_bytes == CASES * 4 * (8 * 10 * 12 + len(DESCRIPTORS))  # two halves a voxel, a float each
    assert estimate.memory_bytes > 50e6
    assert not (tmp_path / "none").exists()
    assert "7 of 7 cases are to be prepared" in str(estimate)
    done = estimate_preparation([table], prepared.store.folder, SMALL)
    assert (done.stored, done.seconds, done.disk_bytes) == (CASES, 0, 0)


def test_an_estimate_sees_the_size_that_a_link_leads_to(own_cohort, tmp_path: Path, monkeypatch) -> None:
    """Images of a data lake are links: the largest is tried last, for the peak of memory."""
    records = read_cohort(own_cohort).records
    for record in records:
        far = record.image.rename(tmp_path / f"{record.case_id}-far.nii.gz")
        record.image.symlink_to(far)
    with (tmp_path / f"{records[3].case_id}-far.nii.gz").open("ab") as large:
        large.write(bytes(100_000))
    tried: list[str] = []
    monkeypatch.setattr("onephase.cohort.estimate.cut_patch", lambda record, settings: tried.append(record.case_id))
    estimate_preparation([own_cohort], tmp_path / "none", SMALL)
    assert tried[-1] == records[3].case_id


def test_an_estimate_goes_on_where_a_case_fails_as_preparing_does(own_cohort, tmp_path: Path) -> None:
    records = read_cohort(own_cohort).records
    for record in records[1:]:
        record.image.write_bytes(record.image.read_bytes()[:900])
    assert estimate_preparation([own_cohort], tmp_path / "none", SMALL).seconds > 0
    records[0].image.write_bytes(b"broken")
    with pytest.raises(OnephaseError, match="case c"):
        estimate_preparation([own_cohort], tmp_path / "none", SMALL)


def test_a_dead_worker_is_named_with_its_likely_cause(own_cohort, monkeypatch) -> None:
    monkeypatch.setattr("onephase.cohort.preparation.cut_patch", die)
    with pytest.raises(
        WorkerError, match="killed 3 times in a row after 0 of 7 pieces of work, most often for want of memory"
    ):
        prepare([own_cohort], own_cohort.parents[1] / "other", SMALL, workers=2)


def refuse(record: object, *, settings: object) -> None:
    """Stand in where no image may be read."""
    pytest.fail("an image was read")


def die(record: object, *, settings: object) -> None:
    """Stand in for a worker that the system kills."""
    os.kill(os.getpid(), signal.SIGKILL)


def test_real_slices_are_prepared_as_stacks(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "slices" / "ispy1"
    lines = (source / "cases.csv").read_text().splitlines()
    (tmp_path / "images").symlink_to(source / "images")
    table = tmp_path / "cases.csv"
    table.write_text("\n".join([lines[0], *lines[1:4], *lines[40:44]]) + "\n")
    settings = Settings(imaging=ImagingSettings(sampling="stack", patch_voxels=(8, 48, 48), spacing_mm=1.5))
    prepared = prepare([table], tmp_path / "store", settings, strict=True)
    assert len(prepared.records) == 7
    assert all(prepared.store.case(record.case_id).facts["volume_ml"] > 0.05 for record in prepared.records)


def test_a_case_excluded_later_drops_out_and_no_image_is_read_again(own_cohort: Path) -> None:
    store = own_cohort.parents[1] / "store"
    before = (store / "image.f16").read_bytes()
    own_cohort.with_name("cohort.excluded.csv").write_text("case_id,reason\nc3,wrong phase\n")
    again = prepare([own_cohort], store, SMALL)
    assert [record.case_id for record in again.records] == [f"c{n}" for n in range(CASES) if n != 3]
    assert (store / "image.f16").read_bytes() == before
