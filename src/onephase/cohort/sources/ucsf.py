"""What UCSF's private attributes say in the NACT pilot and I-SPY 1: a volume of interest and which phase is early.

The volume of interest is generous, an analysis volume around the tumour and no tight box. Its slices count
along decreasing x, which is the order of our reader for these sagittal series; that is not taken on trust, but
asked of the segmentation that was computed inside it, frame by frame.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from onephase.cohort.sources.source import LeaveOut
from onephase.imaging.case import Box
from onephase.imaging.geometry import Grid
from onephase.readers.dicom.enhanced import frame_headers
from onephase.readers.dicom.files import damage_is_a_sentence, read_dataset
from onephase.readers.dicom.pixels import decoded
from onephase.readers.dicom.slice import vector

CREATOR = "UCSF BIRP PRIVATE CREATOR 011710xx"
GROUP = 0x0117
PHASES, PHASE_INDICES, LOW, HIGH = 0x30, 0x35, 0xA1, 0xA2
AXES = 3


@dataclass(frozen=True, slots=True)
class VolumeOfInterest:
    """The private attributes of a UCSF segmentation.

    Attributes:
        box: The volume of interest in voxels, half-open.
        phases: Number of phases of the series.
        first_post: The phase after the pre-contrast one, counted from 1.
    """

    box: Box
    phases: int
    first_post: int


def volume_of_interest(path: Path, *, grid: Grid) -> VolumeOfInterest | None:
    """Return the volume of interest of a UCSF segmentation, checked against the segmentation itself.

    Args:
        path: The DICOM SEG; what it outlines is not used.
        grid: The grid of the series that it was computed from.

    Returns:
        It; None where there are no such attributes.

    Raises:
        LeaveOut: If the attributes are others than UCSF's, or do not enclose the segmentation on this grid.
        ImageError: If the file is damaged.
    """
    dataset = read_dataset(path, pixels=True)
    with damage_is_a_sentence(path):
        try:
            block = dataset.private_block(GROUP, CREATOR)
            low, high, indices = (_numbers(block[element].value) for element in (LOW, HIGH, PHASE_INDICES))
            (phases,) = _numbers(block[PHASES].value)
        except KeyError:
            return None
    if len(low) != AXES or len(high) != AXES or len(indices) < 2 or indices[1] != indices[0] + 1:  # noqa: PLR2004
        reason = "its private attributes are not those of a pre, early and late phase"
        raise LeaveOut(reason, f"phases {indices}")
    # column, row, slice; from 0, the end included
    sides = [(float(start), float(stop + 1)) for start, stop in zip(low, high, strict=True)]
    box = Box(column=sides[0], row=sides[1], slice=sides[2])
    _refuse_outside(path, dataset, box=box, grid=grid)
    return VolumeOfInterest(box, phases, indices[1] + 1)


def _refuse_outside(path: Path, dataset: Any, *, box: Box, grid: Grid) -> None:
    """Refuse a box that does not enclose what was segmented in it, or leaves the grid."""
    headers = frame_headers(path, dataset)
    for own, stored in zip(headers, decoded(path, dataset, frames=range(len(headers))), strict=True):
        rows, columns = np.nonzero(stored)
        if not rows.size:
            continue
        place = grid.index_of(vector(path, own, "ImagePositionPatient", length=AXES))[0]
        spans = ((place, place), (rows.min(), rows.max()), (columns.min(), columns.max()))
        for (start, stop), (first, last) in zip(box.bounds, spans, strict=True):
            if first < start - 0.5 or last > stop - 0.5:
                reason = "its volume of interest does not enclose its own segmentation: slices count otherwise here"
                raise LeaveOut(reason)
    if any(stop > size for (_, stop), size in zip(box.bounds, grid.shape, strict=True)):
        reason = "its volume of interest reaches beyond the series"
        raise LeaveOut(reason)


def _numbers(value: Any) -> list[int]:
    """Return a private value as whole numbers; bytes of an unknown representation count as absent."""
    if isinstance(value, bytes):
        raise KeyError(value)
    return [int(number) for number in (value if hasattr(value, "__len__") and not isinstance(value, str) else [value])]
