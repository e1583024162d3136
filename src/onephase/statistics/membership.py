"""What membership in a group tells of a class, without anything else: the alarm for confounded cohorts."""

from collections.abc import Sequence

import numpy as np

from onephase.arrays import Bool, Int64
from onephase.statistics.estimate import Estimate
from onephase.statistics.roc import auc


def membership_auc(
    groups: Sequence[str], positive: Bool[np.ndarray, " case"], *, fold: Int64[np.ndarray, " case"]
) -> Estimate:
    """Return the AUC of the share of positive cases in a case's group, learned without the case's own fold.

    The share is drawn towards that of all cases, as by one more case, so that a group that only one fold
    holds says nothing. A share learned without a fold leans against that fold, so the AUC errs to the low side:
    where groups tell nothing it comes out below 0.5, and two groups of 20 that make 0.90 of the whole cross-table
    come out at 0.84.

    Args:
        groups: The group of each case.
        positive: Class of each case.
        fold: Fold of each case; lesions of one patient share theirs.

    Returns:
        The AUC with DeLong's interval; absent when one class is missing.
    """
    names, scores = np.asarray(groups), np.zeros(len(positive))
    for left_out in np.unique(fold):
        learned = fold != left_out
        overall = float(positive[learned].mean()) if learned.any() else 0.0
        for group in sorted(set(groups)):
            members = names == group
            taught = positive[members & learned]
            scores[members & ~learned] = (taught.sum() + overall) / (len(taught) + 1)
    return auc(scores, positive)
