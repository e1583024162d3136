"""A tiny Duke with its three header rows, odd names and codes, boxes from 1, and the faults of its path mapping."""

import csv
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from tests.cohort.sources.conftest import SHAPE, phantom, write_csv, write_workbook
from tests.readers.conftest import write_series

from onephase.cohort.table import read_cohort
from onephase.errors import CohortError
from onephase.readers.case import read_case

HEADER = (
    *("Patient ID", "Manufacturer", "Field Strength (Tesla)", "Slice Thickness ", "Flip Angle \n", "ER", "PR", "HER2"),
    *("Mol Subtype", "Shape", "Shape", "", "Nottingham grade", "Bilateral Information"),
)
GROUPS = ("Patient Information", "MRI Technical", *[""] * 12)
LEGEND = ("", "GE=0, MPTronic=1, Siemens=2", *[""] * 12)
ROWS = (
    ("Breast_MRI_001", 2, 1, 3, 10, 0, 0, 1, 2, 1, 2, "", "NA", 0),
    ("Breast_MRI_002", 0, 0, 3, 10, 1, 0, 0, 0, 1, 2, "", 2, 0),
    ("Breast_MRI_003", 0, 0, 3, 10, 1, 1, 2, "NA", 1, 2, "", 3, "NC"),
    ("Breast_MRI_004", 0, 0, 3, 10, 0, 0, 0, 3, 1, 2, "", 3, 0),
    ("", "", "", "", "", "", "", "", "", "", "", "", "", ""),
)
BOXES = ("Patient ID", "Start Row", "End Row", "Start Column", "End Column", "Start Slice", "End Slice")
# 1-based, ends included, of the phantom's tumour: slices 1-2, rows 2-5, columns 5-8 from 0.
RISING = (3, 6, 6, 9, 2, 3)
FALLING = (3, 6, 6, 9, SHAPE[0] - 2, SHAPE[0] - 1)
STUDY = "01-01-1990-NA-MRI BREAST BILATERAL WWO-97538"


def write_sequence(folder: Path, *, level: float, number: int, rising: bool, padding: int = 3) -> None:
    """Write a series whose files run along the reader's order, or against it."""
    made = write_series(folder, shape=SHAPE, number=number, seed=number)
    tumour = phantom()[1] > 0
    for place, file in enumerate(made.files[0]):
        dataset = dcmread(file)
        pixels = dataset.pixel_array.copy()
        pixels[tumour[place]] = (pixels[tumour[place]] * level).astype(np.uint16)
        dataset.PixelData = pixels.tobytes()
        count = place + 1 if rising else SHAPE[0] - place
        file.unlink()
        dataset.save_as(folder / f"1-{count:0{padding}d}.dcm")


def write_images(root: Path, *, layout: str) -> None:
    """Write patients 1 to 3, the third with files that run the other way; patient 4 has no images."""
    for number in (1, 2, 3):
        patient = root / "Duke-Breast-Cancer-MRI" / f"Breast_MRI_{number:03d}"
        for at, level in enumerate((1.0, 2.0, 1.5), start=1):
            study, series = names_of(number, at, layout=layout)
            padding = 2 if number == 2 else 3
            write_sequence(patient / study / series, level=level, number=at, rising=number != 3, padding=padding)


def names_of(number: int, at: int, *, layout: str) -> tuple[str, str]:
    """Return study and series of the sequence ``at`` as they are called on disk: without the description's slash."""
    if layout == "classic":
        return "1.3.6.1", f"1.3.6.1.{number}.{at}"
    return STUDY, f"{at}.000000-Ph{at}ax dyn-{number}000"


@pytest.fixture
def write_set(copied):
    def write(root: Path, *, layout: str = "classic", **tables) -> Path:
        copied(f"duke-{layout}", partial(write_images, layout=layout), root)
        return write_tables(root, **tables)

    return write


def write_tables(root: Path, *, rows=ROWS, boxes=None, workbook: bool = False) -> Path:
    write_workbook(
        root / "Clinical_and_Other_Features.xlsx",
        {"Data": [GROUPS, HEADER, LEGEND, *rows], "Legend": [("x",)], "Column Explanations": [("x",)]},
    )
    chosen = boxes or {number: RISING if number != 3 else FALLING for number in (1, 2, 3, 4)}
    write_workbook(
        root / "Annotation_Boxes.xlsx",
        {"Sheet": [BOXES, *((f"Breast_MRI_{number:03d}", *box) for number, box in chosen.items())]},
    )
    mapping = [("original_path_and_filename", "classic_path", "descriptive_path")]
    for number in (1, 2, 3):
        patient = f"Breast_MRI_{number:03d}"
        for at, sequence in enumerate(("pre", "post_1", "post_2"), start=1):
            study, series = names_of(number, at, layout="descriptive")
            classic = "/".join(["Duke-Breast-Cancer-MRI", patient, *names_of(number, at, layout="classic")])
            descriptive = f"Duke-Breast-Cancer-MRI/BreastMRI{number:03d}/{study}//{series.replace('ax', '/ax')}"
            mapping += [
                (f"DICOM_Images/{patient}/{sequence}/{patient}_{sequence}_{place}.dcm", *files)
                for place in range(1, SHAPE[0] + 1)
                for files in [(f"{classic}/1-{place:03d}.dcm", f"{descriptive}/1-{place:03d}.dcm")]
            ]
    name = root / "Breast-Cancer-MRI-filepath_filename-mapping"
    if workbook:
        write_workbook(name.with_suffix(".xlsx"), {"Sheet1": mapping})
    else:
        write_csv(name.with_suffix(".csv"), mapping)
    return root


@pytest.mark.parametrize("layout", ["classic", "descriptive"])
def test_boxes_lie_on_the_tumour_in_both_layouts_and_both_directions(
    tmp_path: Path, do_import, write_set, layout: str
) -> None:
    done = do_import("duke", write_set(tmp_path / "set", layout=layout))
    assert not done.check.errors
    for record in read_cohort(tmp_path / "out" / "cohort.csv").records:
        case = read_case(record.image, case_id=record.case_id, box=record.box)
        inside = np.zeros(SHAPE, bool)
        inside[tuple(slice(int(start), int(stop)) for start, stop in record.box.bounds)] = True
        np.testing.assert_array_equal(inside, phantom()[1] > 0)
        assert case.volume.array[inside].mean() > 1.8 * case.volume.array[~inside].mean()  # post_1 and no other
    assert done.record.to_json()["counts"] == {"found": 4, "used": 3, "left_out": 1}
    assert list(done.record.by_reason()) == ["its images are not here"]
    assert done.record.found.notes[0] == "boxes fit their images in the documented order in 3 of 3 cases looked at"


def test_codes_are_read_and_never_taken_for_units(tmp_path: Path, do_import, write_set) -> None:
    do_import("duke", write_set(tmp_path / "set"))
    first, second, third = read_cohort(tmp_path / "out" / "cohort.csv").records
    assert [first.texts[label] for label in ("er", "pr", "her2")] == ["negative", "negative", "positive"]
    assert [second.texts[label] for label in ("er", "pr", "her2")] == ["positive", "negative", "negative"]
    assert third.texts["her2"] == ""  # borderline
    assert first.covariates == {"manufacturer": "Siemens", "nottingham_grade": "", "bilateral": "0"}
    assert third.covariates["bilateral"] == ""
    assert first.label_convention == "duke-allred"
    assert "Allred" in (tmp_path / "out" / "cohort.source.md").read_text()


def test_a_second_run_reads_the_kept_part_of_the_mapping(tmp_path: Path, do_import, write_set, monkeypatch) -> None:
    root = write_set(tmp_path / "set", workbook=True)
    do_import("duke", root)
    first = (tmp_path / "out" / "cohort.csv").read_bytes()
    (kept,) = (tmp_path / "out").glob("duke-sequences-*.csv")
    with kept.open(encoding="utf-8") as stream:
        assert {row["sequence"] for row in csv.DictReader(stream)} == {"pre", "post_1"}
    monkeypatch.setattr("onephase.cohort.sources.duke_mapping._rows", None)
    do_import("duke", root)
    assert (tmp_path / "out" / "cohort.csv").read_bytes() == first


def test_boxes_that_count_slices_from_the_other_end_stop_the_import(tmp_path: Path, do_import, write_set) -> None:
    turned = {1: FALLING, 2: FALLING, 3: RISING}
    with pytest.raises(CohortError, match=r"boxes fit .* in 0 of 3 cases only, and better mirrored along the slice"):
        do_import("duke", write_set(tmp_path / "set", boxes=turned))


def test_shifted_columns_are_found_out_in_a_csv_that_writes_codes_with_a_point(
    tmp_path: Path, do_import, write_set
) -> None:
    root = write_set(tmp_path / "set")
    (root / "Clinical_and_Other_Features.xlsx").unlink()
    row = ("Breast_MRI_001", 2, 1, 3, 10, "1.0", "0.0", "1.0", "2.0", 1, 2, "", 1, 0)
    names = [" ".join(str(name).split()) for name in HEADER]
    write_csv(root / "Clinical_and_Other_Features.csv", [[""] * len(names), names, [""] * len(names), row])
    with pytest.raises(CohortError, match=r"Mol Subtype 2\.0 contradicts ER 1\.0, PR 0\.0 and HER2 1\.0"):
        do_import("duke", root)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            ("Breast_MRI_001", 2, 1, 3, 10, 1, 0, 1, 2, 1, 2, "", 1, 0),
            "Mol Subtype 2 contradicts ER 1, PR 0 and HER2 1",
        ),
        (("Breast_MRI_001", 2, 1, 3, 10, 7, 0, 1, 2, 1, 2, "", 1, 0), "column ER: expected 1, 0, NA, nan, NC, NP or"),
        (ROWS[1], "the clinical table names Breast_MRI_002 twice"),
    ],
)
def test_another_table_than_the_published_one_stops_the_import(
    tmp_path: Path, do_import, write_set, row, message: str
) -> None:
    with pytest.raises(CohortError) as fault:
        do_import("duke", write_set(tmp_path / "set", rows=(row, *ROWS[1:])))
    assert message in str(fault.value)


def test_a_mapping_whose_first_line_is_no_text_is_said(tmp_path: Path, do_import, write_set) -> None:
    root = write_set(tmp_path / "set")
    (mapping,) = root.rglob("Breast-Cancer-MRI-filepath_filename-mapping.csv")
    mapping.write_bytes(b"\xf0" + mapping.read_bytes())
    with pytest.raises(CohortError, match=r"mapping\.csv is no CSV in UTF-8"):
        do_import("duke", root)


def test_a_folder_whose_name_holds_a_slash_may_be_two(tmp_path: Path, do_import, write_set) -> None:
    root = write_set(tmp_path / "set", layout="descriptive")
    series = next(path for path in root.rglob("2.000000-Ph2ax dyn-1000"))
    (series.parent / "2.000000-Ph2").mkdir()
    series.rename(series.parent / "2.000000-Ph2" / "ax dyn-1000")
    done = do_import("duke", root)
    assert done.record.to_json()["counts"] == {"found": 4, "used": 3, "left_out": 1}


@pytest.mark.parametrize(("at", "said"), [(1, "rows 3 to 99 of 10"), (3, "columns 6 to 99 of 12")])
def test_a_box_beyond_rows_or_columns_is_left_out(tmp_path: Path, do_import, write_set, at: int, said: str) -> None:
    far = tuple(99 if place == at else value for place, value in enumerate(RISING))
    done = do_import("duke", write_set(tmp_path / "set", boxes={1: far, 2: RISING, 3: FALLING}))
    (left,) = done.record.by_reason()["its box does not lie within its series, counted from 1"]
    assert said.split(" of ", maxsplit=1)[0] in left.detail


def test_a_partial_series_and_a_missing_box_are_left_out(tmp_path: Path, do_import, write_set) -> None:
    root = write_set(tmp_path / "set", boxes={2: RISING, 3: (3, 6, 6, 9, 4, 40)})
    (root / "Duke-Breast-Cancer-MRI" / "Breast_MRI_001" / "1.3.6.1" / "1.3.6.1.1.2" / "1-004.dcm").unlink()
    with pytest.raises(CohortError, match="its box does not lie within its series, counted from 1"):
        (root / "Duke-Breast-Cancer-MRI" / "Breast_MRI_002" / "1.3.6.1" / "1.3.6.1.2.2" / "1-04.dcm").unlink()
        do_import("duke", root)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Breast-Cancer-MRI-filepath_filename-mapping.csv", "which alone says which series is the first post-contrast"),
        ("Annotation_Boxes.xlsx", "holds no Annotation_Boxes.xlsx: download it too"),
        ("Clinical_and_Other_Features.xlsx", "holds no Clinical_and_Other_Features.xlsx"),
    ],
)
def test_a_missing_table_is_one_sentence(tmp_path: Path, do_import, write_set, name: str, message: str) -> None:
    root = write_set(tmp_path / "set")
    (root / name).unlink()
    with pytest.raises(CohortError) as fault:
        do_import("duke", root)
    assert message in str(fault.value)


def test_a_series_that_may_not_be_opened_leaves_its_case_out(tmp_path: Path, do_import, write_set, close) -> None:
    root = write_set(tmp_path / "set")
    close(names_of(1, 2, layout="classic")[1])
    done = do_import("duke", root)
    (left,) = done.record.by_reason()["a file or folder of it cannot be opened"]
    assert left.case == "duke-001"


def test_a_collection_that_may_not_be_opened_is_one_sentence(tmp_path: Path, do_import, write_set, close) -> None:
    root = write_set(tmp_path / "set")
    close("Duke-Breast-Cancer-MRI")
    with pytest.raises(CohortError, match=r"Duke-Breast-Cancer-MRI cannot be opened \(Permission denied\): check its"):
        do_import("duke", root)


@pytest.mark.parametrize(
    ("row", "message"),
    [(b"a/b\n", "has a path that is not as published"), (b"\xe9,b,c\n", "is no CSV in UTF-8")],
)
def test_a_damaged_mapping_is_one_sentence(tmp_path: Path, do_import, write_set, row: bytes, message: str) -> None:
    root = write_set(tmp_path / "set")
    mapping = root / "Breast-Cancer-MRI-filepath_filename-mapping.csv"
    mapping.write_bytes(mapping.read_bytes() + row)
    with pytest.raises(CohortError, match=message):
        do_import("duke", root)
    assert not list(tmp_path.glob("out/*"))
