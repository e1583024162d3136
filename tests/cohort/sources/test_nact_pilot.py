"""The NACT pilot: multi-phase series, a private VOI as loose box, tissue that is no tumour; and the real case."""

from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from tests.cohort.sources.conftest import SHAPE, write_dynamic, write_ucsf_seg, write_workbook

from onephase.cohort.sources import ucsf_study
from onephase.cohort.sources.tcia import Series
from onephase.cohort.sources.ucsf_study import is_derived
from onephase.cohort.table import read_cohort
from onephase.errors import CohortError, StorageError
from onephase.readers.case import read_case

VISIT = {"ClinicalTrialTimePointID": "T1", "StudyDate": "19910808"}


def write_images(root: Path, *, patients=("01", "06"), **seg) -> None:
    for number in patients:
        patient = root / f"UCSF-BR-{number}" / "1.3.6.1"
        made = write_dynamic(patient / "dce", SeriesDescription="Sagittal-IR_3DFGRE", **VISIT)
        write_ucsf_seg(patient / "seg" / "1-1.dcm", made, **VISIT, **seg)


@pytest.fixture
def write_set(copied):
    def write(root: Path, *, labels: bool = True, **seg) -> Path:
        """Write two patients, or one whose segmentation differs as ``seg`` says."""
        if seg:
            write_images(root, patients=("06",), **seg)
        else:
            copied("nact", write_images, root)
        return write_labels(root) if labels else root

    return write


def write_labels(root: Path) -> Path:
    rows = [
        ("NACT_01", "NACT", 0, 0, 0, 0, ""),
        ("NACT_06", "NACT", 1, 1, 1, 0, ""),
        ("DUKE_001", "DUKE", 1, 1, 1, 1, ""),
    ]
    header = ("patient_id", "dataset", "hr", "er", "pr", "her2", "tcia_series_uid")
    write_workbook(root / "clinical_and_imaging_info.xlsx", {"dataset_info": [header, *rows]})
    return root


def test_the_voi_becomes_a_box_and_the_second_phase_is_first_post(tmp_path: Path, do_import, write_set) -> None:
    done = do_import("nact-pilot", write_set(tmp_path / "set"))
    assert not done.check.errors
    first, second = read_cohort(tmp_path / "out" / "cohort.csv").records
    assert first.box.bounds == ((1, 3), (2, 6), (5, 9))
    assert (first.phase, first.mask) == ("2", None)
    assert (second.patient_id, second.identity, second.texts["er"]) == ("UCSF-BR-06", "nact 6", "positive")
    case = read_case(second.image, case_id="x", box=second.box, phase=second.phase)
    assert case.phase == "phase 2 of 3, as asked for"


def test_a_second_run_opens_no_file_unless_one_has_changed(
    tmp_path: Path, do_import, imports_again, write_set, monkeypatch
) -> None:
    root = write_set(tmp_path / "set")
    imports_again("nact-pilot", root, without="ucsf_study.series_in")
    changed = root / "UCSF-BR-06" / "1.3.6.1" / "dce" / "late.dcm"
    changed.write_bytes(b"no DICOM")
    looked_at = []
    real = ucsf_study.series_in
    monkeypatch.setattr(ucsf_study, "series_in", lambda folders: looked_at.append(folders) or real(folders))
    do_import("nact-pilot", root)
    assert looked_at == [[root / "UCSF-BR-06"]], "who has another file, and nobody else"


def test_what_other_rules_have_found_is_not_taken(tmp_path: Path, do_import, write_set, monkeypatch) -> None:
    root = write_set(tmp_path / "set")
    do_import("nact-pilot", root)
    before = set((tmp_path / "out" / "findings").iterdir())
    monkeypatch.setattr(ucsf_study, "_rules", lambda: "others")
    do_import("nact-pilot", root)
    assert len(set((tmp_path / "out" / "findings").iterdir()) - before) == 2


def test_findings_that_cannot_be_kept_stop_the_import_and_blame_nobody(tmp_path: Path, do_import, write_set) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "findings").touch()
    with pytest.raises(StorageError, match="findings"):
        do_import("nact-pilot", write_set(tmp_path / "set"))


def test_what_was_kept_and_is_no_finding_is_said(tmp_path: Path, do_import, write_set) -> None:
    root = write_set(tmp_path / "set")
    do_import("nact-pilot", root)
    kept = min((tmp_path / "out" / "findings").iterdir())
    kept.write_text("{}")
    with pytest.raises(
        StorageError, match=r"nact-UCSF-BR-01-\w+\.json is not what an import keeps of a patient: remove it"
    ):
        do_import("nact-pilot", root)


def test_an_odd_series_beside_the_dynamic_one_costs_nobody(tmp_path: Path, do_import, write_set) -> None:
    """A scout of two slices that no volume can be made of."""
    root = write_set(tmp_path / "set")
    dynamic = next(path.parent for path in sorted(root.rglob("*.dcm")) if dcmread(path).Modality == "MR")
    scout = dynamic.parent / "scout"
    scout.mkdir()
    for place, path in enumerate(sorted(dynamic.glob("*.dcm"))[:2]):
        one = dcmread(path)
        one.SeriesInstanceUID, one.SeriesDescription = "1.2.3", "odd"
        one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{place}"
        one.ImageOrientationPatient = [1, 0, 0, 0, 1, 0] if place else [0, 1, 0, 0, 0, -1]
        one.save_as(scout / path.name)
    assert do_import("nact-pilot", root).record.to_json()["counts"] == {"found": 2, "used": 2, "left_out": 0}


def test_a_damaged_series_that_could_be_the_dynamic_one_is_said(
    tmp_path: Path, do_import, write_set, monkeypatch
) -> None:
    root = write_set(tmp_path / "set")
    monkeypatch.setattr("onephase.cohort.sources.ucsf_study.FEWEST_SLICES", 1)  # these series are tiny
    dynamic = root / "UCSF-BR-01" / "1.3.6.1" / "dce"
    (dynamic.parent / "repeat").mkdir()
    for place, path in enumerate(sorted(dynamic.glob("*.dcm"))):
        one = dcmread(path)
        one.SeriesInstanceUID = "1.2.3"
        one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{place}"
        one.save_as(dynamic.parent / "repeat" / path.name)
    sorted(dynamic.glob("*.dcm"))[2].unlink()
    done = do_import("nact-pilot", root)
    assert done.record.to_json()["counts"] == {"found": 2, "used": 1, "left_out": 1}
    assert list(done.record.by_reason()) == ["image or mask cannot be used"]


def test_one_patient_may_be_given_alone(tmp_path: Path, do_import, write_set) -> None:
    root = write_set(tmp_path / "set", labels=False)
    (lesion,) = do_import("nact-pilot", root / "UCSF-BR-06").record.found.lesions
    assert lesion.case_id == "nact-UCSF-BR-06"


def test_a_patient_given_as_the_folder_where_one_is_keeps_her_name(tmp_path: Path, do_import, write_set, monkeypatch):
    root = write_set(tmp_path / "set", labels=False)
    write_labels(root / "UCSF-BR-06")
    monkeypatch.chdir(root / "UCSF-BR-06")
    do_import("nact-pilot", Path())
    (record,) = read_cohort(tmp_path / "out" / "cohort.csv", labelled=False).records
    assert (record.case_id, record.patient_id) == ("nact-UCSF-BR-06", "UCSF-BR-06")


def test_a_table_of_mama_mia_without_a_receptor_is_one_sentence(tmp_path: Path, do_import, write_set) -> None:
    root = write_set(tmp_path / "set", labels=False)
    rows = [("patient_id", "hr", "er", "pr"), ("NACT_06", 1, 1, 1)]
    write_workbook(root / "clinical_and_imaging_info.xlsx", {"dataset_info": rows})
    with pytest.raises(CohortError, match="has no column named 'her2'"):
        do_import("nact-pilot", root)


def test_another_series_than_mama_mias_is_left_out(tmp_path: Path, do_import, write_set) -> None:
    root = write_set(tmp_path / "set")
    header = ("patient_id", "dataset", "hr", "er", "pr", "her2", "tcia_series_uid")
    rows = [("NACT_01", "NACT", 0, 0, 0, 0, ""), ("NACT_06", "NACT", 1, 1, 1, 0, "1.2.3")]
    write_workbook(root / "clinical_and_imaging_info.xlsx", {"dataset_info": [header, *rows]})
    (left,) = do_import("nact-pilot", root).record.by_reason()["MAMA-MIA's table names another series of this patient"]
    assert (left.case, left.detail) == ("nact-UCSF-BR-06", "1.2.3")


def test_a_voi_that_counts_slices_from_the_other_end_is_found_out(tmp_path: Path, do_import, write_set) -> None:
    tissue = np.zeros(SHAPE)
    tissue[3:5, 2:6, 5:9] = 1.0  # what slices 1 and 2 are when counted from the other end
    with pytest.raises(CohortError, match=r"none can be used \(1: its volume of interest does not enclose its own"):
        do_import("nact-pilot", write_set(tmp_path / "set", tissue=tissue))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"indices": (0, 2, 3)}, "its private attributes are not those of a pre, early and late phase"),
        ({"high": (8, 5, 5)}, None),
        ({"high": (8, 20, 2)}, "its volume of interest reaches beyond the series"),
    ],
)
def test_private_attributes_are_checked(tmp_path: Path, do_import, write_set, change, reason) -> None:
    root = write_set(tmp_path / "set", **change)
    if reason is None:
        assert len(do_import("nact-pilot", root).record.found.lesions) == 1
        return
    with pytest.raises(CohortError) as fault:
        do_import("nact-pilot", root)
    assert reason in str(fault.value)


def test_a_segmentation_without_a_voi_beside_one_that_has_it_costs_nobody(tmp_path: Path, do_import, write_set) -> None:
    root = write_set(tmp_path / "set")
    study = root / "UCSF-BR-06" / "1.3.6.1"
    bare = dcmread(study / "seg" / "1-1.dcm")
    bare.remove_private_tags()
    (study / "a").mkdir()
    bare.save_as(study / "a" / "1-1.dcm")
    done = do_import("nact-pilot", root)
    assert [lesion.case_id for lesion in done.record.found.lesions] == ["nact-UCSF-BR-01", "nact-UCSF-BR-06"]


def test_two_different_vois_are_not_told_apart(tmp_path: Path, do_import, write_set) -> None:
    root = write_set(tmp_path / "set")
    study = root / "UCSF-BR-06" / "1.3.6.1"
    other = dcmread(study / "seg" / "1-1.dcm")
    other.private_block(0x0117, "UCSF BIRP PRIVATE CREATOR 011710xx")[0xA2].value = [9, 6, 3]
    (study / "z").mkdir()
    other.save_as(study / "z" / "1-1.dcm")
    (left,) = do_import("nact-pilot", root).record.by_reason()["its segmentations carry different volumes of interest"]
    assert left.case == "nact-UCSF-BR-06"


def test_without_mama_mias_table_there_are_no_labels_and_the_check_says_so(
    tmp_path: Path, do_import, write_set
) -> None:
    done = do_import("nact-pilot", write_set(tmp_path / "set", labels=False))
    assert len(done.record.found.lesions) == 2
    assert ["all labels are missing" in error.problem for error in done.check.errors] == [True]
    assert "no labels: put MAMA-MIA's clinical_and_imaging_info.xlsx" in done.record.found.notes[2]


def test_later_visits_and_single_phases_are_left_out(tmp_path: Path, do_import, write_set) -> None:
    root = write_set(tmp_path / "set")
    write_dynamic(root / "UCSF-BR-02" / "1.3" / "dce", ClinicalTrialTimePointID="T3")
    write_dynamic(root / "UCSF-BR-03" / "1.3" / "dce", phases=1, **VISIT)
    write_dynamic(root / "UCSF-BR-04" / "1.3" / "dce", **VISIT)
    done = do_import("nact-pilot", root)
    assert {reason: len(cases) for reason, cases in done.record.by_reason().items()} == {
        "only visits after the first are here": 1,
        "the dynamic series, of three phases or more, is not here": 1,
        "no segmentation with a volume of interest is here": 1,
    }


@pytest.mark.parametrize(
    ("description", "derived"),
    [("Dynamic-3dfgre", False), ("Sagittal-IR_3DFGRE", False), ("Dynamic-3dfgre: SER", True), ("x: PE1", True)],
)
def test_maps_computed_from_the_series_are_no_phases(description: str, derived: bool) -> None:
    assert is_derived(Series(Path(), Path(), "", "", 0, "MR", description, "", "")) == derived


def test_the_real_case_of_the_nact_pilot(shared_data: Path, do_import, tmp_path: Path) -> None:
    done = do_import("nact-pilot", shared_data)
    (lesion,) = done.record.found.lesions
    assert lesion.box.bounds == ((9, 51), (72, 196), (40, 148))
    assert lesion.phase == "2"
    case = read_case(lesion.image, case_id="x", box=lesion.box, phase=lesion.phase)
    assert case.volume.grid.shape == (60, 256, 256)
    assert done.record.to_json()["counts"] == {"found": 1, "used": 1, "left_out": 0}
