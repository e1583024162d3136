"""A prepared cohort: patches, the records that they belong to, and who was left out.

Learning and evaluation start here. No image, no reader and no table is needed, so that a folder can be
carried to another machine.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from onephase.cohort.exclusions import Exclusion
from onephase.cohort.records import Record, read_records
from onephase.errors import CohortError, StorageError
from onephase.imaging.patches import PatchStore, open_store
from onephase.settings import Settings
from onephase.storage import read_json

RECORDS = "records.json"
FAILURES = "failures.json"
EXCLUSIONS = "exclusions.json"

GIVEN_BOX = ("given_slice_mm", "given_row_mm", "given_column_mm")
"""Facts of a stored case that has a box: the sides of that box."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A case that has no patch, the sentence that says why, and the cohort that it belongs to."""

    case_id: str
    reason: str
    cohort: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class PreparedCohort:
    """Patches and the records they belong to.

    Attributes:
        store: The patches, in the order in which they were made.
        records: The cases that have one, in the order of the tables.
        failures: The cases of the tables that have none.
        excluded: The rows that somebody left out; None where an earlier version prepared the folder and kept none.
    """

    store: PatchStore
    records: tuple[Record, ...]
    failures: tuple[Failure, ...] = ()
    excluded: tuple[Exclusion, ...] | None = None

    def __str__(self) -> str:
        """Say how many cases there are, and which failed."""
        lines = [f"{len(self.records)} cases prepared in {self.store.folder}", *(f.reason for f in self.failures)]
        if self.failures:
            lines.insert(1, f"{len(self.failures)} cases failed and are left out:")
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Return what was done as JSON values."""
        return {
            "folder": str(self.store.folder),
            "prepared": [record.case_id for record in self.records],
            "failures": [asdict(failure) for failure in self.failures],
        }


def open_prepared(folder: Path) -> PreparedCohort:
    """Open what ``onephase prepare`` left in a folder. No reader is needed for it, nor the images.

    Raises:
        StorageError: If nothing was prepared in the folder, or not to its end, or it does not hold together.
    """
    if not (folder / "store.json").is_file():
        message = f"{folder} is no prepared cohort: make one with onephase prepare COHORT.csv --out FOLDER, and name it"
        raise StorageError(message)
    if not (folder / RECORDS).exists():
        message = f"{folder} was not prepared to its end: run onephase prepare again, and it goes on where it stopped"
        raise StorageError(message)
    store, records = open_store(folder), read_records(folder / RECORDS)
    absent = [record.case_id for record in records if record.case_id not in store]
    if absent:
        message = f"{folder} holds no patch of case {absent[0]}: run onephase prepare again"
        raise StorageError(message)
    failures = tuple(Failure(**failure) for failure in read_json(folder / FAILURES))
    excluded = None
    if (folder / EXCLUSIONS).exists():
        excluded = tuple(Exclusion(**one) for one in read_json(folder / EXCLUSIONS))
    return PreparedCohort(store, records, failures, excluded)


def refuse_repeated_cases(prepared: Sequence[PreparedCohort]) -> None:
    """Refuse a case id that stands twice, for by its id alone a case has its split, its answers and its labels.

    Raises:
        CohortError: Naming the case, both folders, and what to do.
    """
    folder_of: dict[str, Path] = {}
    for one in prepared:
        for record in one.records:
            if record.case_id in folder_of:
                first = folder_of[record.case_id]
                message = (
                    f"case {record.case_id} stands in {first} and in {one.store.folder}: name each folder once, or "
                    "prepare the tables into one (onephase prepare A.csv B.csv), which says what to mend in them"
                )
                raise CohortError(message)
            folder_of[record.case_id] = one.store.folder


def fingerprint_of(settings: Settings) -> dict[str, Any]:
    """Return the settings that decide what a patch is."""
    tree = settings.model_dump(mode="json", include={"imaging", "regions"})
    return {f"{section}.{name}": value for section, values in tree.items() for name, value in values.items()}


def refuse_other_settings(prepared: Sequence[PreparedCohort], settings: Settings, *, who: str) -> None:
    """Refuse patches that were made with other settings.

    Args:
        prepared: Cohorts.
        settings: Those that the patches are asked for with.
        who: Who asks, for the message.

    Raises:
        StorageError: Naming folder, setting, both values, and what to do.
    """
    wanted = json.loads(json.dumps(fingerprint_of(settings)))  # as it comes back from the store's file
    for one in prepared:
        for name, value in wanted.items():
            found = one.store.fingerprint.get(name)
            if found != value:
                message = (
                    f"{one.store.folder} was prepared with {name} = {found}, {who} has {value}: "
                    "prepare the cohort again with --settings (a TOML file, or the bundle itself), into another folder"
                )
                raise StorageError(message)
