"""``export.json``: what a copy holds, what was left out of it, and on what terms its source stands."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onephase
from onephase.cohort.export.form import Form
from onephase.cohort.export.shared_table import dropped_columns, emptied_cells
from onephase.cohort.records import Record
from onephase.cohort.sources.known import ALL
from onephase.cohort.sources.record import record_file_of
from onephase.errors import ExportError
from onephase.storage import json_text, read_json

MANIFEST = "export.json"
FORMAT = 1
NOTICE = (
    "Pseudonymised copy for research. Names, dates and free text were removed and headers written anew; voxels are as "
    "they were. Whether it can be shared is for a person to judge."
)
_WORD = re.compile(r"[a-z_]{2,}")


@dataclass(frozen=True, slots=True)
class Terms:
    """Under what terms a set stands, as its import wrote it down."""

    title: str
    licence: str
    citation: str


def terms_of(table: Path) -> Terms | None:
    """Return the terms that an import left beside a table; None where there is no such record.

    Raises:
        StorageError: If the record is no JSON.
        ExportError: If it does not say them.
    """
    path = record_file_of(table)
    if not path.exists():
        return None
    record = read_json(path)
    try:
        return Terms(*(str(record[name]) for name in ("title", "licence", "citation")))
    except (KeyError, TypeError):
        message = f"{path} does not say title, licence and citation of the set: import it again, or move the file away"
        raise ExportError(message) from None


def manifest(
    records: Sequence[Record], terms: Sequence[Terms], *, form: Form, searched_for: int, files: Mapping[str, str]
) -> dict[str, Any]:
    """Return the manifest as JSON values.

    Args:
        records: What was copied.
        terms: Of the sets that it comes from.
        form: What volumes and masks became.
        searched_for: How many identifiers were looked for in the copy.
        files: sha256 of each file by its place in the copy.
    """
    return {
        "format": FORMAT,
        "onephase": onephase.__version__,
        "notice": NOTICE,
        "form": form.value,
        "provenance": records[0].provenance,
        "counts": counts(records),
        "dropped": {"columns": len(dropped_columns(records)), "cells": dict(emptied_cells(records))},
        "searched_for": searched_for,
        "sources": [{"title": one.title, "licence": one.licence, "citation": one.citation} for one in terms],
        "sha256": dict(files),
    }


def counts(records: Sequence[Record]) -> dict[str, int]:
    """Count cases, patients, sites, and how lesions are outlined."""
    return {
        "cases": len(records),
        "patients": len({record.identity for record in records}),
        "sites": len({record.site for record in records}),
        "masks": sum(record.mask is not None for record in records),
        "boxes": sum(record.box is not None for record in records),
        "points": sum(record.seed is not None for record in records),
    }


def own_words(records: Sequence[Record]) -> Iterator[str]:
    """Yield what stands in a manifest by right: its own words, and what onephase itself says of public sets.

    Terms in other words, such as a hospital's, are searched like everything else.
    """
    yield NOTICE
    yield from _WORD.findall(
        json_text(manifest(records, (), form=Form.DICOM, searched_for=0, files={}) | {"notice": ""}).lower()
    )
    yield from ("title", "licence", "citation")
    for source in ALL:
        for text in (source.title, source.licence, source.citation):
            yield json.dumps(text, ensure_ascii=False)[1:-1]
