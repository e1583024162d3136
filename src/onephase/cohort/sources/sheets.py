"""Tables of public sets as text: workbooks and CSVs, every cell as written, nothing taken for missing."""

import csv
import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from onephase.errors import CohortError

if TYPE_CHECKING:
    from openpyxl.cell.read_only import EmptyCell, ReadOnlyCell  # type: ignore[import-untyped]

WORKBOOKS = {".xlsx", ".xlsm", ".xls"}
ENGINES = {b"PK\x03\x04": "openpyxl", b"\xd0\xcf\x11\xe0": "xlrd"}  # by content: some .xls files are .xlsx
SEPARATORS = {".csv": ",", ".tsv": "\t", ".txt": "\t"}
LEFT_BESIDE = (".", "~")
SHOWN = 8
SHOWN_LETTERS = 60
MOST_BYTES = 128 << 20
"""Of a workbook unpacked. The widest table of a public set, 922 rows of 529 features, has some 30 MB."""
MOST_CELLS = 4_000_000
"""Of a sheet, empty ones among them: a row or column of a far number makes a sheet of a few bytes endless. The widest
table of a public set has half a million."""
SHORTEST_ROW = 20
"""Cells that a row counts for at the least."""
LONGEST_CELL = 32_767
"""Letters that a spreadsheet program lets a cell hold; whatever is longer was not written by one."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet of a workbook, or a CSV.

    Attributes:
        path: The file.
        columns: Names by position, runs of blanks and line breaks made one blank; they may repeat or be empty.
        rows: Cells by position, stripped; rows without any are left out.
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def records(self, *required: str) -> list[dict[str, str]]:
        """Return each row by column name; of names that repeat, none.

        Args:
            required: Columns that must be there, each once.

        Raises:
            CohortError: If one is missing or stands twice.
        """
        for name in required:
            times = self.columns.count(name)
            if times != 1:
                there = ", ".join(_quoted(column) for column in self.columns[:SHOWN] if column)
                count = "no column" if times == 0 else f"{times} columns"
                message = (
                    f"{self.path.name} has {count} named {name!r} (it has {there}, ...): "
                    "give the table of the set as published"
                )
                raise CohortError(message)
        places = {name: at for at, name in enumerate(self.columns) if name and self.columns.count(name) == 1}
        return [{name: row[at] for name, at in places.items()} for row in self.rows]


def read_sheet(path: Path, *, sheet: str | None = None, header: int = 0) -> Sheet:
    """Read a sheet as text: ``NA`` stays ``NA``, and nothing is taken for a number.

    Args:
        path: A workbook (.xlsx, .xls) or a CSV in UTF-8.
        sheet: Name of the sheet; the first where None. A CSV has none.
        header: Row that names the columns, from 0; rows above it are passed over.

    Raises:
        CohortError: If the file cannot be read, has no such sheet, or a package is missing.
    """
    try:
        cells = _cells(path, sheet)
    except OSError as fault:
        message = f"{path.name} cannot be read ({fault.strerror}): give a file that you may read"
        raise CohortError(message) from None
    longest = max((len(cell) for row in cells for cell in row), default=0)
    if longest > LONGEST_CELL:
        message = (
            f"{path.name} holds a cell of {longest:,} letters, no table's is beyond {LONGEST_CELL:,}: look into it"
        )
        raise CohortError(message)
    if len(cells) <= header:
        message = f"{path.name} has no row of column names: give the table of the set as published"
        raise CohortError(message)
    columns = tuple(" ".join(name.split()) for name in cells[header])
    wide = len(columns)
    stripped = {cell: cell.strip() for row in cells for cell in row}  # once, however many cells share a text
    rows = [tuple(stripped.get(cell, "") for cell in (*row, *[""] * wide)[:wide]) for row in cells[header + 1 :]]
    return Sheet(path, columns, tuple(row for row in rows if any(row)))


def find_table(
    folder: Path, pattern: str, *, what: str, remedy: str = "download it too, and put it into that folder"
) -> Path:
    """Return the one file of a name, in the folder or one or two below it.

    Args:
        folder: Where the set lies.
        pattern: Regular expression of the whole name; case does not count.
        what: What it is, for the message.
        remedy: What to do where there is none.

    Raises:
        CohortError: If there is none, or more than one.
    """
    found = find_tables(folder, pattern)
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(str(path.relative_to(folder)) for path in found[:SHOWN])
        message = f"{folder} holds {len(found)} files that could be {what} ({listed}): keep one of them there"
    else:
        message = f"{folder} holds no {what}: {remedy}"
    raise CohortError(message)


def find_table_if_any(folder: Path, pattern: str, *, what: str) -> tuple[Path, ...]:
    """Return the one file of a name, or nothing where there is none; see :func:`find_table`.

    Raises:
        CohortError: If there are several, for they may say different things.
    """
    return (find_table(folder, pattern, what=what),) if find_tables(folder, pattern) else ()


def find_tables(folder: Path, pattern: str) -> list[Path]:
    """Return the files of a name, in the folder or one or two below it, sorted; see :func:`find_table`.

    Files that a Mac or a spreadsheet program leaves beside a table (``._cases.csv``, ``~$cases.xlsx``) are none.
    """
    if not folder.is_dir():
        message = f"{folder} is no folder: give the folder of the downloaded set"
        raise CohortError(message)
    name = re.compile(pattern, re.IGNORECASE)
    found = (path for depth in ("*", "*/*", "*/*/*") for path in folder.glob(depth) if name.fullmatch(path.name))
    return sorted(path for path in found if path.is_file() and not path.name.startswith(LEFT_BESIDE))


def _cells(path: Path, sheet: str | None) -> Sequence[Sequence[str]]:
    if path.suffix.lower() in WORKBOOKS:
        return _workbook(path, sheet)
    if path.suffix.lower() in SEPARATORS:
        return _text(path)
    message = f"{path.name} is no table that is read here: give .xlsx, .xls or .csv"
    raise CohortError(message)


def _workbook(path: Path, sheet: str | None) -> Sequence[Sequence[str]]:
    with path.open("rb") as stream:
        package = ENGINES.get(stream.read(4))
    if package is None:
        message = f"{path.name} is no workbook by its content: download it again"
        raise CohortError(message)
    try:
        _refuse_bomb(path)
        return _xlsx(path, sheet) if package == "openpyxl" else _xls(path, sheet)
    except CohortError:
        raise
    except ImportError:
        message = (
            f"{path.name} is a workbook, which needs the package {package}: pip install '.[import]' in the checkout"
        )
        raise CohortError(message) from None
    except Exception as fault:  # noqa: BLE001 - each package, and what it is made of, has faults of its own
        message = f"{path.name} is a damaged workbook ({_quoted(str(fault))}): download it again"
        raise CohortError(message) from None


def _xlsx(path: Path, sheet: str | None) -> Sequence[Sequence[str]]:
    """Return the cells of a sheet, row by row as far as any holds something, and never more than a table has."""
    import openpyxl  # type: ignore[import-untyped] # needed only here, and not light

    rows: list[list[str]] = []
    seen = 0
    with path.open("rb") as stream:  # by its content: openpyxl goes by the name of what it opens itself
        book = openpyxl.load_workbook(stream, read_only=True, data_only=True, keep_links=False)
        _refuse_missing(path, sheet, [page.title for page in book.worksheets])
        page = book.worksheets[0] if sheet is None else book[sheet]
        page.reset_dimensions()  # what a sheet says of its own size is often wrong
        for row in page.iter_rows():
            seen += max(SHORTEST_ROW, len(row))
            _refuse_endless(path, seen)
            rows.append([_written(cell) for cell in row])
    wide = max((place + 1 for row in rows for place, cell in enumerate(row) if cell), default=0)
    _refuse_endless(path, wide * len(rows))
    return [(row + [""] * wide)[:wide] for row in rows]


def _written(cell: "ReadOnlyCell | EmptyCell") -> str:
    """Return a cell as text: a whole number without a point, and a formula that failed as ``#N/A``."""
    value = cell.value
    if value is None:
        return ""
    if cell.data_type == "e":
        return "#N/A"  # no missing value, and no code that is listed anywhere
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value)


def _xls(path: Path, sheet: str | None) -> Sequence[Sequence[str]]:
    """Return the cells of a sheet in the format before 2007."""
    import pandas as pd  # slow to import, and needed only here

    with pd.ExcelFile(path, engine="xlrd") as book:
        _refuse_missing(path, sheet, [str(name) for name in book.sheet_names])
        page = book.book.sheet_by_index(0) if sheet is None else book.book.sheet_by_name(sheet)
        _refuse_endless(path, page.nrows * max(SHORTEST_ROW, page.ncols))
        frame = pd.read_excel(
            book, sheet_name=0 if sheet is None else sheet, header=None, dtype=str, keep_default_na=False
        )
    # A formula that failed comes as NaN.
    return [[cell if isinstance(cell, str) else "#N/A" for cell in row] for row in frame.itertuples(index=False)]


def _refuse_missing(path: Path, sheet: str | None, there: list[str]) -> None:
    if sheet is not None and sheet not in there:
        names = ", ".join(_quoted(name) for name in there[:SHOWN])
        message = f"{path.name} has no sheet {sheet!r} (it has {names}): give the table of the set as published"
        raise CohortError(message)


def _refuse_endless(path: Path, cells: int) -> None:
    if cells > MOST_CELLS:
        message = (
            f"{path.name} has a sheet of more than {MOST_CELLS:,} cells (an empty row counts for {SHORTEST_ROW}): "
            "save the table that is needed as CSV"
        )
        raise CohortError(message)


def _refuse_bomb(path: Path) -> None:
    """Refuse a workbook that would unpack to more than any table holds; what is unpacked never exceeds these sizes."""
    size = path.stat().st_size
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
    if size > MOST_BYTES:
        message = (
            f"{path.name} would unpack to {size / 1e6:.0f} MB, a workbook is read up to {MOST_BYTES / 1e6:.0f} MB: "
            "save the table that is needed as CSV"
        )
        raise CohortError(message)


def _text(path: Path) -> Sequence[Sequence[str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=SEPARATORS[path.suffix.lower()]))
    except (UnicodeDecodeError, csv.Error) as fault:
        message = f"{path.name} is no CSV in UTF-8 ({fault}): save it as CSV UTF-8"
        raise CohortError(message) from None


def _quoted(text: str) -> str:
    """Return a text of a file as a message may quote it: in one line, and not at any length."""
    line = " ".join(text.split())
    return repr(line if len(line) <= SHOWN_LETTERS else f"{line[:SHOWN_LETTERS]}...")
