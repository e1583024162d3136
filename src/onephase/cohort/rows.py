"""One row of a cohort table becomes one record, or says everything that keeps it from it."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from onephase.biomarkers.evidence import read_evidence
from onephase.biomarkers.panel import Events
from onephase.cohort.columns import BOX, KNOWN, LABELS, PROVENANCES, SEED, SPLITS, says_who
from onephase.cohort.csv_file import CohortFile, Row
from onephase.cohort.problems import CellError, Problem
from onephase.cohort.records import Record
from onephase.csv_text import is_formula
from onephase.errors import EvidenceError
from onephase.imaging.case import Box, SeedPoint
from onephase.readers.phase import FIRST_POST

FORMS = "docs/evidence.md shows what is understood"
LONGEST_ID = 100
NAMES = ("case_id", "patient_id", "lesion_id", "site")

Value = TypeVar("Value")
Fields: TypeAlias = dict[str, Any]


def read_row(row: Row, *, table: CohortFile) -> tuple[Record | None, tuple[Problem, ...]]:
    """Return the record of a row, or None and every problem of the row.

    The files that it names are not looked at (:mod:`onephase.cohort.files` does that).
    """
    problems: list[Problem] = []
    fields: Fields = {}
    parts: tuple[Callable[[Row, Path], Fields], ...] = (_identity, _image, _region, _notes)
    for part in parts:
        try:
            fields |= part(row, table.path.parent)
        except CellError as fault:
            problems.append(Problem(table.cohort, row.case, fault.column, fault.problem, fault.fix))
    events, faults = _events(row)
    problems.extend(Problem(table.cohort, row.case, fault.column, fault.problem, fault.fix) for fault in faults)
    if problems or events is None:
        return None, tuple(problems)
    fields["site"] = row["site"] or table.cohort
    covariates = {name: text for name, text in row.cells.items() if name not in KNOWN and not says_who(name)}
    return Record(cohort=table.cohort, events=events, covariates=covariates, **fields), ()


def _identity(row: Row, folder: Path) -> Fields:  # noqa: ARG001 - each part is called alike
    case_id = row["case_id"]
    if not case_id:
        raise CellError("case_id", "the case has no id", "give each lesion its own case_id")
    for column in NAMES:
        refuse_unfit_name(column, row[column])
    return {"case_id": case_id, "patient_id": row["patient_id"] or case_id, "lesion_id": row["lesion_id"]}


def refuse_unfit_name(column: str, text: str) -> None:
    """Refuse the name of a case, patient, lesion or site that could be the way to another folder, or a formula.

    Raises:
        CellError: If it is not what files and tables can be named after.
    """
    slashes = any(sign in text for sign in "/\\") or text in {".", ".."}
    if len(text) > LONGEST_ID or not text.isprintable() or slashes:
        expected = f"expected at most {LONGEST_ID} printable characters without slashes, as it names files"
        raise CellError(column, expected, "shorten it or replace the slashes")
    if is_formula(text):  # it stands in tables that others open
        raise CellError(column, "it begins like a formula of a spreadsheet", "take the sign before it away")


def _image(row: Row, folder: Path) -> Fields:
    if not row["image"]:
        raise CellError("image", "no image is named", "give the path of the post-contrast volume, relative to the CSV")
    phase = row["phase"]
    if phase not in {"", FIRST_POST} and not (phase.isdecimal() and int(phase)):
        expected = f"expected {FIRST_POST}, the number of a phase counted from 1, or nothing, got {phase!r}"
        raise CellError("phase", expected, "empty the cell where the image holds one phase")
    return {"image": folder / row["image"], "phase": phase}


def _region(row: Row, folder: Path) -> Fields:
    """Read mask, box or seed point: exactly one."""
    given = [
        name for name, columns in (("mask", ("mask",)), ("box", BOX), ("seed", SEED)) if any(row[c] for c in columns)
    ]
    if not given:
        found = "no region of interest is given, and onephase detects no lesions"
        raise CellError(
            "mask", found, "name a mask, or give a box (col_start ... slice_end) or a point (col, row, slice)"
        )
    if len(given) > 1:
        found = f"both {' and '.join(given)} are given"
        raise CellError("mask" if "mask" in given else "col_start", found, "keep one of them for this case")
    if row["mask_label"] and given != ["mask"]:
        raise CellError("mask_label", "a mask label is given without a mask", "name the mask or empty the cell")
    if given == ["mask"]:
        return {"mask": folder / row["mask"], "mask_label": row["mask_label"]}
    if given == ["box"]:
        column, column_end, line, line_end, slice_, slice_end = (_number(row, name) for name in BOX)
        for name, start, stop in zip(BOX[::2], (column, line, slice_), (column_end, line_end, slice_end), strict=True):
            _check_side(name, start, stop)
        return {"box": Box(column=(column, column_end), row=(line, line_end), slice=(slice_, slice_end))}
    column, line, slice_ = (_number(row, name) for name in SEED)
    return {"seed": SeedPoint(column=column, row=line, slice=slice_)}


def _check_side(name: str, start: float, stop: float) -> None:
    end = name.replace("start", "end")
    if start < 0:
        raise CellError(name, f"the box starts at {start:g}, outside the image", "count voxels from 0")
    if not start < stop:
        found = f"the box is inverted or empty: {name} {start:g} is not below {end} {stop:g}"
        raise CellError(f"{name}, {end}", found, "give start < end in voxels of the image, the end not included")


def _number(row: Row, column: str) -> float:
    text = row[column]
    if not text:
        raise CellError(column, "the box or point is incomplete: the cell is empty", "fill all its columns or none")
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise CellError(column, f"expected a number of voxels, got {text!r}", "write it like 16.5, with a point")
    return value


def _notes(row: Row, folder: Path) -> Fields:  # noqa: ARG001 - each part is called alike
    provenance, split = row["provenance"] or "real", row["split"]
    if provenance not in PROVENANCES:
        raise CellError("provenance", f"expected real or simulated, got {provenance!r}", "write one of them")
    if split and split not in SPLITS:
        expected = f"expected {', '.join(SPLITS)} or nothing, got {split!r}"
        raise CellError("split", expected, "write one of them, or empty the cell to have it drawn")
    texts = {label: row[label] for label in LABELS}
    return {
        "label_convention": row["label_convention"],
        "provenance": provenance,
        "split": split,
        "texts": texts,
    }


def _events(row: Row) -> tuple[Events | None, list[CellError]]:
    """Read the labels together; where that fails, each alone, so that every fault is put down to its column."""
    try:
        return read_evidence(case_id=row.case, **{label: row[label] for label in LABELS}), []
    except EvidenceError as fault:
        together = fault
    faults = []
    for label in LABELS:
        try:
            read_evidence(case_id=row.case, **{label: row[label]})
        except EvidenceError as fault:
            faults.append(_evidence_fault(row, label, fault))
    contradicting = ", ".join(label for label in ("er", "pr", "hr") if row[label])
    return None, faults or [_evidence_fault(row, contradicting, together)]


def _evidence_fault(row: Row, column: str, fault: EvidenceError) -> CellError:
    """Put an evidence error, a sentence that says what to write, down to a column."""
    return CellError(column, str(fault).removeprefix(f"case {row.case}: "), FORMS)
