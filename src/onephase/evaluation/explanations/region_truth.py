"""Where the truth lies: what each region's cues tell of each biomarker, by the simulator's own oracle.

A cue is counted to the region in which it is seen. The size of a lesion lies in its outline, in no region's tissue.
"""

from collections.abc import Mapping

import numpy as np

from onephase.arrays import Float64
from onephase.biomarkers.panel import CELLS, PR_UNKNOWN, RECEPTORS, Events
from onephase.simulation.biology import draw_biology
from onephase.simulation.oracle import oracle_posterior
from onephase.simulation.phenotype import CUE_NAMES, draw_phenotype
from onephase.simulation.truth import Truth

REGION_CUES: Mapping[str, tuple[str, ...]] = {
    "core": ("necrosis", "heterogeneity", "correlation_mm", "uptake_per_min"),
    "rim": ("rim", "spiculation", "lobulation"),
    "shell": ("oedema", "vessels"),
}
TASKS = (*RECEPTORS, "ki67")
DRAWN_CASES = 10_000
PERCENT = 100


def information_lost(*, seed: int, cases: int = DRAWN_CASES) -> Float64[np.ndarray, "case task region"]:
    """Return the log-likelihood that the oracle loses where a region's cues are hidden from it, in nats.

    Args:
        seed: Of the simulated phenotypes, which are drawn anew: no image and no tested case is looked at.
        cases: How many.

    Returns:
        Case by case, of each of :data:`TASKS` and each region of :data:`REGION_CUES`; their mean is the information
        that only this region has. Single cases may gain, for a cue misleads now and then.
    """
    truth = _drawn(seed, cases)
    found = _found(truth)
    whole = _log_probabilities(truth, found, CUE_NAMES)
    parts = [
        whole - _log_probabilities(truth, found, tuple(cue for cue in CUE_NAMES if cue not in hidden))
        for hidden in REGION_CUES.values()
    ]
    return np.stack(parts, axis=2)


def _drawn(seed: int, cases: int) -> Truth:
    rng = np.random.default_rng(seed)
    biology = draw_biology(rng, cases=cases)
    phenotype = draw_phenotype(biology.cell, biology.ki67, rng=rng)
    names = tuple(f"drawn {row}" for row in range(cases))
    return Truth(names, biology.cell, biology.ki67, biology.ki67_read, phenotype)


def _found(truth: Truth) -> dict[str, Events]:
    """Return what pathology finds of each biomarker alone."""
    cases = len(truth)
    unknown = Events.unknown(cases)
    status = CELLS[truth.cell]  # (case, receptor)
    found = {
        name: Events(CELLS[None, :, column] == status[:, column, None], unknown.ki67.copy(), unknown.pr_high.copy())
        for column, name in enumerate(RECEPTORS)
    }
    percent = np.floor(PERCENT * truth.ki67_read)
    read = np.stack([percent / PERCENT, (percent + 1) / PERCENT], axis=1)
    return {**found, "ki67": Events(unknown.cells.copy(), read, np.full(cases, PR_UNKNOWN, dtype=np.int8))}


def _log_probabilities(
    truth: Truth, found: Mapping[str, Events], cues: tuple[str, ...]
) -> Float64[np.ndarray, "case task"]:
    oracle = oracle_posterior(truth, cues=cues)
    return np.stack([oracle.log_probability(found[task]) for task in TASKS], axis=1)
