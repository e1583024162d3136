"""How many processes fit into memory, told by the headers of the images before any voxel is read."""

import resource
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from math import prod
from pathlib import Path

from onephase.cohort.estimate import KIB, MIB, unprepared
from onephase.cohort.records import Record
from onephase.cohort.table import read_cohort
from onephase.errors import CohortError, ImageError
from onephase.progress import Progress, silent
from onephase.readers.case import open_scan
from onephase.settings import Settings
from onephase.work.waiting import AHEAD
from onephase.work.workers import all_in_order

BYTES_A_VOXEL = 13
"""While a case is read: as stored (8 at the most), as float32, and its mask."""
BYTES_A_PATCH_VOXEL = 8
"""Of a patch on its way to the leader: image and distance in float32."""
SPARE_BYTES, STEP_BYTES = 5 * MIB, 10 * MIB
"""What is asked for where memory does not suffice is rounded up: a process is not equally large each time."""
HEADERS = "reading headers"


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """How many processes may work, so that memory stays within a bound.

    Attributes:
        workers: Of the processes that were asked for, how many fit.
        asked: How many were asked for.
        memory_bytes: What they need at the most, all together.
        bound_bytes: What they may need.
    """

    workers: int
    asked: int
    memory_bytes: int
    bound_bytes: int

    def __str__(self) -> str:
        """Return one sentence."""
        return (
            f"{self.workers} of {self.asked} processes, which need at most about {self.memory_bytes / MIB:.0f} of "
            f"{self.bound_bytes / MIB:.0f} MiB of memory"
        )


def plan_memory(
    cohort_paths: Sequence[Path],
    folder: Path,
    settings: Settings,
    *,
    bound_bytes: int,
    workers: int = 1,
    progress: Progress = silent,
) -> MemoryPlan:
    """Return how many processes may prepare some cohorts within a bound on memory.

    Args:
        cohort_paths: The tables.
        folder: The store's folder; need not exist.
        settings: As for preparing.
        bound_bytes: Memory that all processes may take together.
        workers: Number of processes that are asked for.
        progress: Told after each header.

    Raises:
        CohortError: If a table has a problem, or one case alone needs more, or the process itself.
    """
    todo = unprepared(read_cohort(*cohort_paths, split=settings.split).records, folder)
    voxels = all_in_order(_voxels, todo, task=HEADERS, workers=workers, progress=progress)
    case_bytes = {record.case_id: size * BYTES_A_VOXEL for record, size in zip(todo, voxels, strict=True)}
    return fitting(
        case_bytes,
        process_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB,
        patch_bytes=prod(settings.imaging.patch_voxels) * BYTES_A_PATCH_VOXEL,
        bound_bytes=bound_bytes,
        asked=workers,
    )


def fitting(
    case_bytes: Mapping[str, int], *, process_bytes: int, patch_bytes: int, bound_bytes: int, asked: int
) -> MemoryPlan:
    """Return how many processes fit, where in the worst order the largest cases are read at the same time.

    With nothing to read it is one at the least.

    Args:
        case_bytes: What each case takes, by its name.
        process_bytes: What each process takes beside, the one that leads and writes among them.
        patch_bytes: What a patch takes that waits to be written.
        bound_bytes: What all may take together.
        asked: How many processes would work.

    Raises:
        CohortError: If one case alone needs more, or the process itself.
    """
    for count in range(asked, 0, -1):
        processes = 1 if count == 1 else count + 1  # one alone leads, works and writes
        largest = sum(nlargest(count, case_bytes.values()))
        needed = processes * process_bytes + largest + AHEAD * count * patch_bytes
        if needed <= bound_bytes:
            return MemoryPlan(count, asked, needed, bound_bytes)
    if not case_bytes:
        return MemoryPlan(1, asked, needed, bound_bytes)  # this process, which is here already
    allow = f"allowed are {bound_bytes / MIB:.0f} MiB: give --memory of at least {_rounded_up(needed)}MiB"
    if needed - largest > bound_bytes:
        message = f"onephase needs about {(needed - largest) / MIB:.0f} MiB of memory before any case is read, {allow}"
        raise CohortError(message)
    who = max(case_bytes, key=case_bytes.__getitem__)
    message = f"case {who} alone needs about {needed / MIB:.0f} MiB of memory, {allow}, or crop its image"
    raise CohortError(message)


def _rounded_up(size: int) -> int:
    """Return a size in MiB that is enough the next time too, when the process itself may be a little larger."""
    return (size + SPARE_BYTES) // STEP_BYTES * STEP_BYTES // MIB + STEP_BYTES // MIB


def _voxels(record: Record) -> int:
    """Return the voxels of one phase; none where no header can be read, for such a case fails before its voxels."""
    try:
        with open_scan(record.image) as scan:
            return prod(scan.grid.shape)
    except ImageError:
        return 0
