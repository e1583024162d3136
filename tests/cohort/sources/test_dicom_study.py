"""A hospital's export: studies with a SEG or an RT structure set, and a table."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.cohort.sources.conftest import phantom, write_csv, write_dynamic, write_seg
from tests.readers.conftest import square, tumour_contours, write_structures

from onephase.cohort.table import read_cohort
from onephase.errors import CohortError
from onephase.readers.case import read_case

HEADER = ("accession", "patient", "ER", "HER2", "Ki67", "roi")
ROWS = (
    ("s1", "P1", "95%", "0+", "18", ""),
    ("s2", "P2", "<1%", "3+", "60", "GTV right"),
    ("s3", "P3", "80%", "0+", "12", ""),
    ("s4", "P4", "80%", "0+", "12", ""),
)
MAP = {
    "case_id": "accession", "patient_id": "patient", "image": "studies/{accession}", "er": "ER", "her2": "HER2",
    "ki67": "Ki67", "mask_label": "roi", "label_convention": "asco-cap-2020",
}  # fmt: skip


@pytest.fixture
def export(copied, tmp_path: Path) -> Path:
    return copied("export", write_export, tmp_path / "export")


def write_export(root: Path) -> None:
    write_csv(root / "patients.csv", [HEADER, *ROWS])
    made = write_dynamic(root / "studies" / "s1" / "dce")
    write_seg(root / "studies" / "s1" / "seg" / "1.dcm", made, phantom()[1] > 0, label="tumour", kind="BINARY")
    made = write_dynamic(root / "studies" / "s2" / "dce")
    structures = {"GTV right": tumour_contours(), "heart": [(0, square(0, 4))]}
    write_structures(root / "studies" / "s2" / "rt" / "1.dcm", made, structures)
    write_dynamic(root / "studies" / "s3" / "dce")


def test_seg_and_structure_set_become_masks_on_the_dynamic_series(export: Path, tmp_path: Path, do_import) -> None:
    done = do_import("dicom-study", export, **MAP)
    assert not done.check.errors
    for record in read_cohort(tmp_path / "out" / "cohort.csv").records:
        case = read_case(record.image, case_id=record.case_id, mask=record.mask)
        np.testing.assert_array_equal(case.roi.array, phantom()[1] > 0)
        assert case.phase.startswith("phase 2 of 3")
    assert {reason: len(cases) for reason, cases in done.record.by_reason().items()} == {
        "its outline (SEG or RTSTRUCT) is not here": 1,
        "the image is not here": 1,
    }


def test_a_second_run_opens_no_study(export: Path, imports_again) -> None:
    imports_again("dicom-study", export, without="dicom_study.open_dicom", **MAP)


def test_an_outline_of_something_else_is_left_out(export: Path, do_import) -> None:
    made = write_dynamic(export / "studies" / "s3" / "dce2", number=3)
    write_seg(export / "studies" / "s3" / "seg" / "1.dcm", made, phantom()[1] > 0, label="Breast", kind="BINARY")
    done = do_import("dicom-study", export, **MAP)
    (left,) = done.record.by_reason()["image or mask cannot be used"]
    assert left.case == "s3"


@pytest.mark.parametrize("name", ["000.dcm", "zzz.dcm"])
@pytest.mark.parametrize("study", ["s1", "s2"])
def test_a_flat_folder_holds_images_and_outline_under_any_names(
    export: Path, tmp_path: Path, do_import, study: str, name: str
) -> None:
    whole = export / "studies" / study
    (outline,) = (path for folder in ("seg", "rt") for path in (whole / folder).glob("*.dcm"))
    shutil.move(outline, whole / name)
    for path in sorted((whole / "dce").iterdir()):
        shutil.move(path, whole / path.name)
    do_import("dicom-study", export, **MAP)
    record = next(one for one in read_cohort(tmp_path / "out" / "cohort.csv").records if one.case_id == study)
    case = read_case(record.image, case_id=study, mask=record.mask)
    np.testing.assert_array_equal(case.roi.array, phantom()[1] > 0)


def test_two_outlines_of_one_series_are_not_told_apart(export: Path, do_import) -> None:
    shutil.copy(export / "studies" / "s1" / "seg" / "1.dcm", export / "studies" / "s1" / "seg" / "2.dcm")
    done = do_import("dicom-study", export, **MAP)
    (left,) = done.record.by_reason()["several could be its outline (SEG or RTSTRUCT)"]
    assert (left.case, left.detail) == ("s1", "series 100, series 100")


@pytest.mark.parametrize(("name", "used"), [("GTVp1_left", True), ("gtv", True), ("GTVn", False), ("GTV-N 2", False)])
def test_a_gross_tumour_volume_is_of_the_tumour_and_that_of_nodes_is_not(
    export: Path, tmp_path: Path, do_import, name: str, used: bool
) -> None:
    made = write_dynamic(export / "studies" / "s3" / "dce")
    write_structures(export / "studies" / "s3" / "rt" / "1.dcm", made, {name: tumour_contours()})
    done = do_import("dicom-study", export, **MAP)
    assert ("s3" in {lesion.case_id for lesion in done.record.found.lesions}) == used


def test_a_table_without_cases_says_what_to_map(export: Path, do_import) -> None:
    with pytest.raises(CohortError, match="has no column case_id"):
        do_import("dicom-study", export, image="studies/{accession}")


@pytest.mark.parametrize("column", ["accession", "patient"])
@pytest.mark.parametrize("name", ["../../../escaped", "{tmp}/escaped", "..", "a\\b", "x" * 101])
def test_a_name_that_leads_out_of_the_folder_is_refused_before_anything_is_written(
    export: Path, tmp_path: Path, do_import, name: str, column: str
) -> None:
    told = dict(zip(HEADER, ROWS[0], strict=True)) | {column: name.replace("{tmp}", str(tmp_path))}
    write_csv(export / "patients.csv", [(*HEADER, "folder"), (*told.values(), "studies/s1")])
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(CohortError) as fault:
        do_import("dicom-study", export, **MAP | {"image": "folder"})
    assert "expected at most 100 printable characters without slashes" in str(fault.value)
    assert column == "accession" or "escaped" not in str(fault.value)  # a patient's name is in no message
    assert sorted(tmp_path.rglob("*")) == before
