"""From a row of a cohort table to its case."""

from collections.abc import Callable

from onephase.cohort.records import Record
from onephase.imaging.case import Case, Roi
from onephase.imaging.geometry import Grid
from onephase.readers.case import read_case


def case_of(record: Record, *, needed: Callable[[Roi, Grid], range] | None = None) -> Case:
    """Read the case that a record describes, or those of its slices that are needed.

    Raises:
        ImageError: If its image or region cannot be used.
    """
    return read_case(
        record.image,
        case_id=record.case_id,
        mask=record.mask,
        mask_label=record.mask_label or None,
        box=record.box,
        seed=record.seed,
        phase=record.phase or None,
        needed=needed,
    )
