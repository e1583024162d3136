"""Recalibration on the validation cases, where they show that it is needed."""

from collections.abc import Sequence

import numpy as np

from onephase.arrays import Float64
from onephase.biomarkers.calibration import Calibration, fit_calibration
from onephase.biomarkers.panel import Events
from onephase.biomarkers.posterior import PanelPosterior
from onephase.biomarkers.potentials import Potentials
from onephase.learning.folds import folds_of
from onephase.statistics.standard_error import is_shown, mean_and_error

FOLD_SEED = 1


def earned_calibration(potentials: Potentials, events: Events, *, patients: Sequence[str]) -> Calibration:
    """Return the calibration of some cases where it earns its place, else the identity.

    It does where cases become likelier by a calibration of the others, by more than one standard error. Nine
    parameters fitted to a hundred cases harm what was calibrated (docs/log.md, 2026-11-26).

    Args:
        potentials: Of validation cases, uncalibrated.
        events: What pathology found of them.
        patients: The patient of each case; folds keep them whole. Fewer than five show nothing.

    Raises:
        TrainingError: If a search does not arrive.
    """
    fold = folds_of(patients, seed=FOLD_SEED)
    if fold.max() == 0:
        return Calibration.identity()
    gain = np.zeros(len(fold))
    for number in range(fold.max() + 1):
        out = fold == number
        calibration = fit_calibration(potentials.take(~out), events.take(~out))
        one, said = potentials.take(out), events.take(out)
        gain[out] = _log_probability(calibration.apply(one), said) - _log_probability(one, said)
    pays = is_shown(*mean_and_error(gain, patients))
    return fit_calibration(potentials, events) if pays else Calibration.identity()


def _log_probability(potentials: Potentials, events: Events) -> Float64[np.ndarray, " case"]:
    return PanelPosterior.from_potentials(potentials).log_probability(events)
