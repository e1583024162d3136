"""Every lesion of a cohort cut into its patch, once, so that training and evaluation never touch an image.

The store's folder also holds ``records.json`` (who has which labels and plays which part),
``failures.json`` (who could not be prepared, and why) and ``exclusions.json`` (whom somebody left out,
and why). Patches are made by several workers and written by one process, in the order of the tables: the
bytes are the same whoever works, and after a kill.
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from onephase.cohort.cutting import CutPatch, cut_patch
from onephase.cohort.prepared import (
    EXCLUSIONS,
    FAILURES,
    RECORDS,
    Failure,
    PreparedCohort,
    fingerprint_of,
    open_prepared,
)
from onephase.cohort.records import Record, read_records, sources_of, write_records
from onephase.cohort.source_key import source_key
from onephase.cohort.table import read_cohort
from onephase.errors import CohortError
from onephase.imaging.patches import PatchWriter, writing
from onephase.progress import Progress, silent
from onephase.settings import Settings
from onephase.storage import write_faults, write_json
from onephase.work.workers import Workers, in_order

PREPARING = "preparing"
VERIFYING = "looking whether prepared cases have changed"


def prepare(
    cohort_paths: Sequence[Path],
    folder: Path,
    settings: Settings,
    *,
    workers: Workers = 1,
    progress: Progress = silent,
    strict: bool = False,
) -> PreparedCohort:
    """Prepare every case of some cohort tables that the folder does not hold yet.

    Where only labels, splits or covariates have changed, the records are written anew and no image is read
    twice. What a kill cut off is made again.

    Args:
        cohort_paths: The tables.
        folder: The store's folder, new or from before.
        settings: Patch size, spacing and regions; the shares of splits that are still to be drawn.
        workers: Who works.
        progress: Told after each case.
        strict: Whether the first case that fails stops the work.

    Raises:
        CohortError: If a table has a problem, or an image, mask or region changed since it was prepared.
        StorageError: If the folder was prepared with other settings, or cannot be written to.
        ImageError: If a case fails, and ``strict``.
        WorkerError: If a worker was killed, or a cluster cannot do the work.
    """
    cohort = read_cohort(*cohort_paths, split=settings.split, written=_splits_of(folder))
    failures: list[Failure] = []
    fingerprint, shape = fingerprint_of(settings), settings.imaging.patch_voxels
    with write_faults(folder), writing(folder, fingerprint=fingerprint, patch_voxels=shape) as writer:
        _refuse_changed(cohort.records, writer, workers=workers, progress=progress)
        todo = [record for record in cohort.records if record.case_id not in writer]
        progress(PREPARING, 0, len(todo))
        cut = partial(cut_patch, settings=settings)
        with closing(in_order(cut, todo, workers=workers, sees=sources_of(todo))) as made:
            for done, (record, answer) in enumerate(zip(todo, made, strict=True), start=1):
                if isinstance(answer, CutPatch):
                    writer.add(record.case_id, answer.patch, key=answer.key, notes=answer.notes)
                elif strict:
                    raise answer
                else:
                    failures.append(Failure(record.case_id, str(answer), record.cohort))
                progress(PREPARING, done, len(todo))
        write_records(folder / RECORDS, [record for record in cohort.records if record.case_id in writer])
        write_json(folder / FAILURES, [asdict(failure) for failure in failures])
        write_json(folder / EXCLUSIONS, [one.to_json() for one in cohort.excluded])
    return open_prepared(folder)


def _splits_of(folder: Path) -> dict[str, Any]:
    """Return the splits that were drawn when the folder was prepared before."""
    path = folder / RECORDS
    return {record.case_id: record.split for record in read_records(path)} if path.exists() else {}


def _refuse_changed(records: Sequence[Record], writer: PatchWriter, *, workers: Workers, progress: Progress) -> None:
    stored = [record for record in records if record.case_id in writer]
    progress(VERIFYING, 0, len(stored))
    with closing(in_order(source_key, stored, workers=workers, sees=sources_of(stored))) as keys:
        for done, (record, key) in enumerate(zip(stored, keys, strict=True), start=1):
            if key != writer.key_of(record.case_id):
                message = (
                    f"case {record.case_id}: its image, mask, phase or region has changed since it was prepared: "
                    "prepare the cohort into another folder"
                )
                raise CohortError(message)
            progress(VERIFYING, done, len(stored))
