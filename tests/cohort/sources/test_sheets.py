"""Tables as text, and every way in which one cannot be read."""

import sys
from pathlib import Path

import pytest
from tests.cohort.sources.conftest import write_workbook

from onephase.cohort.sources.sheets import find_table, read_sheet
from onephase.errors import CohortError

ROWS = (("Group", "", ""), ("Name \n", " Shape", "Shape"), ("001", "NA", 2), (None, None, None), ("x", 1.5, "#N/A"))


def test_cells_stay_what_was_written(tmp_path: Path) -> None:
    sheet = read_sheet(write_workbook(tmp_path / "a.xlsx", {"Data": ROWS, "Other": [("x",)]}), sheet="Data", header=1)
    assert sheet.columns == ("Name", "Shape", "Shape")
    assert sheet.rows == (("001", "NA", "2"), ("x", "1.5", "#N/A"))
    assert sheet.records("Name") == [{"Name": "001"}, {"Name": "x"}]  # of repeated names none
    with pytest.raises(CohortError, match=r"a\.xlsx has 2 columns named 'Shape'"):
        sheet.records("Shape")


def test_a_workbook_is_known_by_its_content(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "a.xlsx", {"Data": ROWS}).rename(tmp_path / "a.xls")
    assert len(read_sheet(path, header=1).rows) == 2


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.xlsx", b"PK\x03\x04 and no more", "is a damaged workbook"),
        ("a.xlsx", b"<html>please log in</html>", "is no workbook by its content: download it again"),
        ("a.csv", "a,b\nGröße,1\n".encode("latin-1"), "is no CSV in UTF-8"),
        ("a.csv", b"", "has no row of column names"),
        ("a.pdf", b"%PDF", "is no table that is read here"),
    ],
)
def test_what_is_no_table_is_one_sentence(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CohortError, match=message):
        read_sheet(tmp_path / name)


def test_a_missing_sheet_and_a_missing_package_are_named(tmp_path: Path, monkeypatch) -> None:
    path = write_workbook(tmp_path / "a.xlsx", {"Data": ROWS})
    with pytest.raises(CohortError, match="has no sheet 'data' \\(it has 'Data'\\)"):
        read_sheet(path, sheet="data")
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(CohortError, match=r"needs the package openpyxl: pip install 'onephase\[import\]'"):
        read_sheet(path)


def test_a_table_is_found_by_name_up_to_two_folders_below(tmp_path: Path) -> None:
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    (tmp_path / "a" / "b" / "Boxes.CSV").touch()
    (tmp_path / "a" / "b" / "c" / "boxes.csv").touch()
    assert find_table(tmp_path, r"boxes\.csv", what="boxes").name == "Boxes.CSV"
    (tmp_path / "boxes.csv").touch()
    with pytest.raises(CohortError, match="holds 2 files that could be boxes"):
        find_table(tmp_path, r"boxes\.csv", what="boxes")
    with pytest.raises(CohortError, match="holds no map: download it too"):
        find_table(tmp_path, r"map\.csv", what="map")
    with pytest.raises(CohortError, match="is no folder"):
        find_table(tmp_path / "gone", r"map\.csv", what="map")
