"""What is wrong between rows: each check takes what was read and yields problems."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from onephase.biomarkers.panel import Events
from onephase.cohort.columns import LABELS, says_who, seems_to_tell
from onephase.cohort.csv_file import CohortFile
from onephase.cohort.problems import Problem
from onephase.cohort.records import Record
from onephase.cohort.splits import DRAWN

BARE_STATUS = re.compile(r"[01](\.0)?")
IHC_SCORE = re.compile(r"(?<!HER)\b[0-3]\s*\+|\bIHC|\bAllred|\bH-?score", re.IGNORECASE)
EVERY_TABLE = ""


def duplicate_ids(tables: Sequence[CohortFile]) -> Iterator[Problem]:
    """Refuse a case id that stands twice, in one table or in two."""
    rows = [(table, row) for table in tables for row in table.rows if row["case_id"]]
    times = Counter(row["case_id"] for _, row in rows)
    first: dict[str, str] = {}
    for table, row in rows:
        here = f"{table.cohort} line {row.line}"
        if times[row["case_id"]] > 1 and first.setdefault(row["case_id"], here) != here:
            found = f"line {row.line} has the case id of {first[row['case_id']]}"
            yield Problem(table.cohort, row.case, "case_id", found, "give each lesion its own case_id")


def mixed_notation(tables: Sequence[CohortFile]) -> Iterator[Problem]:
    """Refuse a column in which a bare 0 or 1 could be a status or a score."""
    for table in tables:
        for label in LABELS[:-1]:
            bare = next((row for row in table.rows if BARE_STATUS.fullmatch(row[label])), None)
            score = next((row for row in table.rows if IHC_SCORE.search(row[label])), None)
            if bare is not None and score is not None:
                found = (
                    f"the column mixes a bare status ({bare[label]!r}, case {bare.case}) with scores "
                    f"({score[label]!r}, case {score.case}), so that a bare 0 or 1 could be either"
                )
                fix = "write the status as positive or negative, and scores as 0+ to 3+ or by their name"
                yield Problem(table.cohort, "", label, found, fix)


def shared_images(records: Sequence[Record]) -> Iterator[Problem]:
    """Refuse one image under two patients, and one lesion under two cases; another phase makes no other lesion."""
    first: dict[object, Record] = {}
    for record in records:
        image = record.image.resolve()
        other = first.setdefault(image, record)
        if other.identity != record.identity:
            found = f"the image is also that of case {other.case_id}, of another patient"
            yield Problem(record.cohort, record.case_id, "image", found, "name the right image, or one patient_id")
            continue
        lesion = (image, record.mask and record.mask.resolve(), record.mask_label, record.box, record.seed)
        twin = first.setdefault(lesion, record)
        if twin is not record:
            found = f"image and region are those of case {twin.case_id}"
            yield Problem(record.cohort, record.case_id, "image", found, "keep one row for each lesion")


def mixed_provenance(records: Sequence[Record]) -> Iterator[Problem]:
    """Refuse real and simulated cases in one call: no figure over both would mean anything."""
    count = Counter(record.provenance for record in records)
    if len(count) > 1:
        found = f"{count['real']} real and {count['simulated']} simulated cases come together"
        yield Problem(
            EVERY_TABLE, "", "provenance", found, "put them into tables of their own and use one kind at a time"
        )


def unlabelled(records: Sequence[Record]) -> Iterator[Problem]:
    """Refuse a cohort without any label; count the cases that have none."""
    for cohort, members in _by_cohort(records).items():
        bare = sum(not any(record.texts.values()) for record in members)
        if bare == len(members):
            found = "all labels are missing"
            yield Problem(cohort, "", ", ".join(LABELS), found, "fill at least one label column")
        elif bare:
            found = f"{bare} of {len(members)} cases have no label: they are prepared but teach and test nothing"
            yield Problem(cohort, "", ", ".join(LABELS), found, "fill in what pathology wrote", "warning")


def one_class_only(records: Sequence[Record]) -> Iterator[Problem]:
    """Refuse tables in which no label tells cases apart; warn of each label that does not."""
    events = Events.stack([record.events for record in records])
    classes = {label: set(events.status(label).tolist()) - {-1} for label in LABELS[:-1]}
    known = (events.ki67 != (0.0, 1.0)).any(axis=1)
    classes["ki67"] = set(map(tuple, events.ki67[known].tolist()))
    single = [label for label, found in classes.items() if len(found) == 1]
    if single and not any(len(found) > 1 for found in classes.values()):
        found = "every known label has one class only, so that nothing can be learned or tested"
        yield Problem(EVERY_TABLE, "", ", ".join(single), found, "add cases of the other class, or another cohort")
        return
    for label in single:
        fix = "add cases of the other class if this label shall be learned or tested"
        yield Problem(EVERY_TABLE, "", label, "every case in which it is known has the same value", fix, "warning")


def mixed_conventions(records: Sequence[Record]) -> Iterator[Problem]:
    """Say where positive meant different things."""
    names = sorted({record.label_convention for record in records if record.label_convention})
    if len(names) > 1:
        found = f"positive meant different things ({', '.join(names)})"
        fix = "read the figures of each cohort apart"
        yield Problem(EVERY_TABLE, "", "label_convention", found, fix, "warning")


def paths_that_do_not_travel(tables: Sequence[CohortFile]) -> Iterator[Problem]:
    """Say where paths are absolute, or leave the table's folder, and so break when it is moved."""
    for table in tables:
        for column in ("image", "mask"):
            away = sum(row[column].startswith("/") or ".." in row[column].split("/") for row in table.rows)
            if away:
                found = f"{away} paths are absolute or lead out of the table's folder: they break when it is moved"
                fix = "put the files below the table's folder and write paths relative to it"
                yield Problem(table.cohort, "", column, found, fix, "warning")


def personal_columns(tables: Sequence[CohortFile]) -> Iterator[Problem]:
    """Say which columns are called as ones that say who a patient is."""
    for table in tables:
        for column in filter(says_who, table.columns):
            found = "it is called as one that says who a patient is, and is not carried along"
            yield Problem(table.cohort, "", column, found, "delete it before the table is passed on", "warning")


def labels_by_another_name(tables: Sequence[CohortFile]) -> Iterator[Problem]:
    """Say which columns are taken as covariates though their names speak of a label."""
    for table in tables:
        for column in table.columns:
            label = seems_to_tell(column)
            if label is not None and not says_who(column):
                found = f"its name speaks of {label}, and it is taken as a covariate: no label is read from it"
                fix = f"what pathology wrote belongs into a column {label}: else delete it, or leave it as it is"
                yield Problem(table.cohort, "", column, found, fix, "warning")


def half_split(tables: Sequence[CohortFile]) -> Iterator[Problem]:
    """Say where a split column is filled only in part."""
    for table in tables:
        empty = sum(not row["split"] for row in table.rows)
        if 0 < empty < len(table.rows):
            found = f"{empty} of {len(table.rows)} rows have no split: they are drawn around those that have one"
            yield Problem(table.cohort, "", "split", found, "fill the column, or leave it empty as a whole", "warning")


def empty_splits(records: Sequence[Record]) -> Iterator[Problem]:
    """Say which split nobody is in, after they were drawn."""
    missing = [split for split in DRAWN if all(record.split != split for record in records)]
    if missing and any(record.split != "external" for record in records):
        found = f"no case is in {' or '.join(missing)}"
        yield Problem(EVERY_TABLE, "", "split", found, "add cases or change the shares in the settings", "warning")


def _by_cohort(records: Iterable[Record]) -> dict[str, list[Record]]:
    members: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        members[record.cohort].append(record)
    return dict(members)
