"""A network that had nothing to learn: trained as the bundle was, on the same images with the labels shuffled."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np

from onephase.cohort.prepared import PreparedCohort
from onephase.cohort.records import Record, Split
from onephase.errors import CohortError
from onephase.evaluation.explanations.explaining import SealedBundle
from onephase.evaluation.protocol import LEARNED_FROM
from onephase.inference.bundle import Bundle, identity_of
from onephase.progress import Progress, silent


def train_on_shuffled(
    bundle: Bundle, prepared: Sequence[PreparedCohort], *, out: Path, seed: int, progress: Progress = silent
) -> SealedBundle:
    """Train on shuffled labels with the bundle's settings; a run that was broken off goes on.

    Args:
        bundle: Whose settings are taken.
        prepared: The cohorts that it has learned from.
        out: Folder of the new bundle, which is good for nothing else.
        seed: Of the shuffling.
        progress: Told of each step.

    Raises:
        CohortError: If a case that the bundle has learned from is in none of the cohorts.
        TrainingError: If the folder holds another run, or training fails.
        StorageError: If a cohort was prepared with other settings.
    """
    from onephase.learning.train import train  # torch is needed here alone

    rng = np.random.default_rng(seed)
    cohorts = [replace(one, records=shuffled(records, rng=rng)) for one, records in _as_learned(bundle, prepared)]
    folder = train(cohorts, bundle.settings, out=out, resume=True, progress=progress)
    return SealedBundle(folder, identity_of(folder))


def _as_learned(
    bundle: Bundle, prepared: Sequence[PreparedCohort]
) -> Iterator[tuple[PreparedCohort, tuple[Record, ...]]]:
    """Yield each cohort and its records with the splits that the bundle was trained with, whatever the table says."""
    learned = {case for case, split in bundle.split.items() if split in LEARNED_FROM}
    missing = learned - {record.case_id for one in prepared for record in one.records}
    if missing:
        message = (
            f"{len(missing)} of the {len(learned)} cases that the bundle has learned from are in none of the folders "
            "of --shuffled: name those that it was trained on"
        )
        raise CohortError(message)
    for one in prepared:
        splits = [cast("Split", bundle.split.get(record.case_id, "")) for record in one.records]
        yield one, tuple(replace(record, split=own) for record, own in zip(one.records, splits, strict=True))


def shuffled(records: Sequence[Record], *, rng: np.random.Generator) -> tuple[Record, ...]:
    """Return the records with what pathology found exchanged among those that are learned from, split by split."""
    events = [record.events for record in records]
    for split in LEARNED_FROM:
        rows = [row for row, record in enumerate(records) if record.split == split]
        for row, other in zip(rows, rng.permutation(rows), strict=True):
            events[row] = records[int(other)].events
    return tuple(replace(record, events=own) for record, own in zip(records, events, strict=True))
