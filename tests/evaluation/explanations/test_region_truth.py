import numpy as np
import pytest

from onephase.evaluation.explanations.region_truth import REGION_CUES, TASKS, information_lost
from onephase.simulation.phenotype import CUE_NAMES, EFFECTS


def test_every_cue_but_size_lies_in_one_region() -> None:
    counted = [cue for cues in REGION_CUES.values() for cue in cues]
    assert sorted([*counted, "size_mm"]) == sorted(CUE_NAMES)


def test_hiding_cues_loses_on_average_and_most_where_effects_are_largest() -> None:
    lost = information_lost(seed=3, cases=3000)
    assert lost.shape == (3000, len(TASKS), 3)
    mean, error = lost.mean(axis=0), lost.std(axis=0) / np.sqrt(3000)
    assert (mean > 2 * error).all()
    # by hand: HER2 shifts the core's cues by .55, -.55 and .35, the rim's by .35 alone
    core, rim = (
        np.linalg.norm([EFFECTS[CUE_NAMES.index(cue), 2] for cue in REGION_CUES[name]]) for name in ("core", "rim")
    )
    assert core > 2 * rim
    assert mean[TASKS.index("her2"), 0] > 2 * mean[TASKS.index("her2"), 1]


def test_another_seed_tells_the_same_within_its_error() -> None:
    one, other = (information_lost(seed=seed, cases=2000) for seed in (1, 2))
    error = np.hypot(one.std(axis=0), other.std(axis=0)) / np.sqrt(2000)
    assert (np.abs(one.mean(axis=0) - other.mean(axis=0)) < 4 * error).all()
    assert information_lost(seed=1, cases=20).tobytes() == pytest.approx(information_lost(seed=1, cases=20).tobytes())
