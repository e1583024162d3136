"""What an import leaves: the cohort table, and beside it what was found, used and left out, and on what terms."""

import csv
import io
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import onephase
from onephase.cohort.columns import BOX, LABELS
from onephase.cohort.sources.source import Found, Label, LeftOut, Lesion, Source
from onephase.errors import CohortError
from onephase.storage import read_json, sha256_of, write_json, write_text

FORMAT = 1
FORMULA = re.compile(r"[=+\-@\t\r]")
SIGN_OR_NUMBER = re.compile(r"[+-]|[+-]?\d+(\.\d+)?")
FIXED = ("case_id", "patient_id", "lesion_id", "site", "image", "phase", "mask", "mask_label")


@dataclass(frozen=True, slots=True)
class Record:
    """An import as it is written down beside its table.

    Attributes:
        source: The set.
        found: What was found.
        table: The cohort table.
        folder: Where the set lies; no path in the record begins with it.
    """

    source: Source
    found: Found
    table: Path
    folder: Path

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON values; the same files give the same values."""
        found = self.found
        return {
            "format": FORMAT,
            "onephase": onephase.__version__,
            "source": self.source.name,
            "title": self.source.title,
            "licence": self.source.licence,
            "citation": self.source.citation,
            "label_convention": self.source.convention,
            "labels": [{"column": one.column, "from": one.origin, "means": one.meaning} for one in self.labels],
            "counts": {"found": len(found.names), "used": len(found.lesions), "left_out": len(found.left_out)},
            "left_out": [
                {"reason": reason, "count": len(those), "cases": [self._named(one) for one in those]}
                for reason, those in self.by_reason().items()
            ],
            "notes": list(found.notes),
            "tables": [{"name": path.name, "sha256": sha256_of(path)} for path in found.tables],
            "table": self.table.name,
            "table_sha256": sha256_of(self.table),
        }

    @property
    def labels(self) -> tuple[Label, ...]:
        """What the labels mean."""
        return self.found.labels or self.source.labels

    def by_reason(self) -> dict[str, list[LeftOut]]:
        """Return the cases left out by reason, the most frequent first."""
        reasons: dict[str, list[LeftOut]] = {}
        for one in self.found.left_out:
            reasons.setdefault(one.reason, []).append(one)
        return dict(sorted(reasons.items(), key=lambda item: -len(item[1])))

    def lines(self) -> list[str]:
        """Return what a person should read: counts, terms, meaning of labels, notes."""
        found, source = self.found, self.source
        counts = f"{len(found.names)} cases found = {len(found.lesions)} used + {len(found.left_out)} left out"
        left = [f"left out, {len(those)}: {reason}" for reason, those in self.by_reason().items()]
        meanings = [f"{one.column} from {one.origin}: {one.meaning}" for one in self.labels]
        terms = [f"Licence: {source.licence}", f"Cite: {source.citation}"]
        return [f"{source.title}: {counts}", *left, *found.notes, *meanings, *terms]

    def _named(self, one: LeftOut) -> str:
        detail = one.detail.replace(f"{self.folder}/", "").replace(str(self.folder), ".")
        return f"{one.case}: {detail}" if detail else one.case


def record_file_of(table: Path) -> Path:
    """Return where the record of a table stands: ``cohort.source.json`` beside ``cohort.csv``."""
    return table.with_name(f"{table.stem}.source.json")


def write_record(record: Record) -> None:
    """Write the record as JSON, and as a page to read, beside the table.

    Raises:
        StorageError: If the folder cannot be written to.
    """
    path = record_file_of(record.table)
    title, *rest = record.lines()
    write_text(path.with_suffix(".md"), "\n".join([f"# {title}", "", *(f"- {line}" for line in rest)]) + "\n")
    write_json(path, record.to_json())


def refuse_foreign(table: Path) -> None:
    """Refuse to replace a table that no import wrote, or that was changed since.

    Raises:
        CohortError: In one sentence.
    """
    if not table.exists():
        return
    record = record_file_of(table)
    if not record.exists() or read_json(record).get("table_sha256") != sha256_of(table):
        message = (
            f"{table} was not written by onephase import, or was changed since: move it away or give another --out"
        )
        raise CohortError(message)


def table_text(lesions: Sequence[Lesion], *, source: Source, folder: Path) -> str:
    """Return the cohort table as CSV; paths are relative to its folder, and no cell is a formula to a spreadsheet.

    Args:
        lesions: Its rows, in order.
        source: The set that they come from.
        folder: The table's folder.
    """
    covariates = list(dict.fromkeys(chain.from_iterable(lesion.covariates for lesion in lesions)))
    boxes = BOX if any(lesion.box for lesion in lesions) else ()
    columns = (*FIXED, *boxes, *LABELS, "label_convention", "provenance", "split", *covariates)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n", restval="")
    writer.writeheader()
    for lesion in lesions:
        writer.writerow({name: harmless(cell) for name, cell in _row(lesion, source=source, folder=folder).items()})
    return text.getvalue()


def harmless(cell: str) -> str:
    """Return a cell that a spreadsheet does not run: a quote before what would begin a formula, numbers as they are."""
    return f"'{cell}" if FORMULA.match(cell) and not SIGN_OR_NUMBER.fullmatch(cell) else cell


def _row(lesion: Lesion, *, source: Source, folder: Path) -> dict[str, str]:
    row = {
        "case_id": lesion.case_id,
        "patient_id": lesion.patient_id,
        "lesion_id": lesion.lesion_id,
        "site": lesion.site,
        "image": _relative(lesion.image, folder),
        "phase": lesion.phase,
        "mask": "" if lesion.mask is None else _relative(lesion.mask, folder),
        "mask_label": lesion.mask_label,
        **lesion.labels,
        "label_convention": lesion.convention or source.convention,
        "provenance": lesion.provenance,
        "split": lesion.split,
    }
    if lesion.box is not None:
        bounds = (*lesion.box.column, *lesion.box.row, *lesion.box.slice)
        row |= {name: f"{bound:g}" for name, bound in zip(BOX, bounds, strict=True)}
    return {**lesion.covariates, **row}


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
