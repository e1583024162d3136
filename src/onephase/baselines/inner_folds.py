"""Folds of the training lesions, by which a contestant chooses its penalty and calibrates itself."""

from collections.abc import Sequence

import numpy as np

from onephase.arrays import Int64
from onephase.cohort.records import Record
from onephase.cohort.splits import folds

INNER_FOLDS = 5
SEED = 1


def inner_folds(records: Sequence[Record]) -> Int64[np.ndarray, " case"]:
    """Return the fold of each training lesion, those of a patient in one, the same for every contestant.

    Args:
        records: Of at least as many patients as there are folds.
    """
    return folds(records, INNER_FOLDS, seed=SEED)


def has_inner_folds(records: Sequence[Record]) -> bool:
    """Tell whether there are as many patients as folds; without them nobody can choose."""
    return len({record.identity for record in records}) >= INNER_FOLDS
