"""What preparing a cohort would take, measured on two of its cases; nothing is written."""

import resource
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from onephase.cohort.cutting import cut_patch
from onephase.cohort.records import Record
from onephase.cohort.table import read_cohort
from onephase.errors import ImageError, OnephaseError
from onephase.imaging.patches import FILES, bytes_of, open_store
from onephase.settings import Settings

KIB, MIB = 1 << 10, 1 << 20


@dataclass(frozen=True, slots=True)
class PreparationEstimate:
    """Time, memory and disk that preparing would take.

    Attributes:
        cases: Cases in the tables.
        stored: Of these, already in the folder.
        seconds: Time for the others, from a case of middling size.
        memory_bytes: Peak of all processes together, from the largest case.
        disk_bytes: Growth of the folder.
    """

    cases: int
    stored: int
    seconds: float
    memory_bytes: int
    disk_bytes: int

    def __str__(self) -> str:
        """Return one sentence."""
        return (
            f"{self.cases - self.stored} of {self.cases} cases are to be prepared: about {self.seconds:.0f} s, "
            f"{self.memory_bytes / MIB:.0f} MiB of memory, {self.disk_bytes / MIB:.0f} MiB on disk"
        )

    def to_json(self) -> dict[str, Any]:
        """Return the estimate as JSON values."""
        return asdict(self)


def estimate_preparation(
    cohort_paths: Sequence[Path], folder: Path, settings: Settings, *, workers: int = 1
) -> PreparationEstimate:
    """Estimate what :func:`~onephase.cohort.preparation.prepare` would take, by preparing two cases in memory.

    Args:
        cohort_paths: The tables.
        folder: The store's folder; need not exist.
        settings: As for preparing.
        workers: Number of processes.

    Raises:
        CohortError: If a table has a problem.
        OnephaseError: If every case that is to be prepared fails, with what is wrong with the last one tried.
    """
    records = read_cohort(*cohort_paths, split=settings.split).records
    todo = sorted(unprepared(records, folder), key=_size)
    middle = len(todo) // 2
    seconds = _timed([*todo[middle:], *reversed(todo[:middle])], settings)
    _timed(todo[::-1], settings)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB
    processes = 1 if workers == 1 else workers + 1  # the leader that writes
    patch_bytes = sum(bytes_of(name, settings.imaging.patch_voxels) for name in FILES)
    return PreparationEstimate(
        cases=len(records),
        stored=len(records) - len(todo),
        seconds=seconds * len(todo) / workers,
        memory_bytes=peak * processes,
        disk_bytes=patch_bytes * len(todo),
    )


def unprepared(records: Sequence[Record], folder: Path) -> list[Record]:
    """Return the records that a store does not hold yet; all where there is no store."""
    stored = {case.case_id for case in open_store(folder).cases} if (folder / "store.json").exists() else set()
    return [record for record in records if record.case_id not in stored]


def _timed(records: Sequence[Record], settings: Settings) -> float:
    """Return how long the first case takes that does not fail, as preparing too goes on with the others."""
    fault: OnephaseError | None = None
    for record in records:
        start = time.perf_counter()
        answer = cut_patch(record, settings=settings)
        if not isinstance(answer, OnephaseError):
            return time.perf_counter() - start
        fault = answer
    if fault is not None:
        raise fault
    return 0.0


def _size(record: Record) -> int:
    """Return the bytes of an image on disk; 0 where a folder of it cannot be read, as preparing will say."""
    files = [record.image]
    if record.image.is_dir():
        from onephase.readers.dicom.files import folders_below  # with pydicom, which a volume file does without

        try:
            files = [parent / name for parent, names in folders_below(record.image) for name in names]
        except ImageError:
            return 0
    return sum(file.stat().st_size for file in files if file.is_file())  # a link counts as what it leads to
