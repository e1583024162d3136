"""Who trains, who validates, who tests: by patient, with the biology shared out evenly.

Patients are dealt like cards. Those of a cohort are sorted by their biology (HR, HER2, Ki-67 high or
low, each known or not), shuffled inside each stratum by a hash of seed and patient, and dealt one
after another to the part that lacks most. Any run of neighbours in that order is thereby shared out
in proportion, so a stratum of two patients does no harm; the order of rows changes nothing; and a
cohort is split alike whether it comes alone or with others.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from onephase.arrays import Int64
from onephase.biomarkers.panel import Events
from onephase.cohort.records import Record, Split
from onephase.errors import CohortError
from onephase.settings import SplitSettings

KI67_HIGH_FRACTION = 0.20
"""Where Ki-67 is called high for sharing out, as the default subtype policy `ki67_20` does."""

DRAWN: tuple[Split, ...] = ("train", "validation", "test")


def draw_splits(records: Sequence[Record], settings: SplitSettings) -> tuple[Record, ...]:
    """Return the records with a split each; a split that is there stays, also for the patient's other lesions.

    The splits that are there count: where a fifth is already marked ``test``, no more is drawn into it.

    Args:
        records: Lesions of one or several cohorts, some or all without a split.
        settings: Shares of train, validation and test, and the seed.

    Raises:
        CohortError: If lesions of one patient are given different splits.
    """
    split_of = _given_splits(records)
    for patients in _queues(records, seed=settings.seed).values():
        open_patients = [patient for patient in patients if patient not in split_of]
        have = Counter(split_of[patient] for patient in patients if patient in split_of)
        whole = sum(have[split] for split in DRAWN) + len(open_patients)
        wanted = {split: max(0.0, getattr(settings, split) * whole - have[split]) for split in DRAWN}
        split_of |= _dealt(open_patients, wanted)
    return tuple(replace(record, split=split_of[record.identity]) for record in records)


def folds(records: Sequence[Record], k: int, *, seed: int) -> Int64[np.ndarray, " record"]:
    """Return the fold (0 to k - 1) of each record: by patient, stratified, cohort after cohort.

    Raises:
        CohortError: If there are fewer patients than folds.
    """
    fold_of: dict[str, int] = {}
    for patients in _queues(records, seed=seed).values():
        for patient in patients:
            fold_of[patient] = len(fold_of) % k
    if len(fold_of) < k:
        message = f"{k} folds need at least {k} patients, the cohort has {len(fold_of)}: take fewer folds"
        raise CohortError(message)
    return np.array([fold_of[record.identity] for record in records], dtype=np.int64)


def strata(events: Events) -> Int64[np.ndarray, "case 3"]:
    """Return HR, HER2 and Ki-67 high of each case: 1 yes, 0 no, -1 not known."""
    start, stop = events.ki67[:, 0], events.ki67[:, 1]
    high = np.where(start >= KI67_HIGH_FRACTION, 1, np.where(stop <= KI67_HIGH_FRACTION, 0, -1))
    return np.stack([events.status("hr"), events.status("her2"), high], axis=1).astype(np.int64)


def _given_splits(records: Sequence[Record]) -> dict[str, Split]:
    """Return the split of each patient of whom a lesion has one."""
    given: dict[str, Split] = {}
    for record in records:
        if record.split and given.setdefault(record.identity, record.split) != record.split:
            message = (
                f"case {record.case_id}: its patient stands in {given[record.identity]} and in {record.split}: "
                "give all lesions of a patient one split"
            )
            raise CohortError(message)
    return given


def _queues(records: Sequence[Record], *, seed: int) -> dict[str, list[str]]:
    """Return the patients of each cohort in the order in which they are dealt.

    The queue is turned by a number that hangs on the seed, so that the first stratum does not always
    begin with the largest part.
    """
    strata_of: dict[str, tuple[int, ...]] = {}
    cohort_of: dict[str, str] = {}
    name_of: dict[str, str] = {}
    for record in records:
        key, cohort = tuple(int(level) for level in strata(record.events)[0]), record.cohort
        # A patient of several lesions has a marker when one lesion has it.
        patient, name = record.identity, record.patient_id
        strata_of[patient] = tuple(map(max, key, strata_of.get(patient, key)))
        cohort_of[patient] = min(cohort, cohort_of.get(patient, cohort))
        name_of[patient] = min(name, name_of.get(patient, name))
    lot = _lottery(seed)
    queues: dict[str, list[str]] = {cohort: [] for cohort in sorted(set(cohort_of.values()))}
    for patient in sorted(cohort_of, key=lambda patient: (strata_of[patient], lot(name_of[patient]))):
        queues[cohort_of[patient]].append(patient)
    turn = int(lot(""), 16)
    return {cohort: queue[turn % len(queue) :] + queue[: turn % len(queue)] for cohort, queue in queues.items()}


def _lottery(seed: int) -> Callable[[str], str]:
    """Return a function that gives each name its lot, independent of who else takes part."""
    return lambda name: hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()


def _dealt(patients: Sequence[str], wanted: dict[Split, float]) -> dict[str, Split]:
    """Deal patients to parts in proportion to ``wanted``, each to the part that lacks most."""
    whole = sum(wanted.values())
    dealt: dict[str, Split] = {}
    counts: Counter[Split] = Counter()
    for turn, patient in enumerate(patients, start=1):
        lacks = {split: share / whole * turn - counts[split] for split, share in wanted.items()}
        dealt[patient] = max(lacks, key=lambda split: lacks[split])
        counts[dealt[patient]] += 1
    return dealt
