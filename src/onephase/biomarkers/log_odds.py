"""The logarithm of the odds, and back."""

import numpy as np


def logit(share: float | np.ndarray) -> np.ndarray:
    """Return log(share / (1 - share)), elementwise; infinite at 0 and 1."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(share) - np.log1p(-share))


def expit(log_odds: np.ndarray) -> np.ndarray:
    """Return the share whose log odds are given, elementwise: 1 / (1 + exp(-log_odds))."""
    return np.asarray(np.exp(-np.logaddexp(0, -log_odds)))
