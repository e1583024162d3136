"""From a row of a cohort table to its case."""

from onephase.cohort.records import Record
from onephase.imaging.case import Case
from onephase.readers.case import read_case


def case_of(record: Record) -> Case:
    """Read the case that a record describes.

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
    )
