"""How large the lesion is, and nothing else of the image: the plainest contestant.

Lesions of some subtypes are larger, so size alone already tells something, and a network that does no
better has only learned size. The features come from what the store of patches has measured.
"""

from collections.abc import Sequence

import numpy as np

from onephase.arrays import Float64
from onephase.cohort.prepared import GIVEN_BOX, PreparedCohort
from onephase.cohort.records import Record
from onephase.imaging.patches import StoredCase

OUTLINE_BOX = ("height_mm", "depth_mm", "width_mm")
"""Facts of every stored case: the sides of the bounding box of its outline."""

SMALLEST_MM = 0.1
SMALLEST_ML = 1e-3

NAMES = (
    "log volume",
    "log longest diameter",
    "log longest side",
    "log middle side",
    "log shortest side",
    "log share of the box",
)


def geometry_features(prepared: PreparedCohort, records: Sequence[Record]) -> Float64[np.ndarray, "case 6"]:
    """Return the features of some cases of a prepared cohort, columns as in :data:`NAMES`.

    All are logarithms: of the volume in ml, the longest diameter and the three sides of the box in mm (by
    size, since which way a lesion lies says little), and of the share of the box that the lesion fills. The
    box is the one that the table gave; then the outline in it is semi-automatic, and so are volume and
    diameter. Elsewhere it is the bounding box of the mask.

    Args:
        prepared: The cohort.
        records: Which of its cases, in which order.
    """
    return np.array([_features(prepared.store.case(record.case_id)) for record in records]).reshape(-1, len(NAMES))


def _features(case: StoredCase) -> Float64[np.ndarray, "6"]:
    names = GIVEN_BOX if GIVEN_BOX[0] in case.facts else OUTLINE_BOX
    sides = sorted((case.facts[name] for name in names), reverse=True)
    volume = max(case.facts["volume_ml"], SMALLEST_ML)
    lengths = np.maximum([case.facts["longest_mm"], *sides], SMALLEST_MM)
    box_ml = float(np.prod(lengths[1:])) / 1000
    return np.log([volume, *lengths, volume / box_ml])
