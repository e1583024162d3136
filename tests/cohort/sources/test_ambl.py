"""A tiny AMBL: header in row 1, -1 missing, several lesions, names with two blanks, and Ki-67 that must be per cent."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from tests.cohort.sources.conftest import phantom, write_dynamic, write_seg, write_workbook

from onephase.cohort.table import read_cohort
from onephase.errors import CohortError
from onephase.readers.case import read_case

FIRST = (
    "tumor/benign1",
    "GRADE1",
    "ER [SII] 1",
    "PR [SII] 1",
    "HER2 [SII] 1",
    "isTN1",
    "ER [%] 1",
    "PR [%] 1",
    "HER2 [%] 1",
    "",
    "KI67[%] 1",
)
SECOND = (
    "tumor/benign2",
    "GRADE2",
    "ER [SII] 2",
    "PR [SII] 2",
    "HER2 [SII] 2",
    "isTN2",
    "ER [%] 2",
    "PR  [%] 2",
    "HER  [%] 2",
    "",
    "KI67[%] 2",
)
THIRD = (
    "tumor/benign3",
    "GRADE3",
    "ER [SII] 3",
    "PR [SII] 3",
    "HER [SII] 3",
    "isTN3",
    "ER [%] 3",
    "PR  [%] 3",
    "HER  [%] 3",
    "",
    "KI67[%] 3",
)
HEADER = ("Patient ID#", *FIRST, *SECOND, *THIRD, "tumor/benign4")
NOTHING = (-1,) * 11
ROWS = (
    ("AMBL-001", 1, 2, 3, 2, 1, 0, 90, 5, 10, "", 18, *NOTHING, *NOTHING, -1),
    ("AMBL-002", 1, 3, 0, 0, 2, 1, 0, 0, 0, "", 70, *NOTHING, *NOTHING, -1),
    ("AMBL-003", 1, 3, 0, 0, 3, 0, 0, 0, 0, "", -1, 0, -1, -1, -1, -1, -1, -1, -1, -1, "", -1, *NOTHING, -1),
    ("AMBL-004", 0, -1, -1, -1, -1, -1, -1, -1, -1, "", -1, *NOTHING, *NOTHING, -1),
    ("AMBL-005", 1, 2, 3, 2, 0, 1, 80, 5, 10, "", 25, *NOTHING, *NOTHING, -1),
    ("AMBL-006", 1, 2, 3, 2, 0, 0, 80, 40, 10, "", 25, *NOTHING, *NOTHING, -1),
    ("AMBL-007", 1, 2, 3, 2, -1, 0, 80, 5, 10, "", "10 to 20", *NOTHING, *NOTHING, -1),
)  # fmt: skip


PATIENTS = ("001", "002", "007")


def write_images(root: Path, *, phases: int = 5, patients=PATIENTS) -> None:
    for number in patients:
        study = root / f"AMBL-{number}" / "01-01-2018-NA-MRI"
        made = write_dynamic(study / "2", phases=phases, SeriesDescription="AX Sen Vibrant MultiPhase")
        write_seg(study / "4" / "1-1.dcm", made, phantom()[1] > 0, label="ROI", kind="BINARY", SeriesDescription="ROI")
    write_dynamic(study / "1", phases=1, SeriesDescription="AX Sen Vibrant MASK")
    write_dynamic(study / "3", phases=1, SeriesDescription="Registered AX Sen Vibrant MultiPhase")


@pytest.fixture
def write_set(copied):
    def write(root: Path, rows=ROWS, *, header=HEADER) -> Path:
        copied("ambl", write_images, root)
        sheets = {"MRI BREASTS with Delay": [("group", *[""] * 34), header, *rows]}
        write_workbook(root / "Advanced-MRI-Breast-Lesions-DA-Clinical-Sep2024.xlsx", sheets)
        write_workbook(root / "Advanced-MRI-Breast-Lesions-DA-Clinical-Sep2024 LEGENDA.xlsx", {"x": [("a",)]})
        return root

    return write


def test_a_second_run_opens_no_series_and_writes_no_mask(tmp_path: Path, imports_again, write_set) -> None:
    imports_again("ambl", write_set(tmp_path / "set"), without="ambl.open_dicom")


def test_a_mask_that_was_made_on_a_part_of_the_series_is_not_kept(tmp_path: Path, do_import, write_set) -> None:
    """The last slice of every phase came with a later download: the grid is another, and so is the mask."""
    root = write_set(tmp_path / "set")
    series = root / "AMBL-001" / "01-01-2018-NA-MRI" / "2"
    end = min(float(dcmread(path).ImagePositionPatient[0]) for path in series.iterdir())
    late = [path for path in series.iterdir() if float(dcmread(path).ImagePositionPatient[0]) == end]
    aside = tmp_path / "aside"
    aside.mkdir()
    for path in late:
        shutil.move(path, aside)
    do_import("ambl", root)
    for path in aside.iterdir():
        shutil.move(path, series)
    do_import("ambl", root)
    first = read_cohort(tmp_path / "out" / "cohort.csv").records[0]
    case = read_case(first.image, case_id="x", mask=first.mask, phase=first.phase)
    np.testing.assert_array_equal(case.roi.array, phantom()[1] > 0)


def test_ki67_in_per_cent_and_the_first_fifth_of_multiphase(tmp_path: Path, do_import, write_set) -> None:
    done = do_import("ambl", write_set(tmp_path / "set"))
    assert not done.check.errors
    first, second, third = read_cohort(tmp_path / "out" / "cohort.csv").records
    assert first.texts == {"er": "90%", "pr": "5%", "her2": "1+", "hr": "", "ki67": "18%"}
    assert first.events.ki67.tolist() == [[0.18, 0.19]]
    assert second.texts["her2"] == "2+"  # open, and so no contradiction to isTN
    assert third.texts["ki67"] == "10-20%"
    case = read_case(first.image, case_id="x", mask=first.mask, phase=first.phase)
    assert case.phase.startswith("phase 1 of 5")
    np.testing.assert_array_equal(case.roi.array, phantom()[1] > 0)


def test_every_lesion_is_accounted_for(tmp_path: Path, do_import, write_set) -> None:
    done = do_import("ambl", write_set(tmp_path / "set"))
    assert {reason: [one.case for one in those] for reason, those in done.record.by_reason().items()} == {
        "the lesion is benign": ["ambl-AMBL-003-2", "ambl-AMBL-004-1"],
        "the patient has several lesions, and no outline says which of them it shows": ["ambl-AMBL-003-1"],
        "isTN contradicts ER, PR and HER2": ["ambl-AMBL-005-1"],
        "its images are not here": ["ambl-AMBL-006-1"],
    }
    assert done.record.to_json()["counts"] == {"found": 8, "used": 3, "left_out": 5}


def coded(*entries) -> tuple:
    """Return the rows with other entries of KI67[%] 1."""
    return tuple((*row[:11], entry, *row[12:]) for row, entry in zip(ROWS, entries, strict=False))


def test_ki67_that_could_be_a_code_stops_the_import(tmp_path: Path, do_import, write_set) -> None:
    root = write_set(tmp_path / "set", coded(1, 3, -1, -1, 2, 2, 1))
    with pytest.raises(CohortError, match=r"the column KI67\[%\] holds nothing above 3, so that it could be a code"):
        do_import("ambl", root)
    assert not (tmp_path / "out" / "cohort.csv").exists()
    do_import("ambl", root, ki67="none")
    assert {record.texts["ki67"] for record in read_cohort(tmp_path / "out" / "cohort.csv").records} == {""}


def scored(*entries) -> tuple:
    """Return the rows with other entries of HER2 [SII] 1."""
    return tuple((*row[:5], entry, *row[6:]) for row, entry in zip(ROWS, entries, strict=True))


@pytest.mark.parametrize(
    ("said", "her2"),
    [("ihc", {"1+", "0+"}), ("status", {"positive", "negative"}), ("none", set())],
)
def test_her2_of_0_and_1_only_could_be_a_status_and_stops_the_import(
    tmp_path: Path, do_import, write_set, said: str, her2
) -> None:
    root = write_set(tmp_path / "set", scored(1, 0, 0, -1, 1, 0, -1))
    with pytest.raises(CohortError, match=r"the column HER2 \[SII\] holds no 2 or 3, so that 1 could mean"):
        do_import("ambl", root)
    assert not list(tmp_path.glob("out/*"))
    done = do_import("ambl", root, her2=said)
    assert {lesion.labels["her2"] for lesion in done.record.found.lesions} - {""} == her2


def test_a_score_that_is_no_status_and_a_wrong_answer_are_one_sentence(tmp_path: Path, do_import, write_set) -> None:
    root = write_set(tmp_path / "set")
    with pytest.raises(CohortError, match=r"column HER2 \[SII\]: expected 1, 0 or nothing, got '[23]'"):
        do_import("ambl", root, her2="status")
    with pytest.raises(CohortError, match="--map her2=fish: expected ihc, status, none"):
        do_import("ambl", root, her2="fish")


def test_words_are_left_out_and_counted_once_the_user_has_looked_it_up(tmp_path: Path, do_import, write_set) -> None:
    root = write_set(tmp_path / "set", coded("low", 70, -1, -1, 25, 25, 20))
    with pytest.raises(CohortError, match="holds 'low', which is no number"):
        do_import("ambl", root)
    done = do_import("ambl", root, ki67="percent")
    assert done.record.found.notes[1] == "of KI67[%], 4 entries were read and 1 were not"


def test_a_series_of_other_phases_is_left_out(tmp_path: Path, do_import, write_set) -> None:
    with pytest.raises(CohortError, match="'AX Sen Vibrant MultiPhase' does not hold 5 phases"):
        root = write_set(tmp_path / "set")
        for number in PATIENTS:
            shutil.rmtree(root / f"AMBL-{number}")
        write_images(root, phases=4, patients=PATIENTS[:1])
        do_import("ambl", root)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (("Who", *HEADER[1:]), "has no column named 'Patient ID'"),
        (tuple("KI67 1" if name == "KI67[%] 1" else name for name in HEADER), "has no column named 'KI67[%] 1'"),
    ],
)
def test_another_workbook_than_the_published_one_is_refused(
    tmp_path: Path, do_import, write_set, header, message: str
) -> None:
    with pytest.raises(CohortError) as fault:
        do_import("ambl", write_set(tmp_path / "set", header=header))
    assert message in str(fault.value)


def test_irregular_names_of_further_lesions_lose_none(tmp_path: Path, do_import, write_set) -> None:
    """One blank more, and the patient with two lesions would have passed for one with one."""
    header = tuple("tumor / benign 2" if name == "tumor/benign2" else name for name in HEADER)
    done = do_import("ambl", write_set(tmp_path / "set", header=header))
    as_published = do_import("ambl", tmp_path / "set")
    assert done.record.to_json()["counts"] == as_published.record.to_json()["counts"]
    assert len(done.record.found.names) > len(ROWS)


@pytest.mark.parametrize("name", ["tumor/benign_two", "tumor/benign 1"])
def test_a_column_that_counts_lesions_in_another_way_is_refused(tmp_path: Path, do_import, write_set, name) -> None:
    header = tuple(name if column == "tumor/benign2" else column for column in HEADER)
    with pytest.raises(CohortError, match=f"has a column '{name}', which is not as published: expected tumor/benign1"):
        do_import("ambl", write_set(tmp_path / "set", header=header))
