"""A tiny BreastDCEDL: volumes by index, masks without spacing in another order, tables that are wrong in places."""

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from tests.cohort.sources.conftest import SPACING_MM, phantom, write_csv, write_nifti

from onephase.cohort.table import read_cohort
from onephase.errors import CohortError
from onephase.readers.case import read_case

COMBINED = (
    *("pid", "pCR", "n_xy", "n_z", "n_times", "pre", "post_early", "post_late", "slice_thick", "xy_spacing", "age"),
    *("HR", "HER2", "dataset", "test"),
)
ROWS = (
    ("ISPY1_1001", 0, 12, 6, 3, 0, 1, 2, 2.0, 0.7, 50, 1, 0, "duke", 0),  # the real file says duke here
    ("ISPY2-100899", 0, 12, 6, 7, 0, 2, 5, 2.0, 0.7, 39, 0, 1, "spy2", 1),
    ("ACRIN-6698-102212", 1, 12, 6, 7, 0, 2, 6, 2.0, 0.7, 41, 1, 1, "spy2", 2),
    ("Breast_MRI_001", 0, 12, 6, 4, 0, 1, 3, 2.0, 0.7, 62, 1, 0, "duke", 0),
    ("ISPY2-200000", 0, 12, 6, 7, 0, 2, 5, 2.0, 0.7, 39, 0, 0, "spy2", 0),
)
DUKE = (
    ("pid", "ER", "PR", "HER2", "slice_thick", "sraw", "eraw", "scol", "ecol", "mask_start", "mask_end", "voxel_z"),
    ("Breast_MRI_001", 1, 0, 0, 2.0, 3, 6, 6, 9, 2, 3, 2.0),
)


def write_mask_as_published(path: Path, mask: np.ndarray) -> None:
    """Write a mask as the set has it: array (z, y, x), so read as columns = z; spacing 1."""
    path.parent.mkdir(parents=True, exist_ok=True)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(np.ascontiguousarray(mask.T)), str(path))


def write_set(root: Path, *, rows=ROWS, duke=DUKE, order=lambda mask: mask, spacing=SPACING_MM) -> Path:
    write_csv(root / "BreastDCEDL_metadata.csv", [COMBINED, *rows])
    write_csv(root / "BreastDCEDL_duke.csv", duke)
    for pid, visit, volumes in (
        ("ISPY1_1001", "spy1", "vis1_acq"),
        ("ISPY2-100899", "spy2", "vis1_dce_aqc_"),
        ("ACRIN-6698-102212", "spy2", "vis1_dce_aqc_"),
    ):
        for index in range(3):
            volume, mask = phantom(index, level=(1.0, 1.8, 2.2)[index])
            write_nifti(root / visit / f"{pid}_{visit}_{volumes}{index}.nii.gz", volume, spacing)
        write_mask_as_published(root / visit / f"{pid}_{visit}_vis1_mask.nii.gz", order(mask))
    for index in range(3):
        write_nifti(
            root / "duke" / f"Breast_MRI_001_duke_aqc_{index}.nii.gz",
            phantom(index, level=(1.0, 1.5, 1.6)[index])[0],
            spacing,
        )
    return root


def test_index_1_is_taken_and_never_post_early(tmp_path: Path, do_import) -> None:
    done = do_import("breastdcedl", write_set(tmp_path / "set"))
    assert not done.check.errors
    assert {lesion.image.name.split("_")[-1] for lesion in done.record.found.lesions} == {"1.nii.gz", "acq1.nii.gz"}
    assert done.record.to_json()["counts"] == {"found": 5, "used": 4, "left_out": 1}


def test_a_mask_without_spacing_is_repaired_on_the_grid_of_its_image(tmp_path: Path, do_import) -> None:
    do_import("breastdcedl", write_set(tmp_path / "set"))
    records = [record for record in read_cohort(tmp_path / "out" / "cohort.csv").records if record.mask]
    assert len(records) == 3
    for record in records:
        case = read_case(record.image, case_id=record.case_id, mask=record.mask)
        np.testing.assert_array_equal(case.roi.array, phantom()[1] > 0)
        assert case.volume.grid.spacing_mm == pytest.approx(SPACING_MM)


def test_the_box_of_duke_lies_on_the_tumour(tmp_path: Path, do_import) -> None:
    done = do_import("breastdcedl", write_set(tmp_path / "set"))
    (duke,) = (lesion for lesion in done.record.found.lesions if lesion.box)
    assert duke.box.bounds == ((1, 3), (2, 6), (5, 9))  # of 1-based, end included, as the phantom is
    assert duke.labels == {"er": "positive", "pr": "negative", "hr": "", "her2": "negative"}


def test_the_name_says_the_set_and_not_the_column(tmp_path: Path, do_import) -> None:
    done = do_import("breastdcedl", write_set(tmp_path / "set"))
    told = {lesion.patient_id: (lesion.site, lesion.convention, lesion.split) for lesion in done.record.found.lesions}
    assert told["ISPY1_1001"] == ("ISPY1", "ispy1", "train")
    assert told["ACRIN-6698-102212"] == ("ISPY2", "ispy2", "test")
    (ispy1,) = (lesion for lesion in done.record.found.lesions if lesion.patient_id == "ISPY1_1001")
    assert ispy1.labels == {"er": "", "pr": "", "hr": "positive", "her2": "negative"}  # an event, no ER and no PR


def test_a_second_run_writes_no_mask_again(tmp_path: Path, do_import) -> None:
    root = write_set(tmp_path / "set")
    do_import("breastdcedl", root)
    masks = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "masks").iterdir()}
    assert len(masks) == 3
    first = (tmp_path / "out" / "cohort.csv").read_bytes()
    do_import("breastdcedl", root)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "masks").iterdir()} == masks
    assert (tmp_path / "out" / "cohort.csv").read_bytes() == first


def test_masks_of_another_order_stop_the_import(tmp_path: Path, do_import) -> None:
    root = write_set(tmp_path / "set", order=lambda mask: mask[:, ::-1])
    sentence = r"masks of I-SPY 1 fit .* in 0 of 1 cases only, and better mirrored along the row"
    with pytest.raises(CohortError, match=sentence):
        do_import("breastdcedl", root)
    assert not (tmp_path / "out").exists()


def test_boxes_of_another_order_stop_the_import(tmp_path: Path, do_import) -> None:
    turned = (DUKE[0], ("Breast_MRI_001", 1, 0, 0, 2.0, 3, 6, 6, 9, 4, 5, 2.0))  # slices counted from the other end
    with pytest.raises(CohortError, match=r"boxes of Duke fit .* better mirrored along the slice"):
        do_import("breastdcedl", write_set(tmp_path / "set", duke=turned))


def test_boxes_that_count_from_0_stop_the_import(tmp_path: Path, do_import) -> None:
    zero = (DUKE[0], ("Breast_MRI_001", 1, 0, 0, 2.0, 0, 6, 6, 9, 2, 3, 2.0))
    with pytest.raises(CohortError, match="begins at 0: boxes do not count from 1 in this release"):
        do_import("breastdcedl", write_set(tmp_path / "set", duke=zero))


def test_a_spacing_that_the_table_does_not_confirm_is_left_out(tmp_path: Path, do_import) -> None:
    rows = (*ROWS[:2], (*ROWS[2][:8], 3.0, *ROWS[2][9:]), ROWS[3], ROWS[4])
    done = do_import("breastdcedl", write_set(tmp_path / "set", rows=rows))
    (left,) = done.record.by_reason()["the spacing in the header of the image is not that of the table"]
    assert (left.case, left.detail) == (
        "breastdcedl-ACRIN-6698-102212",
        "header 2 x 0.7 x 0.7 mm, table 3 x 0.7 x 0.7 mm",
    )


def test_voxel_z_comes_before_slice_thick_which_is_coded_in_duke(tmp_path: Path, do_import) -> None:
    rows = (*ROWS[:3], (*ROWS[3][:8], 9.0, *ROWS[3][9:]))
    duke = (DUKE[0], ("Breast_MRI_001", 1, 0, 0, 9.0, *DUKE[1][5:]))
    done = do_import("breastdcedl", write_set(tmp_path / "set", rows=rows, duke=duke))
    assert "Breast_MRI_001" in {lesion.patient_id for lesion in done.record.found.lesions}


def test_images_whose_header_lost_the_spacing_are_never_used(tmp_path: Path, do_import) -> None:
    with pytest.raises(CohortError, match=r"none can be used .*the spacing in the header of the image is not that"):
        do_import("breastdcedl", write_set(tmp_path / "set", spacing=(1.0, 1.0, 1.0)))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (
            ("ISPY1_1001", 0, 12, 6, 3, 1, 2, 2, 2.0, 0.7, 50, 1, 0, "duke", 0),
            "its pre-contrast volume is not said to be",
        ),
        (("ISPY1_1001", 0, 12, 6, 3, "", 1, 2, 2.0, 0.7, 50, 1, 0, "duke", 0), "its pre-contrast volume is not said"),
        (("ISPY1_1001", 0, 12, 6, 3, 0, 1, 2, "", "", 50, 1, 0, "duke", 0), "the table does not tell its spacing"),
    ],
)
def test_what_would_mislead_is_left_out(tmp_path: Path, do_import, row, reason: str) -> None:
    done = do_import("breastdcedl", write_set(tmp_path / "set", rows=(row, *ROWS[1:])))
    assert [one for one in done.record.by_reason() if one.startswith(reason)]


def test_a_release_without_the_column_pre_is_refused(tmp_path: Path, do_import) -> None:
    root = write_set(tmp_path / "set")
    table = root / "BreastDCEDL_metadata.csv"
    table.write_text(table.read_text().replace(",pre,", ",before,"))
    with pytest.raises(CohortError, match=r"none can be used .*its pre-contrast volume is not said to be index 0"):
        do_import("breastdcedl", root)


@pytest.mark.parametrize("name", ["vis1_dce_aqc_1.nii", "vis1_mask.nii", "dce_aqc_01.nii.gz"])
def test_a_volume_or_mask_that_is_here_twice_is_left_out(tmp_path: Path, do_import, name: str) -> None:
    root = write_set(tmp_path / "set")
    write_nifti(root / "again" / f"ISPY1_1001_spy1_{name}", phantom()[0])
    done = do_import("breastdcedl", root)
    (left,) = done.record.by_reason()["one of its volumes, or its mask, is here twice"]
    assert left.case == "breastdcedl-ISPY1_1001"
    assert left.detail.startswith("ISPY1_1001_spy1_")


def test_files_that_a_mac_leaves_there_are_no_patients(tmp_path: Path, do_import) -> None:
    root = write_set(tmp_path / "set")
    (root / "spy1" / "._ISPY1_1001_spy1_vis1_mask.nii.gz").write_bytes(b"attributes")
    assert do_import("breastdcedl", root).record.to_json()["counts"]["found"] == 5


def test_tables_that_disagree_stop_the_import(tmp_path: Path, do_import) -> None:
    duke = (DUKE[0], ("Breast_MRI_001", 1, 0, 1, 2.0, *DUKE[1][5:]))
    with pytest.raises(CohortError, match="column HER2: expected 1, 0, NA, nan or nothing, got "):
        do_import("breastdcedl", write_set(tmp_path / "set", duke=duke))


def test_without_tables_nothing_is_imported(tmp_path: Path, do_import) -> None:
    root = write_set(tmp_path / "set")
    for path in root.glob("*.csv"):
        path.unlink()
    with pytest.raises(CohortError, match="holds no CSV with a column pid"):
        do_import("breastdcedl", root)


def test_the_record_says_what_was_looked_at(tmp_path: Path, do_import) -> None:
    do_import("breastdcedl", write_set(tmp_path / "set"))
    notes = json.loads((tmp_path / "out" / "cohort.source.json").read_text())["notes"]
    looked_at = ("masks of I-SPY 1", 1), ("masks of I-SPY 2", 2), ("boxes of Duke", 1)
    assert notes[:3] == [
        f"{what} fit their images in the documented order in {of} of {of} cases looked at" for what, of in looked_at
    ]


def test_masks_of_one_set_in_another_order_stop_the_import(tmp_path: Path, do_import) -> None:
    """Those of the others, which come first by name, fit."""
    root = write_set(tmp_path / "set")
    for pid in ("ISPY2-100899", "ACRIN-6698-102212"):
        mask = np.ascontiguousarray(phantom(2)[1][:, ::-1])
        write_mask_as_published(root / "spy2" / f"{pid}_spy2_vis1_mask.nii.gz", mask)
    with pytest.raises(CohortError, match=r"masks of I-SPY 2 fit .* in 0 of 2 cases only"):
        do_import("breastdcedl", root)


def test_the_box_of_a_mask_that_is_not_here_is_not_read_as_dukes(tmp_path: Path, do_import) -> None:
    """The published table gives every patient a box, that of I-SPY counted from 0."""
    boxes = ("ISPY1_1001", "", "", 0, 2.0, 0, 6, 6, 9, 0, 3, 2.0), DUKE[1]
    root = write_set(tmp_path / "set", duke=(DUKE[0], *boxes))
    (root / "spy1" / "ISPY1_1001_spy1_vis1_mask.nii.gz").unlink()
    done = do_import("breastdcedl", root)
    assert [one.case for one in done.record.by_reason()["its mask is not here"]] == ["breastdcedl-ISPY1_1001"]


@pytest.mark.parametrize("bounds", [(6, 3), ("nan", 6), (3, "inf")])
def test_a_box_that_is_none_leaves_its_case_out(tmp_path: Path, do_import, bounds) -> None:
    row = ("Breast_MRI_001", 1, 0, 0, 2.0, *bounds, 6, 9, 2, 3, 2.0)
    done = do_import("breastdcedl", write_set(tmp_path / "set", duke=(DUKE[0], row)))
    (left,) = done.record.by_reason()["its box in the table is inverted, or no numbers"]
    assert left.case == "breastdcedl-Breast_MRI_001"


def test_boxes_that_differ_between_tables_are_said(tmp_path: Path, do_import) -> None:
    root = write_set(tmp_path / "set")
    cropped = ("pid", "sraw"), ("Breast_MRI_001", 100)
    write_csv(root / "BreastDCEDL_metadata_min_crop.csv", cropped)
    done = do_import("breastdcedl", root)
    (left,) = done.record.by_reason()["its box in the table is empty, or the tables here give it different ones"]
    assert "sraw 3 and 100" in left.detail or "sraw 100 and 3" in left.detail


@pytest.mark.parametrize("part", [3, "train"])
def test_a_part_of_the_split_that_is_not_known_is_left_out(tmp_path: Path, do_import, part) -> None:
    rows = ((*ROWS[0][:-1], part), *ROWS[1:])
    done = do_import("breastdcedl", write_set(tmp_path / "set", rows=rows))
    reason = "the table does not say clearly which part of the published split it is of"
    assert [(one.case, one.detail) for one in done.record.by_reason()[reason]] == [
        ("breastdcedl-ISPY1_1001", f"test {part}")
    ]


def test_masks_of_an_earlier_import_in_the_folder_are_no_files_of_the_set(tmp_path: Path, do_import) -> None:
    root = write_set(tmp_path / "set")
    first = do_import("breastdcedl", root, out="set/cohort.csv")
    assert list((root / "masks").iterdir())
    assert do_import("breastdcedl", root, out="set/cohort.csv").record.to_json() == first.record.to_json()


def test_files_of_other_names_are_counted(tmp_path: Path, do_import) -> None:
    root = write_set(tmp_path / "set")
    write_nifti(root / "spy1" / "ISPY1_1001_subtraction.nii.gz", phantom()[0])
    do_import("breastdcedl", root)
    notes = json.loads((tmp_path / "out" / "cohort.source.json").read_text())["notes"]
    assert "1 NIfTI files were passed over: their names are of no volume and no mask of this set" in notes
