"""A tiny TCGA-BRCA: outlines in an undocumented format that must prove themselves, labels under several names."""

import struct
from pathlib import Path

import numpy as np
import pytest
from tests.cohort.sources.conftest import phantom, write_csv
from tests.readers.conftest import write_series

from onephase.cohort.sources.les_file import read_les
from onephase.cohort.sources.source import LeaveOut
from onephase.cohort.table import read_cohort
from onephase.errors import CohortError
from onephase.readers.case import read_case

BCR = ("bcr_patient_barcode", "er_status_by_ihc", "pr_status_by_ihc", "her2_status_by_ihc", "her2_fish_status")
CDE = ("CDE_ID:2003301", "CDE_ID:2957359", "CDE_ID:2957357", "CDE_ID:2957563", "CDE_ID:2854089")
ROWS = (
    ("TCGA-AO-A03M", "Positive", "Negative", "Equivocal", "Negative"),
    ("TCGA-AO-A0J9", "Negative", "[Not Evaluated]", "Positive", "[Not Available]"),
    ("TCGA-AO-A0JB", "Negative", "Negative", "Negative", ""),
)


def write_les(path: Path, *, flip: bool = False) -> None:
    """Write the phantom's tumour in its box: row, column and slice, first then last, then bytes fastest along rows."""
    mask = phantom()[1][::-1] if flip else phantom()[1]
    (s0, r0, c0), (s1, r1, c1) = np.argwhere(mask).min(axis=0), np.argwhere(mask).max(axis=0)
    box = mask[s0 : s1 + 1, r0 : r1 + 1, c0 : c1 + 1]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<6H", r0, c0, s0, r1, c1, s1) + box.transpose(0, 2, 1).tobytes())


def brighter(dataset, phase: int, place: int) -> None:
    """Raise the signal of the tumour after contrast."""
    if phase:
        pixels = np.frombuffer(dataset.PixelData, "<u2").reshape(dataset.Rows, dataset.Columns).copy()
        pixels[phantom()[1][place] > 0] *= 2
        dataset.PixelData = pixels.tobytes()


def write_set(root: Path, *, header=BCR, flip: bool = False, series: int = 4) -> Path:
    write_csv(root / "clinical_patient_brca.csv", [header, CDE, *ROWS])
    write_csv(root / "features.csv", [("Lesion Name", "K1"), ("TCGA-AO-A03M-1S4-1", 0.1)])
    for patient in ("TCGA-AO-A03M", "TCGA-AO-A0J9", "TCGA-AO-A0JX"):
        study = root / "TCGA-BRCA" / patient / "01-01-2001-NA-MR"
        write_series(study / "4", phases=3, shape=phantom()[0].shape, number=series, change=brighter)
        write_series(study / "5", phases=1, shape=phantom()[0].shape, number=5)
    for patient in ("TCGA-AO-A03M", "TCGA-AO-A0J9", "TCGA-AO-A0JB"):
        write_les(root / "TCGA_Segmented_Lesions_UofC" / f"{patient}-1S4-1.les", flip=flip)
    return root


def test_outlines_lie_on_the_tumour_and_labels_are_found_by_name(tmp_path: Path, do_import) -> None:
    done = do_import("tcga-brca", write_set(tmp_path / "set"))
    assert not done.check.errors
    first, second = read_cohort(tmp_path / "out" / "cohort.csv").records
    assert first.texts == {"er": "positive", "pr": "negative", "her2": "negative", "hr": "", "ki67": ""}  # by FISH
    assert second.texts == {"er": "negative", "pr": "", "her2": "positive", "hr": "", "ki67": ""}
    case = read_case(first.image, case_id="x", mask=first.mask)
    np.testing.assert_array_equal(case.roi.array, phantom()[1] > 0)
    assert case.phase.startswith("phase 2 of 3, first post-contrast because the signal")
    assert {reason: len(cases) for reason, cases in done.record.by_reason().items()} == {
        "it has no outline (.les) here": 1,
        "its images are not here": 1,
    }
    assert done.record.found.notes[0].startswith("outlines (.les) fit their images in the documented order in 2 of 2")


def test_outlines_that_lie_otherwise_stop_the_import(tmp_path: Path, do_import) -> None:
    with pytest.raises(CohortError, match=r"outlines \(\.les\) fit .* and better mirrored along the slice"):
        do_import("tcga-brca", write_set(tmp_path / "set", flip=True))


def test_a_series_that_the_name_does_not_number_is_left_out(tmp_path: Path, do_import) -> None:
    with pytest.raises(CohortError, match="the series that its outline names by number is not here"):
        do_import("tcga-brca", write_set(tmp_path / "set", series=7))


def test_unknown_names_of_labels_are_refused_and_may_be_mapped(tmp_path: Path, do_import) -> None:
    root = write_set(tmp_path / "set", header=("who", "ER", "PR", "HER2", "fish"))
    with pytest.raises(CohortError, match=r"holds 0 tables with columns for patient, ER, PR and HER2"):
        do_import("tcga-brca", root)
    done = do_import("tcga-brca", root, patient="who", er="ER", pr="PR", her2="HER2", fish="fish")
    assert len(done.record.found.lesions) == 2


def test_a_patient_of_several_rows_is_left_out_where_they_differ(tmp_path: Path, do_import) -> None:
    """Tables by sample have a row for each of them."""
    root = write_set(tmp_path / "set")
    other = ("TCGA-AO-A0J9", "Positive", "Negative", "Positive", "")
    write_csv(root / "clinical_patient_brca.csv", [BCR, CDE, *ROWS, ROWS[0], other])
    done = do_import("tcga-brca", root)
    reason = "the clinical table has several rows of the patient, and they differ in her receptors"
    assert [one.case for one in done.record.by_reason()[reason]] == ["tcga-TCGA-AO-A0J9-1S4-1"]
    assert [lesion.patient_id for lesion in done.record.found.lesions] == ["TCGA-AO-A03M"]


def test_the_table_of_an_earlier_import_is_no_clinical_table(tmp_path: Path, do_import) -> None:
    names = {"patient": "patient_id", "er": "er", "pr": "pr", "her2": "her2"}
    root = write_set(tmp_path / "set", header=(*names.values(), "fish"))
    first = do_import("tcga-brca", root, out="set/cohort.csv", **names)
    assert do_import("tcga-brca", root, out="set/cohort.csv", **names).record.to_json() == first.record.to_json()


@pytest.mark.parametrize("content", [b"", b"\1\0" * 3, struct.pack("<6H", 0, 0, 0, 1, 1, 1) + b"\1" * 9])
def test_a_file_of_another_length_is_no_outline(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.les"
    path.write_bytes(content)
    with pytest.raises(LeaveOut, match=r"the length of its \.les file is not what its numbers say"):
        read_les(path)


def test_an_empty_outline_and_one_beyond_the_series_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "x.les"
    path.write_bytes(struct.pack("<6H", 0, 0, 0, 1, 1, 1) + b"\0" * 8)
    with pytest.raises(LeaveOut, match="its outline is empty"):
        read_les(path)
    path.write_bytes(struct.pack("<6H", 0, 0, 0, 1, 1, 1) + b"\1" * 8)
    with pytest.raises(LeaveOut, match="reaches beyond the series"):
        read_les(path).on((2, 1, 2))


def test_outlines_of_other_names_are_counted_and_two_that_differ_are_left_out(tmp_path: Path, do_import) -> None:
    root = write_set(tmp_path / "set")
    outlines = root / "TCGA_Segmented_Lesions_UofC"
    write_les(outlines / "lesion.les")
    write_les(outlines / "copy" / "TCGA-AO-A03M-1S4-1.les")
    done = do_import("tcga-brca", root)
    assert len(done.record.found.lesions) == 2, "a copy of the same bytes is the same outline"
    assert done.record.found.notes[1].startswith("1 .les files were passed over")
    write_les(outlines / "copy" / "TCGA-AO-A03M-1S4-1.les", flip=True)
    done = do_import("tcga-brca", root)
    (left,) = done.record.by_reason()["its outline (.les) is here twice, and not the same"]
    assert left.case == "tcga-TCGA-AO-A03M-1S4-1"


def test_a_second_run_writes_no_mask_and_the_same_table(tmp_path: Path, imports_again) -> None:
    imports_again("tcga-brca", write_set(tmp_path / "set"), without="tcga_brca._mask")


def test_an_outline_that_may_not_be_opened_leaves_its_case_out(tmp_path: Path, do_import, close) -> None:
    root = write_set(tmp_path / "set")
    close("TCGA-AO-A03M-1S4-1.les")
    done = do_import("tcga-brca", root)
    (left,) = done.record.by_reason()["a file or folder of it cannot be opened"]
    assert left.case == "tcga-TCGA-AO-A03M-1S4-1"
    assert str(tmp_path) not in str(done.record.to_json()["left_out"])
