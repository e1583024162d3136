"""A plain folder of cases with a table: the user says which column is what, and nothing is guessed."""

import re
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from onephase.cohort.columns import BOX, KNOWN, LABELS, SEED, known_as, says_who, seems_to_tell
from onephase.cohort.rows import NAMES
from onephase.cohort.sources.sheets import Sheet, find_table, read_sheet
from onephase.cohort.sources.source import (
    Download,
    Found,
    Label,
    LeaveOut,
    Lesion,
    Source,
    refuse_unfit,
    sort_out,
    unique,
)
from onephase.errors import CohortError

TABLES = r"(?!.*\.(splits|excluded|accepted)\.csv).*\.(csv|tsv|xlsx|xls)"
PART = re.compile(r"\{([^{}]+)\}")
PATTERNS = ("image", "mask")
OWN = ("table", "sheet", "missing", "licence", "citation")

CHOICES = {
    "table": "the table's file in the folder, where there are several",
    "sheet": "the sheet of a workbook; the first when left out",
    "missing": "texts that mean missing, separated by commas, such as NA,unknown",
    **{column: f"the table's column that holds {column}" for column in KNOWN if column not in PATTERNS},
    **{name: f"the table's column that holds {name}, or a pattern such as {{ID}}/post1.nii.gz" for name in PATTERNS},
    "licence": "the terms on which the cases may be used",
    "citation": "how they are cited",
    "label_convention": "the table's column that says what positive meant, or that text itself",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the user's table, told in our columns.

    Attributes:
        cells: Its cells by the table's columns.
        where: The table's column, pattern or text for each of our columns.
        missing: Texts that mean missing.
    """

    cells: Mapping[str, str]
    where: Mapping[str, str]
    missing: Set[str]

    def __getitem__(self, column: str) -> str:
        """Return what the row says of one of our columns; empty where nothing does."""
        said = self.where.get(column, "")
        if said in self.cells:
            return "" if self.cells[said] in self.missing else self.cells[said]
        return PART.sub(lambda part: self.cells[part[1]], said)

    @property
    def covariates(self) -> dict[str, str]:
        """The columns that tell none of ours, and not who the patient is."""
        used = {name for said in self.where.values() for name in (said, *PART.findall(said))}
        told = used.union(KNOWN)
        return {name: cell for name, cell in self.cells.items() if name not in told and not says_who(name)}


FindMask: TypeAlias = Callable[[Row, Path, str], Path]


def read(download: Download) -> Found:
    """Read a folder with a table; see :func:`read_table`."""
    return read_table(download, find_mask=_no_mask)


def read_table(download: Download, *, find_mask: FindMask) -> Found:
    """Read a table of cases, the columns named by the user.

    Args:
        download: What is asked.
        find_mask: Finds the mask of a row that gives neither mask, box nor point, by its image and case id.

    Raises:
        CohortError: If the table cannot be told, a column that was named is not in it, or a name cannot name files.
    """
    sheet = _table(download)
    where = _columns(sheet, download.choices)
    missing = {"", *download.choices.get("missing", "").split(",")}
    rows = [Row(row, where, missing) for row in sheet.records()]
    names = unique((row["case_id"] or f"row {at}" for at, row in enumerate(rows, start=1)), where=sheet.path.name)
    row_of = dict(zip(names, rows, strict=True))
    for name, row in row_of.items():
        refuse_unfit(name, **{column: row[column] for column in NAMES})
    lesions, left_out = sort_out(
        names,
        lambda name: _lesion(name, row_of[name], folder=sheet.path.parent, find_mask=find_mask),
        progress=download.progress,
    )
    meaning = "as written there; what positive meant, label_convention says"
    labels = tuple(Label(label, f"column {where[label]}", meaning) for label in LABELS if label in where)
    unnamed = [column for column in sheet.columns if column not in where.values()]
    personal = sum(map(says_who, unnamed))
    notes = [f"{personal} columns of the table say who a patient is, and were not taken"] if personal else []
    notes += [
        f"{column!r} became a covariate and {label} is empty: is it --map {label}={column!r}?"
        for column in unnamed
        if not says_who(column) and (label := seems_to_tell(column)) is not None and label not in where
    ]
    return Found(tuple(names), lesions, left_out, (sheet.path,), notes=tuple(notes), labels=labels)


def _lesion(name: str, row: Row, *, folder: Path, find_mask: FindMask) -> Lesion:
    if not row["case_id"]:
        reason = "its row has no case id"
        raise LeaveOut(reason)
    image = _file(row["image"], folder=folder, what="image")
    mask = _file(row["mask"], folder=folder, what="mask") if row["mask"] else None
    if mask is None and not any(row[column] for column in (*BOX, *SEED)):
        mask = find_mask(row, image, name)
    return Lesion(
        case_id=name,
        patient_id=row["patient_id"] or name,
        lesion_id=row["lesion_id"],
        site=row["site"],
        image=image,
        phase=row["phase"],
        mask=mask,
        mask_label=row["mask_label"] if row["mask"] else "",
        labels={label: row[label] for label in LABELS},
        convention=row["label_convention"],
        provenance=row["provenance"] or "real",
        split=row["split"],  # type: ignore[arg-type] # what it may be is checked with the table
        covariates={column: row[column] for column in (*BOX, *SEED) if row[column]} | row.covariates,
    )


def _no_mask(row: Row, image: Path, case_id: str) -> Path:  # noqa: ARG001 - as every finder of masks is called
    reason = "its row gives neither a mask, nor a box, nor a point"
    raise LeaveOut(reason)


def _table(download: Download) -> Sheet:
    chosen = download.choices.get("table")
    if chosen is None:
        name = re.escape(download.out.name)
        path = find_table(
            download.folder,
            rf"(?!{name}$){TABLES}",
            what="table of cases (--map table=FILE names it)",
            remedy="put a CSV or a workbook with a row for each case there",
        )
    else:
        path = download.folder / chosen
        if not path.is_file():
            message = f"there is no {path}: give --map table= with a path inside the folder"
            raise CohortError(message)
    return read_sheet(path, sheet=download.choices.get("sheet"))


def _columns(sheet: Sheet, choices: Mapping[str, str]) -> dict[str, str]:
    """Return for each of our columns the table's column, pattern or text that tells it.

    Raises:
        CohortError: If one is not there, or a column of the table is nearly one of ours and not mapped.
    """
    said = {name: value for name, value in choices.items() if name not in OWN}
    where = {column: column for column in KNOWN if column in sheet.columns} | said
    for column, value in said.items():
        if column != "label_convention" or value in sheet.columns:
            sheet.records(*(PART.findall(value) or [value]))
    for column in ("case_id", "image"):
        if column not in where:
            message = f"{sheet.path.name} has no column {column}: name the one that holds it with --map {column}=COLUMN"
            raise CohortError(message)
    for name in sheet.columns:
        meant = known_as(name)
        if meant and meant != name and name not in where.values() and meant not in where:
            message = f"{sheet.path.name} has a column {name!r}, which looks like {meant}: say --map {meant}={name!r}"
            raise CohortError(message)
    return where


def _file(text: str, *, folder: Path, what: str) -> Path:
    if not text:
        reason = f"the table names no {what}"
        raise LeaveOut(reason)
    path = folder / text
    if not path.exists():
        reason = f"the {what} is not here"
        raise LeaveOut(reason, text)
    return path


SOURCE = Source(
    name="folder",
    title="a folder of cases with a table",
    licence="not said (--map licence= writes it down)",
    citation="not said (--map citation= writes it down)",
    convention="",
    labels=(),
    read=read,
    choices=CHOICES,
)
