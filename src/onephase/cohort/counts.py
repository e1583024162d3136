"""What a cohort holds: lesions, patients, and how much is known of each label and subtype."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from onephase.arrays import Bool
from onephase.biomarkers.panel import CELLS, RECEPTORS, Events
from onephase.biomarkers.subtypes import SUBTYPES, subtype_of
from onephase.cohort.columns import LABELS, SPLITS
from onephase.cohort.records import Record
from onephase.cohort.splits import strata
from onephase.settings import SubtypePolicy

ALL = "all"
INDETERMINATE = "indeterminate"


@dataclass(frozen=True, slots=True)
class LabelCount:
    """How many lesions have which status of one label.

    Attributes:
        label: ``er``, ``pr``, ``her2``, ``hr``, or ``ki67``; for the last, positive is high (20 % or more).
        positive: Surely positive.
        negative: Surely negative.
        partial: Something is written or follows from another label, but the status stays open
            (HER2 2+ without ISH, ER of an HR-positive tumour, Ki-67 10 to 30 %).
        missing: Nothing is known.
    """

    label: str
    positive: int
    negative: int
    partial: int
    missing: int


@dataclass(frozen=True, slots=True)
class GroupCount:
    """What one cohort holds in one split; ``all`` stands for every cohort or every split."""

    cohort: str
    split: str
    lesions: int
    patients: int
    labels: tuple[LabelCount, ...]
    subtypes: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """Return the counts as JSON values."""
        return asdict(self)


def count_labels(records: Sequence[Record], *, policy: SubtypePolicy) -> tuple[GroupCount, ...]:
    """Count every cohort and split, each cohort in all, and (where there are several) all cohorts together."""
    cohorts = list(dict.fromkeys(record.cohort for record in records))
    groups = []
    for cohort in (*cohorts, ALL) if len(cohorts) > 1 else cohorts:
        of_cohort = [record for record in records if cohort in {ALL, record.cohort}]
        for split in (*SPLITS, ALL):
            members = [record for record in of_cohort if split in {ALL, record.split}]
            if members:
                groups.append(_counted(members, cohort=cohort, split=split, policy=policy))
    return tuple(groups)


def _counted(records: Sequence[Record], *, cohort: str, split: str, policy: SubtypePolicy) -> GroupCount:
    events = Events.stack([record.events for record in records])
    subtypes = subtype_of(events, policy)
    names = [*SUBTYPES, INDETERMINATE]  # subtype_of says -1 where it is indeterminate
    return GroupCount(
        cohort=cohort,
        split=split,
        lesions=len(records),
        patients=len({record.identity for record in records}),
        labels=tuple(_label_count(label, records, events) for label in LABELS),
        subtypes={
            name: int((subtypes == index).sum()) for name, index in zip(names, (*range(len(SUBTYPES)), -1), strict=True)
        },
    )


def _label_count(label: str, records: Sequence[Record], events: Events) -> LabelCount:
    status = strata(events)[:, 2] if label == "ki67" else events.status(label)
    written = np.array([bool(record.texts.get(label)) for record in records])
    touched = written | _constrains(label, events)
    return LabelCount(
        label=label,
        positive=int((status == 1).sum()),
        negative=int((status == 0).sum()),
        partial=int(((status == -1) & touched).sum()),
        missing=int(((status == -1) & ~touched).sum()),
    )


def _constrains(label: str, events: Events) -> Bool[np.ndarray, " case"]:
    """Tell of which cases the event says anything of a label: it changes when the receptor is turned over."""
    if label == "ki67":
        return np.asarray((events.ki67 != (0.0, 1.0)).any(axis=1))
    changes = np.zeros(len(events), dtype=bool)
    for receptor in ("er", "pr") if label == "hr" else (label,):
        turned_over = np.arange(len(CELLS)) ^ (4 >> RECEPTORS.index(receptor))  # one bit of the cell's number
        changes |= (events.cells != events.cells[:, turned_over]).any(axis=1)
    return changes
