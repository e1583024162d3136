import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from onephase.biomarkers.calibration import Calibration, fit_calibration  # noqa: E402
from onephase.biomarkers.panel import Events  # noqa: E402
from onephase.biomarkers.posterior import PanelPosterior  # noqa: E402
from onephase.biomarkers.potentials import Potentials  # noqa: E402
from onephase.learning.folds import folds_of  # noqa: E402
from onephase.learning.recalibration import earned_calibration  # noqa: E402

pytestmark = pytest.mark.torch

IDENTITY = Calibration.identity().to_json()


def observed(cases, rng):
    """Return potentials that are true, and what pathology finds."""
    true = Potentials(
        rng.normal(0, 1.5, (cases, 3)), rng.normal(-1.4, 0.8, cases), np.full(cases, 0.7), np.zeros(3), np.zeros(3)
    )
    cells, ki67 = PanelPosterior.from_potentials(true).sample(rng, 1)
    percent = np.minimum(np.floor(ki67 * 100), 99)
    ends = np.concatenate([percent, percent + 1], axis=1) / 100
    return true, Events(cells == np.arange(8), ends, np.full(cases, -1, dtype=np.int8))


def names(cases):
    return [f"p{case}" for case in range(cases)]


def test_what_is_calibrated_is_mostly_left_alone():
    said = [observed(90, np.random.default_rng(seed)) for seed in range(12)]
    found = [earned_calibration(*one, patients=names(90)).to_json() for one in said]
    assert sum(one == IDENTITY for one in found) >= 9
    assert any(fit_calibration(*one).to_json() != IDENTITY for one in said)


def test_what_is_not_is_recalibrated_by_all_cases():
    true, events = observed(90, np.random.default_rng(1))
    sure = Calibration(np.full(3, 2.0), np.zeros(3), 1.4, 0.0, 0.6).apply(true)
    assert earned_calibration(sure, events, patients=names(90)).to_json() == fit_calibration(sure, events).to_json()


def test_too_few_patients_show_nothing():
    true, events = observed(40, np.random.default_rng(1))
    sure = Calibration(np.full(3, 3.0), np.zeros(3), 1.0, 0.0, 1.0).apply(true)
    assert earned_calibration(sure, events, patients=["a", "b", "c", "d"] * 10).to_json() == IDENTITY


def test_folds_keep_patients_whole():
    patients = [f"p{number % 7}" for number in range(30)]
    fold = folds_of(patients, seed=3)
    assert set(fold) == set(range(5))
    assert all(
        len({number for number, name in zip(fold, patients, strict=True) if name == one}) == 1 for one in patients
    )
    assert not folds_of(["a", "b", "c", "d"], seed=3).any()
