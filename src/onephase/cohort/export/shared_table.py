"""The table of a copy: the columns that onephase knows, in words that it knows, and nothing else."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from onephase.cohort.columns import BOX, LABELS, PROVENANCES, SEED, SPLITS
from onephase.cohort.export.form import Form
from onephase.cohort.export.pseudonyms import Names
from onephase.cohort.records import Record
from onephase.cohort.sources.known import ALL
from onephase.csv_text import csv_text

TABLE, AGE = "cohort.csv", "age"
COLUMNS = (
    *("case_id", "patient_id", "lesion_id", "site", "image", "mask"),
    *BOX,
    *SEED,
    *LABELS,
    *("label_convention", "provenance", "split", AGE),
)
ALWAYS = ("case_id", "patient_id", "site", "image", *LABELS, "label_convention", "provenance", "split")
GUIDELINES = ("asco-cap-2010", "asco-cap-2018", "asco-cap-2020")
CONVENTIONS = frozenset((*GUIDELINES, *(source.convention for source in ALL if source.convention)))
"""What ``label_convention`` may say in a copy; anything else may be somebody's words."""
OLDEST = 89
"""HIPAA's safe harbour (45 CFR 164.514(b)(2)(i)(C)) wants all ages above it as one."""
_AGE = re.compile(r"(\d{1,3})(\.\d+)?")
_LETTERS = re.compile(r"[a-z]{2}", re.IGNORECASE)


def table_text(records: Sequence[Record], names: Sequence[Names], *, form: Form) -> str:
    """Return the table as CSV; its paths are those that :mod:`onephase.cohort.export.exporting` writes in a form.

    Rows stand in the order of the pseudonyms, for that of the source may be one of dates or names.
    """
    rows = [_row(record, own, form) for record, own in zip(records, names, strict=True)]
    columns = [column for column in COLUMNS if column in ALWAYS or any(row.get(column) for row in rows)]
    rows.sort(key=lambda row: row["case_id"])
    return csv_text([columns, *([row.get(column, "") for column in columns] for row in rows)])


def dropped_columns(records: Sequence[Record]) -> tuple[str, ...]:
    """Return the columns of the source that no copy has, in their order."""
    columns = dict.fromkeys(column for record in records for column in record.covariates)
    return tuple(column for column in columns if column != AGE)


def emptied_cells(records: Sequence[Record]) -> Counter[str]:
    """Count, by column, the cells that say something which a copy does not repeat."""
    emptied = Counter(
        column
        for record in records
        for column, before, after in (
            ("label_convention", record.label_convention, _convention(record)),
            (AGE, record.covariates.get(AGE, ""), _age(record)),
        )
        if before and not after
    )
    return Counter(dict(sorted(emptied.items())))


def own_words(records: Sequence[Record]) -> Iterator[str]:
    """Yield the words that stand in a table by right; pathology's are those of a grammar, never free text."""
    yield from COLUMNS
    yield from (*SPLITS, *PROVENANCES, *CONVENTIONS, TABLE, *TABLE.split("."))
    yield from ("case", "patient", "lesion", "site")
    yield from {text for record in records for text in record.texts.values() if _LETTERS.search(text)}


def _row(record: Record, names: Names, form: Form) -> dict[str, str]:
    row = {
        "case_id": names.case,
        "patient_id": names.patient,
        "lesion_id": names.lesion,
        "site": names.site,
        "image": form.image(names.case),
        "mask": form.mask(names.case) if record.mask is not None else "",
        **record.texts,
        "label_convention": _convention(record),
        "provenance": record.provenance,
        "split": record.split,
        AGE: _age(record),
    }
    if record.box is not None:
        bounds = (*record.box.column, *record.box.row, *record.box.slice)
        row |= {name: f"{bound:g}" for name, bound in zip(BOX, bounds, strict=True)}
    if record.seed is not None:
        place = (record.seed.column, record.seed.row, record.seed.slice)
        row |= {name: f"{at:g}" for name, at in zip(SEED, place, strict=True)}
    return row


def _convention(record: Record) -> str:
    return record.label_convention if record.label_convention in CONVENTIONS else ""


def _age(record: Record) -> str:
    """Return whole years, all above 89 as 90; empty where the cell is no age."""
    written = _AGE.fullmatch(record.covariates.get(AGE, ""))
    return "" if written is None else str(min(int(written[1]), OLDEST + 1))
