"""Tables of public sets as text: workbooks and CSVs, every cell as written, nothing taken for missing."""

import csv
import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from onephase.errors import CohortError

WORKBOOKS = {".xlsx", ".xlsm", ".xls"}
ENGINES = {b"PK\x03\x04": "openpyxl", b"\xd0\xcf\x11\xe0": "xlrd"}  # by content: some .xls files are .xlsx
SEPARATORS = {".csv": ",", ".tsv": "\t", ".txt": "\t"}
SHOWN = 8
SHOWN_LETTERS = 60
MOST_BYTES = 128 << 20
"""Of a workbook unpacked. The widest table of a public set, 922 rows of 529 features, has some 30 MB."""
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
    rows = [tuple(cell.strip() for cell in (*row, *[""] * wide)[:wide]) for row in cells[header + 1 :]]
    return Sheet(path, columns, tuple(row for row in rows if any(row)))


def find_table(folder: Path, pattern: str, *, what: str) -> Path:
    """Return the one file of a name, in the folder or one or two below it.

    Args:
        folder: Where the set lies.
        pattern: Regular expression of the whole name; case does not count.
        what: What it is, for the message.

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
        message = f"{folder} holds no {what}: download it too, and put it into that folder"
    raise CohortError(message)


def find_tables(folder: Path, pattern: str) -> list[Path]:
    """Return the files of a name, in the folder or one or two below it, sorted; see :func:`find_table`."""
    if not folder.is_dir():
        message = f"{folder} is no folder: give the folder of the downloaded set"
        raise CohortError(message)
    name = re.compile(pattern, re.IGNORECASE)
    found = (path for depth in ("*", "*/*", "*/*/*") for path in folder.glob(depth) if name.fullmatch(path.name))
    return sorted(path for path in found if path.is_file())


def _cells(path: Path, sheet: str | None) -> Sequence[Sequence[str]]:
    if path.suffix.lower() in WORKBOOKS:
        return _workbook(path, sheet)
    if path.suffix.lower() in SEPARATORS:
        return _text(path)
    message = f"{path.name} is no table that is read here: give .xlsx, .xls or .csv"
    raise CohortError(message)


def _workbook(path: Path, sheet: str | None) -> Sequence[Sequence[str]]:
    import pandas as pd  # slow to import, and needed only here

    with path.open("rb") as stream:
        package = ENGINES.get(stream.read(4))
    if package is None:
        message = f"{path.name} is no workbook by its content: download it again"
        raise CohortError(message)
    try:
        _refuse_bomb(path)
        with pd.ExcelFile(path, engine=package) as book:  # type: ignore[arg-type]
            if sheet is not None and sheet not in book.sheet_names:
                there = ", ".join(_quoted(str(name)) for name in book.sheet_names[:SHOWN])
                message = f"{path.name} has no sheet {sheet!r} (it has {there}): give the table of the set as published"
                raise CohortError(message)
            chosen = sheet if sheet is not None else 0
            frame = pd.read_excel(book, sheet_name=chosen, header=None, dtype=str, keep_default_na=False)
    except CohortError:
        raise
    except ImportError:
        message = f"{path.name} is a workbook, which needs the package {package}: pip install 'onephase[import]'"
        raise CohortError(message) from None
    except Exception as fault:  # noqa: BLE001 - each package, and what it is made of, has faults of its own
        message = f"{path.name} is a damaged workbook ({_quoted(str(fault))}): download it again"
        raise CohortError(message) from None
    # A formula that failed comes as NaN; it is no missing value, and no code that is listed anywhere.
    return [[cell if isinstance(cell, str) else "#N/A" for cell in row] for row in frame.itertuples(index=False)]


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
