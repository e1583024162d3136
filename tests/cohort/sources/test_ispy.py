"""I-SPY 1 and I-SPY 2 as TCIA delivers them: visits, HR as an event, the inverse bit mask, tissue that is no tumour."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from tests.cohort.sources.conftest import SHAPE, phantom, write_dynamic, write_seg, write_ucsf_seg, write_workbook

from onephase.cohort.table import read_cohort
from onephase.errors import CohortError
from onephase.readers.case import read_case

SHEET = "TCIA Patient Clinical Subset"
ISPY1 = ("SUBJECTID", "age", "ERpos", "PgRpos", "HR Pos", "Her2MostPos", "BilateralCa", "MRI LD Baseline")
ISPY2 = ("Patient_ID", "Arm", "HR", "HER2", "MP", "pCR", "Age_at_Screening")
VIEW = "ISPY2: VOLSER: uni-lateral cropped: "
T0 = {"StudyDescription": "ISPY2_MRI_T0", "StudyDate": "20110101"}


def write_trial(root: Path, *, bits=None, patients=("ISPY2-100899", "ACRIN-6698-102212")) -> None:
    """Write both names of patients, a later visit, maps, and the analysis mask: 0 is the tumour, other bits are not."""
    if bits is None:
        bits = np.where(phantom()[1] > 0, 0, 32 + 2) / 255
    for patient in patients:
        study = root / "ISPY2" / patient / "01-01-2011-NA-MRI"
        made = write_dynamic(study / "dce", phases=4, SeriesDescription=f"{VIEW}original DCE", **T0)
        write_dynamic(study / "ser", phases=1, SeriesDescription=f"{VIEW}SER", **T0)
        write_seg(
            study / "mask" / "1-1.dcm", made, bits, label="VOLSER", SeriesDescription=f"{VIEW}Analysis Mask", **T0
        )
        later = {"StudyDescription": "ISPY2_MRI_T2", "StudyDate": "20110601"}
        write_dynamic(
            root / "ISPY2" / patient / "later" / "dce", phases=1, SeriesDescription=f"{VIEW}original DCE", **later
        )


@pytest.fixture
def write_ispy2(copied):
    def write(root: Path, *, bits=None) -> Path:
        if bits is None:
            copied("ispy2", write_trial, root)
        else:
            write_trial(root, bits=bits, patients=("ISPY2-100899",))
        rows = [(100899, "x", 1, 0, 1, 0, 39), (102212, "x", 0, 1, 1, 0, 41), (756412, "x", 0, 0, 0, 0, 50)]
        write_workbook(root / "ISPY2-Imaging-Cohort-1-Clinical-Data.xlsx", {"Sheet1": [ISPY2, *rows]})
        return root

    return write


def test_the_inverse_bit_mask_is_turned_round_and_lies_on_the_image(tmp_path: Path, do_import, write_ispy2) -> None:
    done = do_import("ispy2", write_ispy2(tmp_path / "set"))
    assert not done.check.errors
    for record in read_cohort(tmp_path / "out" / "cohort.csv").records:
        case = read_case(record.image, case_id=record.case_id, mask=record.mask, phase=record.phase)
        np.testing.assert_array_equal(case.roi.array, phantom()[1] > 0)
        assert case.phase.startswith("phase 2 of 4")
    assert done.record.to_json()["counts"] == {"found": 3, "used": 2, "left_out": 1}


def test_hr_is_an_event_and_both_names_are_one_trial(tmp_path: Path, do_import, write_ispy2) -> None:
    do_import("ispy2", write_ispy2(tmp_path / "set"))
    first, second = read_cohort(tmp_path / "out" / "cohort.csv").records
    assert first.texts == {"er": "", "pr": "", "her2": "negative", "hr": "positive", "ki67": ""}
    assert first.events.status("er").tolist() == [-1]
    assert first.events.status("hr").tolist() == [1]
    assert (second.patient_id, second.identity) == ("ISPY2-102212", "ispy2 102212")


def test_a_second_run_opens_no_series_and_writes_no_mask(tmp_path: Path, imports_again, write_ispy2) -> None:
    imports_again("ispy2", write_ispy2(tmp_path / "set"), without="ispy2.open_dicom")


def test_a_mask_that_is_not_inverse_is_refused(tmp_path: Path, do_import, write_ispy2) -> None:
    with pytest.raises(CohortError, match="most of its analysis mask is 0, so 0 cannot be the tumour"):
        do_import("ispy2", write_ispy2(tmp_path / "set", bits=np.where(phantom()[1] > 0, 1.0, 0.0)))
    with pytest.raises(CohortError, match="its analysis mask holds no tumour"):
        do_import("ispy2", write_ispy2(tmp_path / "other", bits=np.full(SHAPE, 0.5)))


def test_a_partial_download_without_the_first_visit_is_left_out(tmp_path: Path, do_import, write_ispy2) -> None:
    root = write_ispy2(tmp_path / "set")
    for path in (root / "ISPY2" / "ISPY2-100899" / "01-01-2011-NA-MRI").rglob("*.dcm"):
        path.unlink()
    done = do_import("ispy2", root)
    (left,) = done.record.by_reason()["only visits after the first are here"]
    assert (left.case, left.detail) == ("ispy2-100899", "T2")


def test_two_analysis_masks_of_one_view_are_not_told_apart(tmp_path: Path, do_import, write_ispy2) -> None:
    root = write_ispy2(tmp_path / "set")
    study = root / "ISPY2" / "ISPY2-100899" / "01-01-2011-NA-MRI"
    shutil.copytree(study / "mask", study / "another")
    (left,) = do_import("ispy2", root).record.by_reason()["several could be its analysis mask"]
    assert left.case == "ispy2-100899"


def test_a_segmentation_of_another_kind_is_no_analysis_mask(tmp_path: Path, do_import, write_ispy2) -> None:
    root = write_ispy2(tmp_path / "set")
    study = root / "ISPY2" / "ISPY2-100899" / "01-01-2011-NA-MRI"
    for folder, description in (("dce", "original DCE"), ("mask", "")):
        for path in (study / folder).iterdir():
            header = dcmread(path)
            header.SeriesDescription = description
            header.save_as(path)
    (left,) = do_import("ispy2", root).record.by_reason()["its analysis mask is not here"]
    assert left.case == "ispy2-100899"


def test_a_download_of_some_phases_only_is_left_out(tmp_path: Path, do_import, write_ispy2) -> None:
    root = write_ispy2(tmp_path / "set")
    files = sorted((root / "ISPY2" / "ISPY2-100899" / "01-01-2011-NA-MRI" / "dce").iterdir())
    for path in files:
        if int(dcmread(path).InstanceNumber) > SHAPE[0]:
            path.unlink()
    (reason,) = do_import("ispy2", root).record.by_reason().keys() - {"its images are not here"}
    assert "holds fewer than 3 phases here" in reason


def write_ispy1(root: Path, *, tumour: bool = False) -> Path:
    rows = [(1001, 50, 1, 1, 1, 0, 0, 34), (1002, 41, 0, 0, 0, 1, 0, 50), (1003, 38, 1, "", 0, 0, 0, 20)]
    book = "I-SPY 1 All Patient Clinical and Outcome Data.xlsx"
    write_workbook(root / book, {"About": [("x",)], SHEET: [ISPY1, *rows]})
    visit = {"ClinicalTrialTimePointID": "T0", "StudyDate": "19850101"}
    for number in (1001, 1002):
        study = root / f"ISPY1_{number}" / "1.3"
        made = write_dynamic(study / "dce", SeriesDescription="Dynamic-3dfgre", **visit)
        write_dynamic(study / "ser", phases=1, SeriesDescription="Dynamic-3dfgre: SER", **visit)
        write_ucsf_seg(study / "seg" / "1-1.dcm", made, **visit)
        if tumour:
            write_seg(study / "ftv" / "1-1.dcm", made, phantom()[1] > 0, label="tumor", kind="BINARY", **visit)
    return root


def test_without_a_tumour_seg_the_voi_is_a_loose_box(tmp_path: Path, do_import) -> None:
    done = do_import("ispy1", write_ispy1(tmp_path / "set"))
    assert not done.check.errors
    assert [lesion.box.bounds for lesion in done.record.found.lesions] == [((1, 3), (2, 6), (5, 9))] * 2
    assert done.record.found.notes[0].startswith("2 of 2 tumours are given by the volume of interest")
    assert done.record.found.lesions[0].labels == {"er": "positive", "pr": "positive", "her2": "negative", "hr": ""}
    assert "HR contradicts ER and PR" in done.record.by_reason()


@pytest.mark.parametrize("tumour", [False, True])
def test_a_second_run_of_ispy1_opens_no_file(tmp_path: Path, imports_again, *, tumour: bool) -> None:
    imports_again("ispy1", write_ispy1(tmp_path / "set", tumour=tumour), without="ucsf_study.series_in")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda content: content[:-40], "DICOM without pixels"),
        (lambda content: content.replace(b"\x28\x00\x10\x00US", b"\x28\x00\x10\x00Us"), "damaged or truncated"),
    ],
)
def test_a_damaged_segmentation_is_no_missing_one(
    tmp_path: Path, do_import, damage: Callable[[bytes], bytes], said: str
) -> None:
    root = write_ispy1(tmp_path / "set", tumour=True)
    path = root / "ISPY1_1001" / "1.3" / "ftv" / "1-1.dcm"
    path.write_bytes(damage(path.read_bytes()))
    done = do_import("ispy1", root)
    (lesion,) = done.record.found.lesions
    assert lesion.case_id == "ispy1-1002"
    assert any(said in f"{one.reason} {one.detail}" for one in done.record.found.left_out)


def test_a_seg_of_the_tumour_comes_first_and_tissue_never_counts(tmp_path: Path, do_import) -> None:
    done = do_import("ispy1", write_ispy1(tmp_path / "set", tumour=True))
    assert [(lesion.mask.parent.name, lesion.box) for lesion in done.record.found.lesions] == [("ftv", None)] * 2
