"""What headers alone can tell: each wrong file is one sentence with case and column."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its usual name

from onephase.cohort.files import unreadable_files
from onephase.cohort.table import check_cohort
from onephase.settings import SplitSettings

BOX = "col_start,col_end,row_start,row_end,slice_start,slice_end"


def write(path: Path, shape: tuple[int, ...], *, spacing: tuple[float, ...] = (1.0, 1.0, 2.0)) -> None:
    array = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    if len(shape) == 4:
        image = sitk.JoinSeries([sitk.GetImageFromArray(volume) for volume in array])
    else:
        image = sitk.GetImageFromArray(array)
        image.SetSpacing(spacing)
    sitk.WriteImage(image, str(path))


def problems(folder: Path, *lines: str) -> list[tuple[str, str, str]]:
    table = folder / "cohort.csv"
    table.write_text("\n".join(lines) + "\n")
    result = check_cohort([table], SplitSettings())
    of_cases = [problem for problem in result.errors if problem.case]  # one case has one class only
    return [(problem.case, problem.column, f"{problem.problem}: {problem.fix}") for problem in of_cases]


@pytest.mark.parametrize(
    ("columns", "cells", "column", "message"),
    [
        ("mask", "small.nii.gz", "mask", "(4x5x5 at 2x1x1 mm from 0.0, 0.0, 0.0) differs from the image's (4x5x6"),
        ("mask", "apart.nii.gz", "mask", "(4x5x6 at 3x1x1 mm from 0.0, 0.0, 0.0) differs from the image's"),
        ("mask", "text.nii.gz", "mask", "is no image but text"),
        (BOX, "0,6.5,0,5,0,4", "col_end", "the box ends at 6.5, the image has 6 voxels along column"),
        (BOX, "0,6,0,5,0,5", "slice_end", "the box ends at 5, the image has 4 voxels along slice"),
        ("col,row,slice", "2,5,1", "row", "the point lies at 5, the image has 5 voxels along row"),
        ("col,row,slice,phase", "2,4,1,2", "phase", "there is no phase 2: the image holds 1"),
    ],
)
def test_a_region_that_cannot_belong_is_named(
    tmp_path: Path, columns: str, cells: str, column: str, message: str
) -> None:
    write(tmp_path / "image.nii.gz", (4, 5, 6))
    write(tmp_path / "small.nii.gz", (4, 5, 5))
    write(tmp_path / "apart.nii.gz", (4, 5, 6), spacing=(1.0, 1.0, 3.0))
    (tmp_path / "text.nii.gz").write_text("this is no image\n" * 40)
    ((case, where, said),) = problems(tmp_path, f"case_id,image,er,{columns}", f"x,image.nii.gz,1,{cells}")
    assert (case, where) == ("x", column)
    assert message in said


def test_a_series_of_volumes_asks_which(tmp_path: Path) -> None:
    write(tmp_path / "image.nii.gz", (3, 4, 5, 6))
    header = f"case_id,image,phase,er,{BOX}"
    found = [
        said for _, column, said in problems(tmp_path, header, "x,image.nii.gz,,1,0,6,0,5,0,4") if column == "phase"
    ]
    assert "is 4-D (3 volumes) and does not say which is the first post-contrast one" in found[0]
    assert "write its number, counted from 1" in found[0]
    asked = problems(tmp_path, header, "x,image.nii.gz,2,1,0,6,0,5,0,4")
    assert not [said for _, column, said in asked if column == "phase"]


def test_a_missing_file_is_said_once(tmp_path: Path) -> None:
    found = problems(tmp_path, "case_id,image,mask,er", "x,gone.nii.gz,gone.nii.gz,1")
    assert [column for _, column, said in found if "there is no" in said] == ["image", "mask"]


def test_nothing_is_told_of_no_records() -> None:
    told: list[int] = []
    assert list(unreadable_files([], progress=lambda task, done, total: told.append(done))) == []
    assert told == [0]


def test_a_name_that_no_file_can_have_is_a_file_that_is_not_there(tmp_path: Path) -> None:
    name = "a" * 300
    found = problems(tmp_path, f"case_id,image,{BOX},er", f"0007,{name},0,6,0,5,0,4,1")
    assert [(case, column) for case, column, _ in found] == [("0007", "image")]
    assert f"there is no {tmp_path / name}" in found[0][2]
