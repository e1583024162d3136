"""Prepared lesions of one or several stores, as contestants and protocols deal with them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from onephase.arrays import Float32, Float64
from onephase.biomarkers.panel import Events
from onephase.cohort.prepared import PreparedCohort
from onephase.cohort.records import Record

BATCH = 32  # lesions whose patches are held at once


@dataclass(frozen=True, slots=True, eq=False)
class Lesion:
    """One prepared lesion: a record, and where its patch is."""

    record: Record
    prepared: PreparedCohort

    @property
    def row(self) -> int:
        """Where its patch is in the store's arrays."""
        return self.prepared.store.rows([self.record.case_id])[0]


@dataclass(frozen=True, slots=True, eq=False)
class PatchBatch:
    """Patches of some lesions, in single precision.

    Attributes:
        image: Normalised intensities.
        distance_mm: Signed distance to the lesion surface.
        descriptors: The lesions in numbers.
    """

    image: Float32[np.ndarray, "case slice row column"]
    distance_mm: Float32[np.ndarray, "case slice row column"]
    descriptors: Float32[np.ndarray, "case descriptor"]


def lesions_of(prepared: Sequence[PreparedCohort]) -> tuple[Lesion, ...]:
    """Return the lesions of prepared cohorts, one cohort after the other."""
    return tuple(Lesion(record, one) for one in prepared for record in one.records)


def events_of(records: Sequence[Record]) -> Events:
    """Return the events of records, one a row."""
    return Events.stack([record.events for record in records]) if records else Events.unknown(0)


def volumes_ml(lesions: Sequence[Lesion]) -> Float64[np.ndarray, " case"]:
    """Return the volume of each lesion in millilitres."""
    cases = [lesion.prepared.store.case(lesion.record.case_id) for lesion in lesions]
    return np.array([case.facts["volume_ml"] for case in cases], dtype=np.float64)


def patches_of(lesions: Sequence[Lesion]) -> Iterator[PatchBatch]:
    """Yield the patches of lesions, some at a time, in order."""
    for start in range(0, len(lesions), BATCH):
        some = lesions[start : start + BATCH]
        yield PatchBatch(
            np.stack([lesion.prepared.store.image[lesion.row] for lesion in some]).astype(np.float32),
            np.stack([lesion.prepared.store.distance_mm[lesion.row] for lesion in some]).astype(np.float32),
            np.stack([lesion.prepared.store.descriptors[lesion.row] for lesion in some]).astype(np.float32),
        )
