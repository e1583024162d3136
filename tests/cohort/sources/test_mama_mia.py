"""A tiny MAMA-MIA with its names and traps."""

import json
from pathlib import Path

import pytest
from tests.cohort.sources.conftest import phantom, write_csv, write_nifti, write_workbook

from onephase.cohort.table import read_cohort
from onephase.errors import CohortError

COLUMNS = (
    *("patient_id", "dataset", "bilateral_breast_cancer", "pcr", "hr", "er", "pr", "her2", "tumor_subtype", "age"),
    *("num_phases", "pixel_spacing", "acquisition_times"),
)
TIMES = ("[0.7, 0.7]", "[0, 120.0, 240.0]")
ROWS = (
    ("DUKE_001", "DUKE", 0, 1, 1, 1, 0, 1, "her2_enriched", 45, 3, *TIMES),
    ("ISPY1_1001", "ISPY1", 0, 0, 0, 0, 0, 0, "triple_negative", 50, 3, *TIMES),
    ("ISPY2_100899", "ISPY2", 0, 0, 1, None, None, 1, "luminal_b", 39, 7, *TIMES),
    ("NACT_06", "NACT", 0, "NA", 1, 1, 1, 0, "luminal", 51, 3, *TIMES),
    ("ISPY2_200000", "ISPY2", 0, 0, 0, "", "", 0, "triple_negative", 60, 7, *TIMES),
)


def write_set(root: Path, rows=ROWS, *, small: bool = False) -> Path:
    """Write the set; images of all but the last patient; in one release file names are in small letters."""
    write_workbook(root / "clinical_and_imaging_info.xlsx", {"dataset_info": [COLUMNS, *rows], "legend": [("a",)]})
    write_csv(
        root / "train_test_splits.csv", [("train_split", "test_split"), ("ISPY1_1001", "DUKE_001"), ("NACT_06", "")]
    )
    for row in ROWS[:-1]:
        name = row[0].lower() if small else row[0]
        for phase in range(3):
            write_nifti(root / "images" / name / f"{name}_{phase:04d}.nii.gz", phantom(phase)[0])
        write_nifti(root / "segmentations" / "expert" / f"{name}.nii.gz", phantom()[1])
    return root


@pytest.mark.parametrize("small", [False, True])
def test_the_first_post_contrast_volume_is_0001_in_either_case_of_names(tmp_path: Path, do_import, small) -> None:
    done = do_import("mama-mia", write_set(tmp_path / "set", small=small))
    assert not done.check.errors
    names = [lesion.image.name.upper() for lesion in done.record.found.lesions]
    assert names == [f"{row[0]}_0001.NII.GZ" for row in ROWS[:-1]]
    assert done.record.to_json()["counts"] == {"found": 5, "used": 4, "left_out": 1}
    assert list(done.record.by_reason()) == ["its images are not here"]


def test_labels_follow_the_receptors_and_never_tumor_subtype(tmp_path: Path, do_import) -> None:
    do_import("mama-mia", write_set(tmp_path / "set"))
    table = tmp_path / "out" / "cohort.csv"
    duke, _, ispy2, _ = read_cohort(table).records
    assert duke.texts == {"er": "positive", "pr": "negative", "her2": "positive", "hr": "", "ki67": ""}
    assert ispy2.texts == {"er": "", "pr": "", "her2": "positive", "hr": "positive", "ki67": ""}
    assert duke.identity == "duke 1"
    assert [record.label_convention for record in (duke, ispy2)] == ["duke-allred", "ispy2"]
    assert "luminal_b" not in table.read_text()
    assert "tumor_subtype was not read" in (tmp_path / "out" / "cohort.source.md").read_text()


def test_the_published_test_split_is_kept(tmp_path: Path, do_import) -> None:
    done = do_import("mama-mia", write_set(tmp_path / "set"))
    assert {lesion.patient_id for lesion in done.record.found.lesions if lesion.split == "test"} == {"DUKE_001"}
    assert {lesion.split for lesion in done.record.found.lesions} == {"test", ""}


def test_a_second_run_is_the_same(tmp_path: Path, do_import) -> None:
    texts = []
    for _ in range(2):
        do_import("mama-mia", write_set(tmp_path / "set"))
        texts.append([path.read_bytes() for path in sorted((tmp_path / "out").glob("*.csv"))])
    assert texts[0] == texts[1]


def test_what_is_missing_or_contradicts_itself_is_left_out(tmp_path: Path, do_import) -> None:
    rows = (("DUKE_001", "DUKE", 0, 1, 0, 1, 0, 1, "x", 45, 3, *TIMES), *ROWS[1:])
    root = write_set(tmp_path / "set", rows)
    (root / "segmentations" / "expert" / "NACT_06.nii.gz").unlink()
    (root / "images" / "ISPY2_100899" / "ISPY2_100899_0001.nii.gz").unlink()
    write_nifti(root / "images" / "DUKE_999" / "DUKE_999_0001.nii.gz", phantom()[0])
    done = do_import("mama-mia", root)
    assert {lesion.patient_id for lesion in done.record.found.lesions} == {"ISPY1_1001"}
    assert set(done.record.by_reason()) == {
        "HR contradicts ER and PR",
        "its segmentation is not here",
        "the first post-contrast volume (_0001) is not here",
        "its images are not here",
        "its folder has no row in dataset_info",
    }
    assert done.check.errors  # one class only: the table is written, and the check says that it will not do


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            ("DUKE_001", "DUKE", 0, 1, 1, 2, 0, 1, "x", 45, 3, *TIMES),
            "column er: expected 1, 0, NA, nan or nothing, got '2'",
        ),
        (("DUKE_001", "OTHER", 0, 1, 1, 1, 0, 1, "x", 45, 3, *TIMES), "the dataset is 'OTHER', expected DUKE, ISPY1"),
        (ROWS[1], "names 1 patients twice (such as ISPY1_1001)"),
    ],
)
def test_another_table_than_the_published_one_stops_the_import(tmp_path: Path, do_import, row, message) -> None:
    with pytest.raises(CohortError) as fault:
        do_import("mama-mia", write_set(tmp_path / "set", (row, *ROWS[1:])))
    assert message in str(fault.value)


def test_files_that_differ_in_case_only_are_refused(tmp_path: Path, do_import) -> None:
    root = write_set(tmp_path / "set")
    write_nifti(root / "segmentations" / "expert" / "duke_001.nii.gz", phantom()[1])
    with pytest.raises(CohortError, match="which differ in case or ending only"):
        do_import("mama-mia", root)


def test_what_systems_and_people_leave_there_is_no_case(tmp_path: Path, do_import) -> None:
    root = write_set(tmp_path / "set")
    for place in ("images", "images/DUKE_001", "segmentations/expert"):
        for name in (".DS_Store", "._DUKE_001_0001.nii.gz", "readme.txt", "DUKE_001.json", "DUKE_001_0001.json"):
            (root / place / name).write_text("left here")
    (root / "images" / ".cache").mkdir()
    done = do_import("mama-mia", root)
    assert done.record.to_json()["counts"] == {"found": 5, "used": 4, "left_out": 1}
    assert list(done.record.by_reason()) == ["its images are not here"]


@pytest.mark.parametrize("closed", ["images", "expert"])
def test_a_folder_of_all_that_may_not_be_opened_is_one_sentence(tmp_path: Path, do_import, close, closed) -> None:
    root = write_set(tmp_path / "set")
    close(closed)
    with pytest.raises(CohortError, match=rf"{closed} cannot be opened \(Permission denied\): check its name and"):
        do_import("mama-mia", root)
    assert not (tmp_path / "out").exists()


def test_a_patient_whose_folder_may_not_be_opened_is_left_out(tmp_path: Path, do_import, close) -> None:
    root = write_set(tmp_path / "set")
    close("DUKE_001")
    done = do_import("mama-mia", root)
    (left,) = done.record.by_reason()["a file or folder of it cannot be opened"]
    assert left.case == "mama-mia-DUKE_001"


def test_a_missing_table_and_an_unknown_segmentation_are_one_sentence(tmp_path: Path, do_import) -> None:
    root = write_set(tmp_path / "set")
    with pytest.raises(CohortError, match="MAMA-MIA has expert and automatic segmentations"):
        do_import("mama-mia", root, mask="best")
    (root / "clinical_and_imaging_info.xlsx").unlink()
    with pytest.raises(CohortError, match=r"holds no clinical_and_imaging_info.xlsx: download it too"):
        do_import("mama-mia", root)


def test_licence_citation_and_meaning_stand_beside_the_table(tmp_path: Path, do_import) -> None:
    do_import("mama-mia", write_set(tmp_path / "set"))
    record = json.loads((tmp_path / "out" / "cohort.source.json").read_text())
    assert "CC BY-NC 4.0" in record["licence"]
    assert {label["column"] for label in record["labels"]} == {"er", "pr", "hr", "her2"}
    assert [len(table["sha256"]) for table in record["tables"]] == [64, 64]
