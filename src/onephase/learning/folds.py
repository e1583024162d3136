"""Folds of the cases that training may look at, by patient."""

from collections.abc import Sequence

import numpy as np

from onephase.arrays import Int64

FOLDS = 5


def folds_of(patients: Sequence[str], *, seed: int) -> Int64[np.ndarray, " case"]:
    """Return the fold of each case, all lesions of a patient in one; all 0 where there are too few patients."""
    names, patient = np.unique(np.asarray(patients, dtype=str), return_inverse=True)
    if len(names) < FOLDS:
        return np.zeros(len(patients), dtype=np.int64)
    return np.asarray(np.random.default_rng(seed).permutation(len(names))[patient] % FOLDS, dtype=np.int64)
