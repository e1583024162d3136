"""One record to its patch: what a worker does. It imports no more than that takes, for each worker starts anew."""

from dataclasses import dataclass, replace
from functools import partial

from onephase.cohort.case_of import case_of
from onephase.cohort.prepared import GIVEN_BOX
from onephase.cohort.records import Record
from onephase.cohort.source_key import source_key
from onephase.errors import OnephaseError
from onephase.imaging.case import Box, Case
from onephase.imaging.patch import Patch
from onephase.imaging.preprocessing import prepare_patch, slices_needed
from onephase.settings import Settings


@dataclass(frozen=True, slots=True, eq=False)
class CutPatch:
    """A patch on its way from a worker to the store.

    Attributes:
        patch: The patch.
        key: What it was made from.
        notes: Which phase was read and why, and the warnings of the reader.
    """

    patch: Patch
    key: str
    notes: tuple[str, ...]


def cut_patch(record: Record, *, settings: Settings) -> CutPatch | OnephaseError:
    """Read a case and cut its patch; or return the error, for one case must not stop the others."""
    try:
        key = source_key(record)  # before the files are read: one that changes meanwhile is cut anew next time
        case = case_of(record, needed=partial(slices_needed, imaging=settings.imaging))
        patch = prepare_patch(case, imaging=settings.imaging, regions=settings.regions)
        patch = replace(patch, facts={**patch.facts, **_given_box(case)})
        return CutPatch(patch, key, tuple(note for note in (case.phase, *case.warnings) if note))
    except OnephaseError as fault:
        prefix = f"case {record.case_id}"
        return fault if str(fault).startswith(prefix) else type(fault)(f"{prefix}: {fault}")


def _given_box(case: Case) -> dict[str, float]:
    """Return the sides of a box that the table gave, in mm; the outline found in it may be smaller."""
    if not isinstance(case.roi, Box):
        return {}
    sides = zip(GIVEN_BOX, case.roi.bounds, case.volume.grid.spacing_mm, strict=True)
    return {name: (stop - start) * step for name, (start, stop), step in sides}
