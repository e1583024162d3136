"""Duke's path mapping: which downloaded series is which sequence, and how its slices were counted.

Its faults: doubled slashes; series names that contain a slash on one side only (``Ph1/ax`` and ``Ph1ax``); file
numbers with another padding (``1-001`` and ``1-01``). So folders are compared by letters and digits alone, and
files by their number.
"""

import csv
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from onephase.cohort.columns import letters_of
from onephase.cohort.identity import canonical_identity
from onephase.cohort.sources.sheets import find_tables, read_sheet
from onephase.cohort.sources.source import LeaveOut
from onephase.csv_text import csv_text
from onephase.errors import CohortError
from onephase.readers.dicom.files import read_dataset
from onephase.readers.dicom.header_text import whole_number_of
from onephase.readers.dicom.slice import vector
from onephase.storage import sha256_of, write_text

NAME = r"Breast-Cancer-MRI-filepath_filename-mapping\.(csv|xlsx)"
COLUMNS = ("original_path_and_filename", "classic_path", "descriptive_path")
SEQUENCES = ("pre", "post_1")
PATIENT = re.compile(r"duke \d+")
FILE_NUMBER = re.compile(r"\d+-(\d+)\.dcm", re.IGNORECASE)
KEPT = ("patient", "sequence", "number", "classic_path", "descriptive_path")
SHORT = 12
GEOMETRY = ("ImagePositionPatient", "ImageOrientationPatient", "Rows", "Columns")


@dataclass(frozen=True, slots=True)
class MappedSequence:
    """One sequence of a patient by its first and last slice, as the mapping names them.

    Attributes:
        numbers: First and last slice number, by which annotation boxes count.
        paths: Classic and descriptive path of the first, then of the last.
    """

    numbers: tuple[int, int]
    paths: tuple[tuple[str, str], tuple[str, str]]


@dataclass(frozen=True, slots=True)
class DownloadedSequence:
    """A sequence on disk.

    Attributes:
        path: The folder of its series.
        slices: Number of its slices.
        rows: Number of their rows.
        columns: Number of their columns.
        rising: Whether slice numbers rise along the order of our reader.
    """

    path: Path
    slices: int
    rows: int
    columns: int
    rising: bool


def read_mapping(folder: Path, *, keep: Path) -> tuple[Path, dict[tuple[str, str], MappedSequence]]:
    """Return the mapping's file, and each patient's sequences by canonical identity and name.

    The mapping has a row for each of 770,000 slices; what is needed of it is kept beside the cohort table.

    Args:
        folder: Where the set lies.
        keep: Folder of the cohort table.

    Raises:
        CohortError: If the mapping is missing or not as published.
    """
    found = sorted(find_tables(folder, NAME), key=lambda path: path.suffix != ".csv")  # the CSV is quicker
    if not found:
        message = (
            f"{folder} holds no Breast-Cancer-MRI-filepath_filename-mapping.csv (or .xlsx), which alone says which "
            "series is the first post-contrast one: download it too, into that folder"
        )
        raise CohortError(message)
    kept = keep / f"duke-sequences-{sha256_of(found[0])[:SHORT]}.csv"
    if not kept.exists():
        rows = sorted(_ends(_slices(found[0])))
        write_text(kept, csv_text([KEPT, *rows]))
    ends: dict[tuple[str, str], list[tuple[int, tuple[str, str]]]] = {}
    for row in read_sheet(kept).records(*KEPT):
        paths = (row["classic_path"], row["descriptive_path"])
        ends.setdefault((row["patient"], row["sequence"]), []).append((int(row["number"]), paths))
    return found[0], {
        key: MappedSequence((pair[0][0], pair[-1][0]), (pair[0][1], pair[-1][1])) for key, pair in ends.items()
    }


def downloaded(sequence: MappedSequence, patients: Iterable[Path]) -> DownloadedSequence:
    """Return a sequence on disk, its direction read from the positions of its first and last slice.

    Raises:
        LeaveOut: If it is not here, not whole, or its slices lie in one place.
        ImageError: If the header of its first or last slice is damaged.
    """
    folder = _folder(sequence, patients)
    files = {number: path for path in folder.iterdir() if (number := _number(path.name)) is not None}
    first, last = sequence.numbers
    ends = [files.get(_number(classic) or 0, folder) for classic, _ in sequence.paths]
    if folder in ends or len(files) != last or first != 1:
        reason = "its first post-contrast series is not whole here"
        raise LeaveOut(reason, f"{len(files)} files, the mapping counts slices {first} to {last}")
    low, high = (read_dataset(path, only=GEOMETRY) for path in ends)
    along_row, along_column = np.split(vector(ends[0], low, "ImageOrientationPatient", length=6), 2)
    start, stop = (
        vector(path, header, "ImagePositionPatient", length=3) for path, header in zip(ends, (low, high), strict=True)
    )
    along = float((stop - start) @ np.cross(along_row, along_column))
    if along == 0:
        reason = "its first and last slice lie in one place"
        raise LeaveOut(reason)
    rows, columns = (whole_number_of(low, keyword) or 0 for keyword in ("Rows", "Columns"))
    return DownloadedSequence(folder, last, rows, columns, rising=along > 0)


def _folder(sequence: MappedSequence, patients: Iterable[Path]) -> Path:
    """Return the folder of the series, in the classic or the descriptive layout."""
    wanted = {_letters(path) for path in sequence.paths[0]}
    found = [series for patient in patients for series in _within(patient, wanted)]
    if len(found) != 1:
        reason = "its first post-contrast series is not here" if not found else "its series is here twice"
        raise LeaveOut(reason)
    return found[0]


def _within(folder: Path, wanted: Collection[str], *, passed: str = "") -> Iterator[Path]:
    """Yield the folders whose names, from the patient's on, make one of the texts; a slash makes two folders of one."""
    for child in sorted(folder.iterdir()):
        plain = f"{passed}{letters_of(child.name)}"
        if any(text.startswith(plain) for text in wanted) and child.is_dir():
            if plain in wanted:
                yield child
            yield from _within(child, wanted, passed=plain)


def _number(path: str) -> int | None:
    """Return the number of a file, whatever its padding; None of a name that has none."""
    found = FILE_NUMBER.fullmatch(path.rsplit("/", 1)[-1])
    return int(found[1]) if found else None


def _letters(path: str) -> str:
    """Return the folders between patient and file, by letters and digits."""
    parts = [part for part in path.split("/") if part]
    patient = next((at for at, part in enumerate(parts) if PATIENT.fullmatch(canonical_identity(part))), 0)
    return letters_of("".join(parts[patient + 1 : -1]))


def _slices(path: Path) -> Iterator[tuple[str, str, int, str, str]]:
    """Yield patient, sequence, slice number and both paths of each row that is of a sequence we need.

    Raises:
        CohortError: If a row is not as published.
    """
    for row in _rows(path):
        original, classic, descriptive = (row[column] or "" for column in COLUMNS)  # None where a row is cut short
        parts = [part for part in original.split("/") if part]
        number = Path(original).stem.rsplit("_", 1)[-1]
        if len(parts) < 3 or (parts[-2] in SEQUENCES and not number.isdecimal()):  # noqa: PLR2004 - patient, sequence, file
            message = f"{path.name} has a path that is not as published: {original!r}"
            raise CohortError(message)
        if parts[-2] in SEQUENCES:
            yield canonical_identity(parts[-3]), parts[-2], int(number), classic, descriptive


def _rows(path: Path) -> Iterator[Mapping[str, str | None]]:
    """Yield the rows of the mapping; of a CSV one by one, since all of them fill a gigabyte.

    Raises:
        CohortError: If it is no CSV in UTF-8, or lacks a column.
    """
    if path.suffix != ".csv":
        yield from read_sheet(path).records(*COLUMNS)
        return
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = csv.DictReader(stream)
        try:
            if missing := set(COLUMNS) - set(rows.fieldnames or ()):
                message = (
                    f"{path.name} has no column named {sorted(missing)[0]!r}: give the table of the set as published"
                )
                raise CohortError(message)
            yield from rows
        except (UnicodeDecodeError, csv.Error) as fault:
            message = f"{path.name} is no CSV in UTF-8 ({fault}): download it again"
            raise CohortError(message) from None


def _ends(slices: Iterable[tuple[str, str, int, str, str]]) -> Iterator[tuple[str, str, int, str, str]]:
    """Yield the first and last slice of each sequence."""
    ends: dict[tuple[str, str], list[tuple[str, str, int, str, str]]] = {}
    for one in slices:
        pair = ends.setdefault(one[:2], [one, one])
        if one[2] < pair[0][2]:
            pair[0] = one
        if one[2] > pair[1][2]:
            pair[1] = one
    for pair in ends.values():
        yield from pair
