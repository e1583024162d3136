"""The phases of a dynamic scan, and the grid that they share.

One series may hold all phases. What parts them is the repeat index of each position in order of Instance
Number (or the temporal position where the header has one at every slice). Content Time and Acquisition
Number do not: in the NACT pilot one phase carries two content times a second apart, and acquisition
numbers 1 and 2 name three phases.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

import numpy as np

from onephase.errors import ImageError
from onephase.imaging.geometry import Grid
from onephase.readers.dicom.series import Stack
from onephase.readers.dicom.slice import DicomSlice

GAP_TOLERANCE = 0.1  # of the slice distance
DRIFT_MM = 0.1  # how far slices may slide in their own plane, over the whole stack


@dataclass(frozen=True, slots=True, eq=False)
class DicomPhase:
    """The slices of one phase, in order of the normal (row direction x column direction)."""

    slices: tuple[DicomSlice, ...]

    @property
    def start_s(self) -> float | None:
        """The earliest moment that its headers give, in seconds; None if unknown."""
        known = [one.start_s for one in self.slices if one.start_s is not None]
        return min(known, default=None)


def phases_of(stacks: Sequence[Stack], *, where: Path) -> tuple[DicomPhase, ...]:
    """Split stacks of one scan into phases, in order of time.

    Args:
        stacks: Stacks of the same grid.
        where: What the user named, for the message.

    Raises:
        ImageError: If slices are missing or duplicated, or nothing puts repeats in order.
    """
    phases = [phase for stack in stacks for phase in _split(stack, where=where)]
    if len(stacks) == 1 or any(phase.start_s is None for phase in phases):
        return tuple(phases)
    return tuple(sorted(phases, key=lambda phase: phase.start_s or 0.0))


def grid_of(phase: DicomPhase, *, where: Path) -> Grid:
    """Return the grid of a phase.

    Raises:
        ImageError: If slices are missing, unevenly spaced, or slide sideways.
    """
    first = phase.slices[0]
    places = np.array([one.position_mm for one in phase.slices])
    along = places @ first.normal
    steps = np.diff(along)
    step = float(np.median(steps))
    if np.abs(steps - step).max() > GAP_TOLERANCE * step:
        _refuse_gaps(steps, step, where=where)
    step = float((along[-1] - along[0]) / (len(along) - 1))
    sideways = places - places[0] - np.outer(along - along[0], first.normal)
    if np.linalg.norm(sideways, axis=1).max() > DRIFT_MM:
        message = f"{where}: the slices slide sideways, so they form no straight volume: export the original series"
        raise ImageError(message)
    row_axis, column_axis = first.orientation[3:], first.orientation[:3]  # a row index runs down a column
    direction = np.stack([first.normal, row_axis, column_axis], axis=1)
    shape = (len(phase.slices), *first.shape)
    x, y, z = map(float, places[0])
    return Grid(shape, (step, *first.spacing_mm), (x, y, z), direction)


def _split(stack: Stack, *, where: Path) -> list[DicomPhase]:
    at = np.searchsorted(stack.positions_mm, stack.along_mm, side="right") - 1
    repeats: list[list[DicomSlice]] = [[] for _ in stack.positions_mm]
    for place, one in zip(at, stack.slices, strict=True):
        repeats[place].append(one)
    _refuse_uneven(stack, [len(there) for there in repeats], where=where)
    if len(repeats[0]) > 1:
        order = _order(repeats)
        if not order:
            message = (
                f"{where}: {stack.title} repeats positions, but neither temporal positions, nor instance numbers, nor "
                "acquisition times put the repeats in order: give one phase in a folder of its own"
            )
            raise ImageError(message)
        for there in repeats:
            there.sort(key=attrgetter(order))
    return [DicomPhase(tuple(phase)) for phase in zip(*repeats, strict=True)]


def _order(repeats: Sequence[Sequence[DicomSlice]]) -> str:
    """Return the first attribute that tells the repeats of every position apart, empty when none does."""
    for name in ("temporal_index", "instance_number", "start_s"):
        values = [[getattr(one, name) for one in there] for there in repeats]
        if all(None not in there and len(set(there)) == len(there) for there in values):
            return name
    return ""


def _refuse_uneven(stack: Stack, counts: Sequence[int], *, where: Path) -> None:
    twice = [uid for uid, times in Counter(one.instance_uid for one in stack.slices).items() if times > 1]
    if twice:
        message = f"{where}: {stack.title} holds slices twice (copied files: {len(twice)}): remove the copies"
        raise ImageError(message)
    usual, _ = Counter(counts).most_common(1)[0]
    missing = [place for place, count in enumerate(counts, start=1) if count < usual]
    double = [place for place, count in enumerate(counts, start=1) if count > usual]
    if missing:
        listed = ", ".join(map(str, missing[:5]))
        message = (
            f"{where}: {stack.title} lacks slices (position {listed} of {len(counts)} occurs less often than the "
            f"others, which occur {usual} times): export the whole series again"
        )
        raise ImageError(message)
    if double:
        listed = ", ".join(map(str, double[:5]))
        message = (
            f"{where}: {stack.title} holds slices more than once (position {listed} of {len(counts)}): remove them"
        )
        raise ImageError(message)


def _refuse_gaps(steps: np.ndarray, step: float, *, where: Path) -> None:
    worst = int(np.abs(steps - step).argmax())
    lost = round(float(steps[worst]) / step) - 1
    slices = "1 slice is missing" if lost == 1 else f"{lost} slices are missing"
    what = slices if lost >= 1 else "slices are unevenly spaced or of several series"
    message = (
        f"{where}: {what} between slice {worst + 1} and {worst + 2} ({steps[worst]:.4g} mm apart, the others "
        f"{step:.4g} mm): export the whole series again"
    )
    raise ImageError(message)
