"""Which phase of a scan is read: the one that was asked for, or the first post-contrast one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from onephase.errors import ImageError, NotOurInputError, PhaseUndecidedError
from onephase.imaging.case import Box, Mask, Roi
from onephase.imaging.geometry import Grid
from onephase.readers.first_post import FirstPost, enhancing_level, first_post_by_headers, first_post_by_signal
from onephase.readers.scan import Scan
from onephase.readers.series_names import is_post, is_pre
from onephase.readers.volume_file import VolumeFile

FIRST_POST = "first-post"
SEED_REACH_MM = 6.0
SAMPLED_SLICES = 5


@dataclass(frozen=True, slots=True)
class PhaseChoice:
    """The phase to read, why, and what must be said about it.

    Attributes:
        index: The phase, from 0.
        words: For the report: which phase, of how many, and why; empty for a file with a single phase.
        warnings: Suspicions, in sentences.
    """

    index: int
    words: str
    warnings: tuple[str, ...] = ()


def choose_phase(scan: Scan, wanted: str | int | None, *, roi: Roi) -> PhaseChoice:
    """Choose the phase of a scan.

    Args:
        scan: The scan.
        wanted: ``first-post`` or None, or the number of a phase, counted from 1.
        roi: Region of interest, where the signal may be asked for help.

    Raises:
        PhaseUndecidedError: If the first post-contrast phase is wanted and nothing tells which it is.
        NotOurInputError: If the phase is plainly pre-contrast.
        ImageError: If there is no such phase.
    """
    number = _number(wanted)
    if len(scan.phases) == 1:
        return _only_phase(scan, number)
    if number is not None and not 1 <= number <= len(scan.phases):
        message = f"{scan.label} holds {len(scan.phases)} phases: --phase takes 1 to {len(scan.phases)}, not {number}"
        raise ImageError(message)
    if isinstance(scan, VolumeFile) and number is None:
        message = (
            f"{scan.label} is 4-D ({len(scan.phases)} volumes) and does not say which is the first post-contrast one: "
            f"choose a volume with --phase N (1 to {len(scan.phases)}; often 2, after one pre-contrast volume), "
            "in a table by its column phase"
        )
        raise PhaseUndecidedError(message)
    found = first_post_by_headers(scan.phases) or first_post_by_signal(_levels(scan, roi))
    if number is not None:
        return _asked_for(scan, number, found)
    if found is None:
        message = (
            f"{scan.label} holds {len(scan.phases)} phases, and neither names, contrast attributes, times nor the "
            "signal in the region of interest tell the first post-contrast one: "
            f"name it with --phase 1 to {len(scan.phases)}, in a table by its column phase"
        )
        raise PhaseUndecidedError(message)
    words = f"phase {found.index + 1} of {len(scan.phases)}, first post-contrast because {found.reason}"
    return PhaseChoice(found.index, words)


def refuse_no_phase(wanted: str) -> None:
    """Refuse what is no phase of any scan, before one is opened.

    Raises:
        ImageError: If it is neither ``first-post`` (or empty) nor a number counted from 1.
    """
    if _number(wanted) == 0:
        raise _not_understood(wanted)


def _number(wanted: str | int | None) -> int | None:
    text = str(wanted if wanted is not None else "").strip().lower()
    if text in {"", FIRST_POST}:
        return None
    if text.isdecimal():
        return int(text)
    raise _not_understood(wanted)


def _not_understood(wanted: str | int | None) -> ImageError:
    return ImageError(f"the phase '{wanted}' is not understood: give {FIRST_POST} or a number counted from 1")


def _only_phase(scan: Scan, number: int | None) -> PhaseChoice:
    facts = scan.phases[0]
    if number not in {None, 1}:
        message = f"{scan.label} holds a single phase: --phase takes 1 or {FIRST_POST} here, not {number}"
        raise ImageError(message)
    if not is_pre(facts.words):
        named = isinstance(scan, VolumeFile) or not is_post(facts.words)
        return PhaseChoice(0, "" if named else f"the only phase, named post-contrast ('{facts.name}')")
    if isinstance(scan, VolumeFile):
        return PhaseChoice(0, "", (f"the name of the file ({facts.name}) suggests a pre-contrast volume",))
    message = f"{scan.label} is a pre-contrast series by its name ('{facts.name}'): give the first post-contrast one"
    raise NotOurInputError(message)


def _asked_for(scan: Scan, number: int, found: FirstPost | None) -> PhaseChoice:
    index = number - 1
    words = f"phase {number} of {len(scan.phases)}, as asked for"
    if found is None or index == found.index:
        return PhaseChoice(index, words)
    first = f"phase {found.index + 1} looks like the first post-contrast one, because {found.reason}"
    if index > found.index:
        return PhaseChoice(index, words, (f"phase {number} was asked for and is a later one: {first}",))
    if found.certain:
        message = f"{scan.label}: phase {number} is pre-contrast; {first}: ask for that one"
        raise NotOurInputError(message)
    return PhaseChoice(index, words, (f"phase {number} was asked for and may be pre-contrast: {first}",))


def _levels(scan: Scan, roi: Roi) -> list[float]:
    """Return the level of enhancing tissue in the region, phase by phase, from a few of its slices."""
    inside = _inside(roi, scan.grid)
    slices = np.flatnonzero(inside.any(axis=(1, 2)))
    if not slices.size:
        return [0.0] * len(scan.phases)
    sampled = slices[np.unique(np.linspace(0, slices.size - 1, SAMPLED_SLICES).round().astype(int))]
    rows = [scan.read(phase, slices=sampled.tolist())[inside[sampled]] for phase in range(len(scan.phases))]
    return enhancing_level(np.array(rows, dtype=np.float64))


def _inside(roi: Roi, grid: Grid) -> np.ndarray:
    """Return the voxels of a region; of a seed point, those within ``SEED_REACH_MM`` along each axis."""
    if isinstance(roi, Mask):
        return roi.array
    if isinstance(roi, Box):
        bounds: Sequence[tuple[float, float]] = roi.bounds
    else:
        point = (roi.slice, roi.row, roi.column)
        reach = [SEED_REACH_MM / step for step in grid.spacing_mm]
        bounds = [(at - far, at + far + 1) for at, far in zip(point, reach, strict=True)]
    inside = np.zeros(grid.shape, dtype=np.bool_)
    inside[tuple(slice(max(0, int(start)), max(0, int(np.ceil(stop)))) for start, stop in bounds)] = True
    return inside
