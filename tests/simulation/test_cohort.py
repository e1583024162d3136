"""A cohort on disk: the bytes do not depend on workers, a broken run goes on, two simulations do not mix."""

import csv
import json
import resource
import shutil

import numpy as np
import pytest
import SimpleITK

from onephase.cohort.table import read_cohort
from onephase.errors import CohortError, StorageError
from onephase.imaging.case import Mask
from onephase.readers.case import read_case
from onephase.simulation.cases import CaseKey, case_examination
from onephase.simulation.cohort import simulate_cohort
from onephase.simulation.truth import read_truth
from onephase.simulation.version import SIMULATION_VERSION, source_sha256
from onephase.storage import sha256_of


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated")
    simulate_cohort(folder, preset="mixed", cases=4, seed=3)
    return folder


def hashes(folder):
    return {str(path.relative_to(folder)): sha256_of(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_files_are_ordinary(cohort):
    assert {path.name for path in cohort.iterdir()} == {
        "images",
        "masks",
        "cohort.csv",
        "truth.csv",
        "simulation.json",
    }
    key = CaseKey(3, 1, "birch")
    image = SimpleITK.ReadImage(str(cohort / "images" / "birch-3-00001.nii.gz"))
    mask = SimpleITK.ReadImage(str(cohort / "masks" / "birch-3-00001.nii.gz"))
    examination = case_examination(key)
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image), examination.image)
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(mask), examination.mask)
    assert image.GetPixelIDTypeAsString() == "16-bit signed integer"
    np.testing.assert_allclose(image.GetSpacing()[::-1], examination.spacing_mm, rtol=1e-6)
    assert image.GetSpacing() == mask.GetSpacing()
    assert image.GetOrigin() == mask.GetOrigin()


def test_our_own_reader_takes_it(cohort):
    case = read_case(
        cohort / "images" / "alder-3-00000.nii.gz",
        case_id="alder-3-00000",
        mask=cohort / "masks" / "alder-3-00000.nii.gz",
    )
    examination = case_examination(CaseKey(3, 0, "alder"))
    np.testing.assert_array_equal(case.volume.array, examination.image)
    assert isinstance(case.roi, Mask)
    np.testing.assert_array_equal(case.roi.array, examination.mask)
    assert not case.warnings


def test_the_table_is_a_cohort_table(cohort):
    records = read_cohort(cohort / "cohort.csv").records
    assert [record.site for record in records] == ["alder", "birch", "elm", "alder"]
    assert {record.provenance for record in records} == {"simulated"}
    assert all(record.image.is_file() and record.mask.is_file() for record in records)
    truth = read_truth(cohort / "truth.csv")
    for record, cell in zip(records, truth.cell, strict=True):
        assert record.events.cells[0, cell]


def test_the_folder_says_which_simulation_it_is(cohort):
    said = json.loads((cohort / "simulation.json").read_text())
    assert said["provenance"] == "simulated"
    assert said["seed"] == 3
    assert said["simulation_version"] == SIMULATION_VERSION
    assert said["source_sha256"] == source_sha256()


def test_external_cases_are_marked(tmp_path):
    simulate_cohort(tmp_path, preset="paper", cases=7, seed=1)
    with (tmp_path / "cohort.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["site"], row["split"]) for row in rows[-2:]] == [("cedar", ""), ("larch", "external")]


def test_a_broken_run_goes_on_and_any_number_of_workers_writes_the_same_bytes(cohort, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(cohort, broken)
    (broken / "images" / "alder-3-00000.nii.gz").unlink()
    (broken / "masks" / "birch-3-00001.nii.gz").unlink()
    (broken / "cohort.csv").unlink()
    kept = broken / "images" / "elm-3-00002.nii.gz"
    before = kept.stat().st_mtime_ns
    told = []
    simulate_cohort(
        broken,
        preset="mixed",
        cases=4,
        seed=3,
        workers=2,
        progress=lambda task, done, total: told.append((task, done, total)),
    )
    assert hashes(broken) == hashes(cohort)
    assert kept.stat().st_mtime_ns == before
    assert told == [("simulate", 2, 4), ("simulate", 3, 4), ("simulate", 4, 4)]


def test_two_simulations_do_not_mix(cohort):
    with pytest.raises(CohortError, match="already holds a simulation of another seed or simulator"):
        simulate_cohort(cohort, preset="mixed", cases=4, seed=4)


@pytest.mark.parametrize("choice", [{"workers": 0}, {"seed": -1}])
def test_bad_choices_are_refused_before_anything_is_written(tmp_path, choice):
    with pytest.raises(CohortError, match="at least 1 worker and a seed of 0 or more"):
        simulate_cohort(tmp_path / "none", cases=1, **choice)
    assert not (tmp_path / "none").exists()


def test_a_full_disk_is_a_sentence_and_the_next_run_goes_on(tmp_path, cohort, capfd):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))  # a mask fits, an image does not
    try:
        with pytest.raises(StorageError, match=r"alder-3-00000\.nii\.gz could not be written whole .is the disk full"):
            simulate_cohort(tmp_path, preset="mixed", cases=4, seed=3)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    capfd.readouterr()  # ITK's own complaint
    assert not list((tmp_path / "images").iterdir())
    simulate_cohort(tmp_path, preset="mixed", cases=4, seed=3)
    assert hashes(tmp_path) == hashes(cohort)


def test_a_cohort_that_is_not_simulated_is_never_written_into(tmp_path):
    (tmp_path / "cohort.csv").write_text("case_id,image\nours,ours.nii.gz\n")
    with pytest.raises(CohortError, match=r"already holds cohort\.csv, and not from a simulation: choose another"):
        simulate_cohort(tmp_path, cases=2)
    assert [path.name for path in tmp_path.iterdir()] == ["cohort.csv"]
