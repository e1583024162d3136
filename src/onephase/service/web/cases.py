"""The work list of the page: what can be opened, and how."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from onephase.cohort.case_of import case_of
from onephase.cohort.records import Record
from onephase.errors import OnephaseError
from onephase.imaging.case import Box, Case, SeedPoint

MASK, BOX, SEED, NOTHING = "mask", "box", "seed point", "nothing yet"

UNOUTLINED = SeedPoint(0.0, 0.0, 0.0)
"""Stands in for the region of a case that nobody has outlined yet: the first voxel, which every volume has."""


class NotThereError(OnephaseError):
    """What was asked for is not on the list, or not open any more."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the work list.

    Attributes:
        key: By which it is opened.
        case_id: Its name; never a patient's.
        group: The cohort or study list that it belongs to.
        site: Where it was scanned.
        region: What says where the tumour lies: a mask, a box, a seed point, or nothing yet.
        provenance: Whether it is real or simulated.
        split: The part that it played in training the bundle; empty when the bundle has never met it.
        recorded: What pathology wrote, as it stands in the table.
        revision: Which images these are, where a list gets further ones; 0 elsewhere.
    """

    key: str
    case_id: str
    group: str = ""
    site: str = ""
    region: str = MASK
    provenance: str = "real"
    split: str = ""
    recorded: dict[str, str] = field(default_factory=dict)
    revision: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """A case as it is laid on the desk.

    Attributes:
        case: The case. Where nobody has said yet where the tumour lies, its region is
            :data:`UNOUTLINED`, which is never predicted from.
        outlined: Whether somebody has.
    """

    case: Case
    outlined: bool


@runtime_checkable  # for the shape checks of the tests
class CaseList(Protocol):
    """Whatever holds cases to be read: a cohort table here, the work list of a node elsewhere."""

    def entries(self) -> Sequence[Entry]:
        """Return what is on the list now, in the order in which it is to be read."""

    def open(self, key: str) -> Material:
        """Read one of them.

        Raises:
            NotThereError: If it is not on the list.
            ImageError: If its files cannot be used.
        """


@runtime_checkable
class TakesBoxes(Protocol):
    """A list that somebody else works on, and that can be told where a tumour lies."""

    def take_box(self, entry: Entry, box: Box) -> None:
        """Hand a box that was drawn on these images to whoever works on the list."""


class CohortList:
    """The rows of cohort tables as a work list."""

    def __init__(self, records: Sequence[Record], *, split: Mapping[str, str]) -> None:
        self._records = {str(number): record for number, record in enumerate(records, start=1)}
        self._entries = tuple(_entry(key, record, split) for key, record in self._records.items())

    def entries(self) -> Sequence[Entry]:
        """Return the rows in the order of the tables."""
        return self._entries

    def open(self, key: str) -> Material:
        """Read the case of a row."""
        if key not in self._records:
            message = "there is no such case on the work list: load the page again"
            raise NotThereError(message)
        return Material(case_of(self._records[key]), outlined=True)


def _entry(key: str, record: Record, split: Mapping[str, str]) -> Entry:
    region = MASK if record.mask is not None else BOX if record.box is not None else SEED
    return Entry(
        key=key,
        case_id=record.case_id,
        group=record.cohort,
        site=record.site,
        region=region,
        provenance=record.provenance,
        split=split.get(record.case_id, ""),
        recorded={name: text for name, text in record.texts.items() if text},
    )
