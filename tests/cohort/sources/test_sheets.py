"""Tables as text, and every way in which one cannot be read."""

import sys
import zipfile
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from tests.cohort.sources.conftest import write_workbook

from onephase.cohort.sources import sheets
from onephase.cohort.sources.sheets import find_table, find_table_if_any, read_sheet
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


def rebuilt(path: Path, name: str, change) -> Path:
    """Write a workbook anew with one of its members changed."""
    with zipfile.ZipFile(path) as archive:
        members = {one.filename: archive.read(one) for one in archive.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members.items():
            archive.writestr(member, change(content) if member == name else content)
    return path


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("xl/worksheets/sheet1.xml", lambda content: content[: len(content) // 2]),
        ("xl/worksheets/sheet1.xml", lambda content: content.replace(b'r="A1"', b'r="?"')),
        ("[Content_Types].xml", lambda content: b"<broken"),
        ("xl/workbook.xml", lambda content: b"\0\1\2"),
    ],
)
def test_a_workbook_with_a_broken_part_is_one_sentence(tmp_path: Path, name: str, change) -> None:
    path = rebuilt(write_workbook(tmp_path / "a.xlsx", {"Data": ROWS}), name, change)
    with pytest.raises(CohortError, match=r"a\.xlsx is a damaged workbook \(.{1,80}\): download it again") as told:
        read_sheet(path)
    assert "\n" not in str(told.value)


def test_broken_deflate_data_and_a_false_old_workbook_are_one_sentence(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "a.xlsx", {"Data": ROWS})
    content = bytearray(path.read_bytes())
    content[content.index(b"xl/worksheets/sheet1.xml") + 40] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(CohortError, match="is a damaged workbook"):
        read_sheet(path)
    (tmp_path / "b.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    with pytest.raises(CohortError, match="is a damaged workbook"):
        read_sheet(tmp_path / "b.xls")


def test_a_bomb_and_an_endless_cell_are_refused_and_never_quoted(tmp_path: Path, monkeypatch) -> None:
    path = write_workbook(tmp_path / "a.xlsx", {"Data": [("SHORT",)]})
    rebuilt(path, "xl/worksheets/sheet1.xml", lambda content: content.replace(b"SHORT", b"x" * 40_000))
    with pytest.raises(CohortError, match=r"holds a cell of 40,000 letters") as told:
        read_sheet(path)
    assert len(str(told.value)) < 200
    monkeypatch.setattr(sheets, "MOST_BYTES", 10_000)
    with pytest.raises(CohortError, match=r"a\.xlsx would unpack to 0 MB, a workbook is read up to 0 MB"):
        read_sheet(path)
    wide = write_workbook(tmp_path / "b.xlsx", {"y" * 31: [("z" * 9_000,)]})
    monkeypatch.undo()
    with pytest.raises(CohortError, match="has no column named 'Name'") as told:
        read_sheet(wide).records("Name")
    assert len(str(told.value)) < 250


def test_what_may_not_be_read_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(CohortError, match=r"a\.csv cannot be read \(Is a directory\)"):
        read_sheet(tmp_path / "a.csv")


def test_a_missing_sheet_and_a_missing_package_are_named(tmp_path: Path, monkeypatch) -> None:
    path = write_workbook(tmp_path / "a.xlsx", {"Data": ROWS})
    with pytest.raises(CohortError, match="has no sheet 'data' \\(it has 'Data'\\)"):
        read_sheet(path, sheet="data")
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(CohortError, match=r"needs the package openpyxl: pip install '\.\[import\]' in the checkout"):
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


def test_a_table_that_may_be_missing_may_not_be_there_twice(tmp_path: Path) -> None:
    assert find_table_if_any(tmp_path, r"splits\.csv", what="splits") == ()
    (tmp_path / "splits.csv").touch()
    assert find_table_if_any(tmp_path, r"splits\.csv", what="splits") == (tmp_path / "splits.csv",)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "splits.csv").touch()
    with pytest.raises(CohortError, match="holds 2 files that could be splits"):
        find_table_if_any(tmp_path, r"splits\.csv", what="splits")


@pytest.mark.parametrize("name", ["._boxes.csv", "~$boxes.csv"])
def test_what_a_system_leaves_beside_a_table_is_none(tmp_path: Path, name: str) -> None:
    for path in (tmp_path / "boxes.csv", tmp_path / name, tmp_path / "__MACOSX" / name):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    assert find_table(tmp_path, r".*\.csv", what="boxes") == tmp_path / "boxes.csv"


def test_every_kind_of_cell_is_written_as_pandas_writes_it(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    page = book.active
    page.append(["whole", "part", "text", "date", "yes", "none", "", "late"])
    page.append([3.0, 2.5, "NA", datetime(2020, 3, 1), True, None, "", None])
    page.append([1e20, -0.0, " 007 ", date(2020, 3, 1), False, "", None, None])
    page.append([])
    page["H6"] = "far"
    page["A7"] = "=1/0"
    page["J9"] = None
    path = tmp_path / "kinds.xlsx"
    book.save(path)
    sheet = read_sheet(path)
    reference = pd.read_excel(path, header=None, dtype=str, keep_default_na=False).map(str.strip)
    assert list(sheet.columns) == reference.iloc[0].tolist()
    assert [list(row) for row in sheet.rows] == [row for row in reference.iloc[1:].to_numpy().tolist() if any(row)]


@pytest.mark.parametrize(
    "change",
    [
        (b'<row r="2">', b'<row r="1e308">'),  # found by fuzzing: openpyxl counts up to it
        (b'<row r="2">', b'<row r="900000000">'),
        (b'<c r="B2"', b'<c r="XFD2"'),
    ],
)
def test_a_far_row_or_column_is_refused_soon(tmp_path: Path, change: tuple[bytes, bytes], monkeypatch) -> None:
    monkeypatch.setattr(sheets, "MOST_CELLS", 30_000)
    path = write_workbook(tmp_path / "far.xlsx", {"Data": [(f"case {number}", "image") for number in range(3)]})
    assert len(read_sheet(path).rows) == 2
    rebuilt(path, "xl/worksheets/sheet1.xml", lambda content: content.replace(*change))
    with pytest.raises(CohortError, match=r"far\.xlsx has a sheet of more than 30,000 cells"):
        read_sheet(path)
