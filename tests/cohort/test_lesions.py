from pathlib import Path

import numpy as np

from onephase.biomarkers.panel import Events
from onephase.cohort.lesions import events_of, lesions_of
from onephase.cohort.prepared import PreparedCohort
from onephase.cohort.records import Record
from onephase.imaging.patches import PatchStore, StoredCase


def _prepared(name: str, *, stored: str, recorded: str) -> PreparedCohort:
    """Return a cohort whose store holds some letters in an order, and whose table has some of them in another."""
    cases = tuple(StoredCase(f"{name} {letter}", row, "", "given", (), {}) for row, letter in enumerate(stored))
    records = tuple(
        Record(case_id=f"{name} {letter}", patient_id=letter, image=Path("x"), events=_event(ord(letter) % 8))
        for letter in recorded
    )
    return PreparedCohort(PatchStore(Path(name), {}, (4, 5, 6), cases), records)


def _event(cell: int) -> Events:
    return Events(np.arange(8)[None] == cell, np.array([[0.0, 1.0]]), np.array([-1], dtype=np.int8))


def test_lesions_come_cohort_after_cohort_and_know_their_row() -> None:
    lesions = lesions_of(
        [_prepared("first", stored="abcd", recorded="ca"), _prepared("second", stored="xy", recorded="yx")]
    )
    assert [lesion.record.case_id for lesion in lesions] == ["first c", "first a", "second y", "second x"]
    assert [lesion.row for lesion in lesions] == [2, 0, 1, 0]


def test_events_are_those_of_the_records_in_order() -> None:
    records = _prepared("first", stored="abcd", recorded="ca").records
    assert events_of(records).cells.argmax(axis=1).tolist() == [ord("c") % 8, ord("a") % 8]
    assert len(events_of([])) == 0
