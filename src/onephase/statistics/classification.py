"""One of several classes: how well each is told from the rest, and which are taken for which."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from onephase.arrays import Float64, Int64
from onephase.statistics.bootstrap import Counts, Resamples, Statistic, bootstrap
from onephase.statistics.estimate import Estimate
from onephase.statistics.roc import auc, auc_statistic


@dataclass(frozen=True, slots=True)
class OneVersusRest:
    """AUC of each class against all others, and their plain mean.

    Attributes:
        macro: Mean over the classes that occur, with a bootstrap interval.
        per_class: AUC of each class with DeLong's interval; absent for a class that does not occur.
    """

    macro: Estimate
    per_class: tuple[Estimate, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        return {"macro": self.macro.to_json(), "per_class": [estimate.to_json() for estimate in self.per_class]}


def one_versus_rest(
    probabilities: Float64[np.ndarray, "case class"],
    truth: Int64[np.ndarray, " case"],
    *,
    resamples: Resamples,
) -> OneVersusRest:
    """Return the one-versus-rest AUCs and their macro average.

    Args:
        probabilities: Probability of each class, used as the score of its class.
        truth: Class of each case, an index into the columns.
        resamples: Drawn patients. Only resamples in which every averaged class occurs count.

    Returns:
        The AUCs. A class without a case, or with every case, is left out of the mean; without at
        least two classes the mean is absent.
    """
    classes = range(probabilities.shape[1])
    per_class = tuple(auc(probabilities[:, c], truth == c, level=resamples.level) for c in classes)
    if all(one.value is None for one in per_class):
        reason = "there is no case" if len(truth) == 0 else "every case is of one class"
        return OneVersusRest(Estimate.absent(reason, n=len(truth), level=resamples.level), per_class)
    return OneVersusRest(bootstrap(macro_auc_statistic(probabilities, truth), resamples), per_class)


def macro_auc_statistic(
    probabilities: Float64[np.ndarray, "case class"], truth: Int64[np.ndarray, " case"]
) -> Statistic:
    """Return the mean one-versus-rest AUC as a statistic of counts, over the classes that part the cases.

    NaN for a resample that lacks one of them, and throughout when no class parts the cases.
    """
    parting = [c for c in range(probabilities.shape[1]) if 0 < (truth == c).sum() < len(truth)]
    statistics = [auc_statistic(probabilities[:, c], truth == c) for c in parting]

    def mean(counts: Counts) -> Float64[np.ndarray, " resample"]:
        if not statistics:
            return np.full(len(counts), np.nan)
        return np.asarray(np.mean([statistic(counts) for statistic in statistics], axis=0))

    return mean


def confusion(
    truth: Int64[np.ndarray, " case"], answer: Int64[np.ndarray, " case"], *, classes: int
) -> Int64[np.ndarray, "truth answer"]:
    """Return how many cases of each true class (row) got each answer (column).

    Examples:
        >>> confusion(np.array([0, 0, 1]), np.array([0, 1, 1]), classes=2).tolist()
        [[1, 1], [0, 1]]
    """
    table = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(table, (truth, answer), 1)
    return table
