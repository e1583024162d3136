"""A cohort to a copy that can be shared: written aside, searched for what must not be in it, then put in its place.

All or nothing: what was not searched must not lie about under a name that says it was. A copy that was cut off is
written again from the start.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from onephase.cohort.case_of import case_of
from onephase.cohort.export import manifest as manifests
from onephase.cohort.export import shared_table
from onephase.cohort.export.dicom_series import own_dicom_words, refuse_other_images, write_series
from onephase.cohort.export.form import Form
from onephase.cohort.export.manifest import MANIFEST, Terms, manifest, terms_of
from onephase.cohort.export.pseudonyms import Names, names_of
from onephase.cohort.export.residual_scan import residual_scan
from onephase.cohort.export.shared_table import TABLE, dropped_columns, table_text
from onephase.cohort.export.source_identifiers import source_identifiers
from onephase.cohort.files import unreadable_files
from onephase.cohort.records import Record
from onephase.cohort.table import read_cohort
from onephase.errors import CohortError, ExportError
from onephase.imaging.case import Mask
from onephase.progress import Progress, silent
from onephase.readers.header_identifiers import Identifier
from onephase.storage import folder_aside, sha256_of, write_json, write_text
from onephase.work.workers import Workers, all_in_order
from onephase.writers.volume_file import write_mask, write_volume

READING = "reading who must not be told"
WRITING = "writing volumes and masks"
EVERY_FILE_S = 315_532_800  # 1980-01-01, the first day that a ZIP can tell
SHOWN = 5


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What would be copied.

    Attributes:
        records: The lesions.
        form: What volumes and masks become.
        terms: Of the sets that they come from, as far as imports left them.
        identifiers: Everything that the source is known by.
    """

    records: tuple[Record, ...]
    form: Form
    terms: tuple[Terms, ...]
    identifiers: frozenset[Identifier]

    @property
    def searched_for(self) -> int:
        """How many texts the source is known by."""
        return len({one.text for one in self.identifiers})

    def __str__(self) -> str:
        """Return what a person should know, a few lines."""
        counts = ", ".join(f"{name} {number}" for name, number in manifests.counts(self.records).items() if number)
        simulated = "SIMULATED: " if self.records[0].provenance == "simulated" else ""
        dropped = ", ".join(dropped_columns(self.records)) or "none"
        emptied = shared_table.emptied_cells(self.records)
        cells = "".join(f"; cells emptied in {column}: {number}" for column, number in emptied.items())
        searched = f"identifiers of the source that are searched for {self.searched_for}"
        return f"{simulated}{counts}, {searched}\nColumns dropped: {dropped}{cells}"

    def to_json(self) -> dict[str, Any]:
        """Return the plan as JSON values; unlike the manifest it names the columns, for only the user sees it."""
        return {
            "form": self.form.value,
            "counts": manifests.counts(self.records),
            "provenance": self.records[0].provenance,
            "dropped_columns": list(dropped_columns(self.records)),
            "emptied_cells": dict(shared_table.emptied_cells(self.records)),
            "searched_for": self.searched_for,
        }


def plan_export(
    paths: Sequence[Path], *, form: Form = Form.NIFTI, workers: Workers = 1, progress: Progress = silent
) -> Plan:
    """Read tables and headers, and say what a copy would hold; no voxel is read and nothing written.

    Args:
        paths: The tables.
        form: What volumes and masks shall become.
        workers: Who reads headers.
        progress: Told after each case.

    Raises:
        CohortError: If a table, or the header of an image or mask, has a problem.
        ImageError: If the headers of an image or mask cannot be read.
        ExportError: If every case is left out, or an image cannot take the form.
    """
    records = read_cohort(*paths, labelled=False).records
    if not records:
        message = (
            f"no case is left to copy: every case of {', '.join(path.name for path in paths)} is left out; take a case "
            "out of the file of exclusions (docs/cohort-table.md), or name another table"
        )
        raise ExportError(message)
    problem = next(unreadable_files(records, progress=progress), None)
    if problem is not None:
        message = f"{problem}, or leave the case out (docs/cohort-table.md)"
        raise CohortError(message)
    if form is Form.DICOM:
        refuse_other_images(records)
    terms = tuple(one for one in map(terms_of, paths) if one is not None)
    found = all_in_order(source_identifiers, records, task=READING, workers=workers, progress=progress)
    return Plan(records, form, terms, frozenset().union(*found))


def write_copy(plan: Plan, folder: Path, *, key: bytes, workers: Workers = 1, progress: Progress = silent) -> None:
    """Write a copy with pseudonyms.

    Args:
        plan: What is in it.
        folder: Where the copy shall stand; new, or empty.
        key: The key of the pseudonyms.
        workers: Who writes volumes.
        progress: Told after each case.

    Raises:
        ImageError: If an image or mask cannot be read.
        ExportError: If anything of the source is found in the copy, or the folder is not empty.
        StorageError: If the folder cannot be written.
    """
    refuse_folder(folder)
    names = names_of(plan.records, key=key)
    with folder_aside(folder) as aside:
        write = partial(_write_case, folder=aside, form=plan.form, key=key)
        pairs = list(zip(plan.records, names, strict=True))
        all_in_order(write, pairs, task=WRITING, workers=workers, progress=progress)
        write_text(aside / TABLE, table_text(plan.records, names, form=plan.form))
        sums = {path.relative_to(aside).as_posix(): sha256_of(path) for path in _files(aside)}
        told = manifest(plan.records, plan.terms, form=plan.form, searched_for=plan.searched_for, files=sums)
        write_json(aside / MANIFEST, told)
        _refuse_leaks(aside, plan, key=key, progress=progress)
        for path in (*aside.rglob("*"), aside):
            os.utime(path, (EVERY_FILE_S, EVERY_FILE_S))


def refuse_folder(folder: Path) -> None:
    """Refuse a folder that holds anything: no copy that may have been shared is replaced.

    Raises:
        ExportError: If there is something in it.
    """
    if folder.is_dir() and any(folder.iterdir()):
        message = f"{folder} is not empty: name a new folder for each copy"
        raise ExportError(message)


def _write_case(pair: tuple[Record, Names], *, folder: Path, form: Form, key: bytes) -> None:
    """Write volume and mask anew; as NIfTI from arrays and grid alone: no header of the source comes along."""
    record, names = pair
    if form is Form.DICOM:
        write_series(record, names, folder, key=key)
        return
    case = case_of(record)
    write_volume(folder / form.image(names.case), case.volume)
    if isinstance(case.roi, Mask):
        write_mask(folder / form.mask(names.case), case.roi)


def _refuse_leaks(folder: Path, plan: Plan, *, key: bytes, progress: Progress) -> None:
    own_words = {*shared_table.own_words(plan.records), *manifests.own_words(plan.records), *plan.form.words, MANIFEST}
    dicom_words = own_dicom_words() if plan.form is Form.DICOM else ()
    keys = [Identifier(text, "the key") for text in (key.hex(), key.decode("latin-1").strip())]
    identifiers = [*plan.identifiers, *keys]
    found = [
        *residual_scan(folder, identifiers, own_words=own_words, dicom_words=dicom_words, progress=progress),
    ]
    if found:
        told = "; ".join(f"{one.file}: {one.kind}" for one in found[:SHOWN])
        more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        message = (
            f"the copy was not kept, for something of the source was found in it ({told}{more}): docs/export.md says "
            "what is searched for, and what to do where a name is a common word"
        )
        raise ExportError(message)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
