"""Everything that the source of a copy is known by: what its table, its files and their headers say."""

import re
from collections.abc import Iterator
from pathlib import Path

from onephase.cohort.export.shared_table import AGE, CONVENTIONS
from onephase.cohort.records import Record
from onephase.readers.header_identifiers import Identifier, header_identifiers, name_identifiers

_TELLING = re.compile(r"[^\W\d_]{4}|\d{6}|\d{4}\D\d{1,2}\D\d{1,2}|\d{1,2}\D\d{1,2}\D\d{4}")
"""Four letters in a row, six digits, or a date: the other cells of dropped columns (``2``, ``T1``) tell nobody."""


def source_identifiers(record: Record) -> frozenset[Identifier]:
    """Return what a record's patient, files and headers are known by.

    Raises:
        ImageError: If an image or mask cannot be read.
    """
    sources = [path for path in (record.image, record.mask) if path is not None]
    found = {*_of_table(record)}
    for source in sources:
        found.update(_of_path(source), header_identifiers(source))
    return frozenset(Identifier(one.text.strip(), one.kind) for one in found if one.text.strip())


def _of_table(record: Record) -> Iterator[Identifier]:
    yield Identifier(record.patient_id, "a patient's id")
    yield Identifier(record.case_id, "the id of a case")
    yield Identifier(record.lesion_id, "the id of a lesion")
    yield Identifier(record.site, "a site")
    if record.label_convention not in CONVENTIONS:
        yield Identifier(record.label_convention, "a convention that is not known")
    for column, text in record.covariates.items():
        if column != AGE:
            yield Identifier(column, "the name of a dropped column")
            if _TELLING.search(text):
                yield Identifier(text, "a cell of a dropped column")


def _of_path(path: Path) -> Iterator[Identifier]:
    for part in (*path.parts, *path.resolve().parts):
        yield from name_identifiers(part)
