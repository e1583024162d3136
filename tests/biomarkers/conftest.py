"""Random panels: parameters from ordinary to extreme, and events from exact to empty."""

from collections.abc import Callable

import numpy as np
import pytest

from onephase.biomarkers.panel import CELLS, Events
from onephase.biomarkers.potentials import Potentials


def _potentials(rng: np.random.Generator, cases: int, *, extreme: bool = False) -> Potentials:
    if extreme:
        return Potentials(
            rng.choice([-500.0, -5, 0, 5, 500], (cases, 3)),
            rng.choice([-500.0, -3, 0, 3, 500], cases),
            10.0 ** rng.uniform(-3, 3, cases),
            rng.choice([-50.0, 0, 50], 3),
            rng.choice([-50.0, 0, 50], 3),
        )
    return Potentials(
        rng.normal(0, 2, (cases, 3)),
        rng.normal(-1.4, 1, cases),
        rng.uniform(0.3, 1.5, cases),
        rng.normal(0, 0.5, 3),
        rng.normal(0, 0.5, 3),
    )


def _events(rng: np.random.Generator, cases: int) -> Events:
    cells = rng.random((cases, 8)) < rng.choice([0.2, 0.6, 1.0], (cases, 1))
    cells[np.arange(cases), rng.integers(0, 8, cases)] = True
    ends = np.sort(rng.permuted(np.tile(np.arange(101), (cases, 1)), axis=1)[:, :2], axis=1) / 100
    ends[rng.random(cases) < 0.3] = (0.0, 1.0)
    pr_high = np.where((cells & ~CELLS[:, 1]).any(axis=1), rng.choice([-1, 0], cases), rng.choice([-1, 0, 1], cases))
    return Events(cells, ends, pr_high.astype(np.int8))


@pytest.fixture(scope="session")
def random_potentials() -> Callable[..., Potentials]:
    return _potentials


@pytest.fixture(scope="session")
def random_events() -> Callable[[np.random.Generator, int], Events]:
    return _events
