"""What an import leaves: the cohort table, and beside it what was found, used and left out, and on what terms."""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import onephase
from onephase.cohort.columns import BOX, LABELS
from onephase.cohort.sources.source import Found, Label, LeftOut, Lesion, Source
from onephase.csv_text import csv_text
from onephase.errors import CohortError
from onephase.storage import read_json, sha256_of, write_json, write_text

FORMAT = 1
REPLACED = "replaced_sha256"
FIXED = ("case_id", "patient_id", "lesion_id", "site", "image", "phase", "mask", "mask_label")


@dataclass(frozen=True, slots=True)
class Record:
    """An import as it is written down beside its table.

    Attributes:
        source: The set.
        found: What was found.
        table: The cohort table.
        folder: Where the set lies; paths in the record are told from it, or from the table's folder.
        table_sha256: Of the table, which need not stand there yet.
    """

    source: Source
    found: Found
    table: Path
    folder: Path
    table_sha256: str

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
            "table_sha256": self.table_sha256,
        }

    @property
    def labels(self) -> tuple[Label, ...]:
        """What the labels mean."""
        return self.found.labels or self.source.labels

    def by_reason(self) -> dict[str, list[LeftOut]]:
        """Return the cases left out by reason, the most frequent first."""
        return by_reason(self.found.left_out)

    def lines(self) -> list[str]:
        """Return what a person should read: counts, terms, meaning of labels, notes."""
        found, source = self.found, self.source
        counts = f"{len(found.names)} cases found = {len(found.lesions)} used + {len(found.left_out)} left out"
        left = [f"left out, {len(those)}: {reason}" for reason, those in self.by_reason().items()]
        meanings = [f"{one.column} from {one.origin}: {one.meaning}" for one in self.labels]
        terms = [f"Licence: {source.licence}", f"Cite: {source.citation}"]
        return [f"{source.title}: {counts}", *left, *found.notes, *meanings, *terms]

    def _named(self, one: LeftOut) -> str:
        detail = one.detail
        for place in self._places():
            detail = _told_from(place, detail)
        return f"{one.case}: {detail}" if detail else one.case

    def _places(self) -> list[Path]:
        """Every way in which a path into the set or to the table's folder may begin, the longer before the shorter."""
        beside = self.table.parent
        from_table = beside / os.path.relpath(self.folder.resolve(), beside.resolve())
        places = {self.folder, self.folder.resolve(), from_table, beside, beside.resolve()}
        return sorted(places, key=lambda place: len(str(place)), reverse=True)


def by_reason(left_out: Iterable[LeftOut]) -> dict[str, list[LeftOut]]:
    """Return cases left out by reason, the most frequent first."""
    reasons: dict[str, list[LeftOut]] = {}
    for one in left_out:
        reasons.setdefault(one.reason, []).append(one)
    return dict(sorted(reasons.items(), key=lambda item: -len(item[1])))


def _told_from(place: Path, text: str) -> str:
    """Return a text whose paths that begin with a folder are told from it; only whole names of folders count."""
    begins = rf"(?<![^\s'\"(]){re.escape(str(place))}"
    text = re.sub(f"{begins}/", "", text)
    return re.sub(rf"{begins}(?![^\s'\",:;)])", ".", text) if place.is_absolute() else text


def record_file_of(table: Path) -> Path:
    """Return where the record of a table stands: ``cohort.source.json`` beside ``cohort.csv``."""
    return table.with_name(f"{table.stem}.source.json")


def write_record(record: Record) -> None:
    """Write the record as JSON, and as a page to read, beside the table.

    It is written before the table and once more when that stands there: an earlier table that is still in its place
    is named too, so that whenever an import is killed, the next one knows the table as its own.

    Raises:
        StorageError: If the folder cannot be written to.
    """
    path = record_file_of(record.table)
    said = record.to_json()
    if record.table.exists() and (earlier := sha256_of(record.table)) != record.table_sha256:
        said[REPLACED] = earlier
    title, *rest = record.lines()
    write_text(path.with_suffix(".md"), "\n".join([f"# {title}", "", *(f"- {line}" for line in rest)]) + "\n")
    write_json(path, said)


def refuse_foreign(table: Path) -> None:
    """Refuse to replace a table that no import wrote, or that was changed since.

    Raises:
        CohortError: In one sentence.
    """
    if not table.exists():
        return
    record = record_file_of(table)
    said = read_json(record) if record.exists() else {}
    known = [said.get(name) for name in ("table_sha256", REPLACED)] if isinstance(said, dict) else []
    if sha256_of(table) not in known:
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
    rows = [_row(lesion, source=source, folder=folder) for lesion in lesions]
    return csv_text([columns, *([row.get(name, "") for name in columns] for row in rows)])


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
