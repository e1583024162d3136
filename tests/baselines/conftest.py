"""Features of invented cases of which the first columns tell the biology."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import expit

from onephase.biomarkers.panel import CELLS, Events

TELLING = 4
Cohort = tuple[np.ndarray, Events]


def _events(status: np.ndarray, ki67: np.ndarray) -> Events:
    cells = (CELLS[np.newaxis] == status[:, np.newaxis]).all(axis=2)
    interval = np.column_stack([np.maximum(ki67 - 0.005, 0), np.minimum(ki67 + 0.005, 1)])
    return Events(cells, interval, np.full(len(status), -1, dtype=np.int8))


@pytest.fixture(scope="session")
def make_cohort() -> Callable[..., Cohort]:
    """A function that invents cases: columns 0 to 3 tell ER, PR, HER2 and Ki-67, all others are noise."""

    def make(cases: int, *, seed: int = 0, noise: int = 6, strength: float = 2.0) -> Cohort:
        rng = np.random.default_rng(seed)
        features = rng.normal(size=(cases, TELLING + noise))
        status = rng.random((cases, 3)) < expit(strength * features[:, :3] + (0.8, 0.4, -1.0))
        ki67 = expit(rng.normal(-1.2 + 0.8 * features[:, 3], 0.4))
        return features, _events(status, ki67)

    return make
