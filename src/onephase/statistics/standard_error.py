"""A mean over cases with its standard error over patients, where many means are asked for and a bootstrap is dear."""

from collections.abc import Sequence

import numpy as np

from onephase.arrays import Float64


def mean_and_error(values: Float64[np.ndarray, " case"], patients: Sequence[str]) -> tuple[float, float | None]:
    """Return the mean of some values and its standard error; lesions of one patient may resemble each other.

    The error is that of a mean of clusters (Liang and Zeger, Biometrika 1986;73:13): residuals are summed by patient
    before they are squared. With one lesion a patient it is the usual one.

    Args:
        values: Of each case; at least one.
        patients: The patient of each case.

    Returns:
        Mean and standard error; None where there is only one patient, who tells nothing of it.

    Examples:
        >>> mean_and_error(np.array([1.0, 3.0]), ["a", "b"])
        (2.0, 1.0)
    """
    names, patient = np.unique(np.asarray(patients, dtype=str), return_inverse=True)
    mean = float(values.mean())
    if len(names) == 1:
        return mean, None
    residuals = np.bincount(patient, weights=values - mean)
    return mean, float(np.sqrt(len(names) / (len(names) - 1) * (residuals**2).sum()) / len(values))


def is_shown(mean: float, error: float | None) -> bool:
    """Tell whether a mean lies more than one standard error above zero; without an error nothing is shown."""
    return error is not None and mean > error
