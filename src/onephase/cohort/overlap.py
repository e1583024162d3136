"""Patients who stand in two splits, or in two tables under two names: nobody trains and tests, or counts twice."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from onephase.cohort.problems import Problem
from onephase.cohort.records import Record

MANY = 5


def parted_patients(records: Sequence[Record]) -> Iterator[Problem]:
    """Refuse a patient who stands in two splits, whatever the tables call her."""
    first: dict[str, Record] = {}
    for record in records:
        if not record.split:
            continue
        other = first.setdefault(record.identity, record)
        if other.split == record.split:
            continue
        if other.cohort == record.cohort:
            found = f"the patient stands in two splits: {record.split} here, {other.split} with case {other.case_id}"
            yield Problem(record.cohort, record.case_id, "split", found, "give all lesions of a patient one split")
        else:
            found = (
                f"one patient stands in two splits of two tables: {record.patient_id} ({record.split}) is "
                f"{other.patient_id} of cohort {other.cohort} ({other.split}, case {other.case_id})"
            )
            fix = "leave the patient out of one of the tables, or give both the same split"
            yield Problem(record.cohort, record.case_id, "patient_id", found, fix)


def repeated_patients(records: Sequence[Record]) -> Iterator[Problem]:
    """Say who stands in two tables of one split: she is kept in one part, but her lesions are there twice."""
    first: dict[str, Record] = {}
    repeated: dict[str, dict[str, str]] = defaultdict(dict)
    for record in records:
        other = first.setdefault(record.identity, record)
        if other.cohort != record.cohort and len({record.split, other.split} - {""}) < 2:  # noqa: PLR2004 - no two splits
            named = f"{record.patient_id} is {other.patient_id} of cohort {other.cohort} (case {other.case_id})"
            repeated[record.cohort].setdefault(record.identity, named)
    for cohort, patients in repeated.items():
        listed = "; ".join(list(patients.values())[:MANY])
        more = f"; and {len(patients) - MANY} more" if len(patients) > MANY else ""
        count = f"{len(patients)} patients are" if len(patients) > 1 else "1 patient is"
        fix = "leave them out of one of the tables, so that nobody counts twice"
        yield Problem(
            cohort, "", "patient_id", f"{count} also in another table: {listed}{more}", fix, severity="warning"
        )
