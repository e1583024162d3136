"""One change of a case, and what it starts from."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from onephase.cohort.case_of import case_of
from onephase.cohort.records import Record
from onephase.imaging.case import Case, Mask
from onephase.imaging.outline import outline

Family: TypeAlias = Literal["outline", "intensity", "slices", "contrast timing", "site"]


@dataclass(frozen=True, slots=True, eq=False)
class Original:
    """A case as its cohort gives it.

    Attributes:
        record: Its row of the table.
        case: What was read, outlined.
        mask: Its outline.
        in_plane: Whether its slices are not contiguous, so that nothing may be mixed between them.
    """

    record: Record
    case: Case
    mask: Mask
    in_plane: bool

    @classmethod
    def read(cls, record: Record, *, in_plane: bool) -> "Original":
        """Read a case; a box or a seed point is outlined.

        Raises:
            ImageError: If it cannot be read or outlined.
        """
        case = case_of(record)
        mask = outline(case)
        return cls(record, replace(case, roi=mask), mask, in_plane)


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """One change, named with its size in physical units.

    Attributes:
        name: What is done, for tables.
        family: What kind of change it is.
        apply: The original and a source of randomness to the changed case. It raises
            :class:`~onephase.errors.ImageError` with the reason where the change cannot be made.
    """

    name: str
    family: Family
    apply: Callable[[Original, np.random.Generator], Case]
