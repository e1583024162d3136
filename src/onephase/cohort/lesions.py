"""Prepared lesions of one or several stores, as contestants and protocols deal with them."""

from collections.abc import Sequence
from dataclasses import dataclass

from onephase.biomarkers.panel import Events
from onephase.cohort.prepared import PreparedCohort
from onephase.cohort.records import Record


@dataclass(frozen=True, slots=True, eq=False)
class Lesion:
    """One prepared lesion: a record, and where its patch is."""

    record: Record
    prepared: PreparedCohort

    @property
    def row(self) -> int:
        """Where its patch is in the store's arrays."""
        return self.prepared.store.rows([self.record.case_id])[0]


def lesions_of(prepared: Sequence[PreparedCohort]) -> tuple[Lesion, ...]:
    """Return the lesions of prepared cohorts, one cohort after the other."""
    return tuple(Lesion(record, one) for one in prepared for record in one.records)


def events_of(records: Sequence[Record]) -> Events:
    """Return the events of records, one a row."""
    return Events.stack([record.events for record in records]) if records else Events.unknown(0)
