"""Calibration on the parameters of the posterior, never on its marginals, so that nothing can come to disagree."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from onephase.arrays import Float64
from onephase.biomarkers.fitting import Parameters, maximise
from onephase.biomarkers.gradient import event_gradient
from onephase.biomarkers.panel import Events
from onephase.biomarkers.potentials import Potentials

# Log scale and offset of three receptors, then log scale, offset and log sd scale of Ki-67: the sd of
# the normal priors around the identity. A scale of 0.8 to 1.2 and an odds ratio of 1.3 are one sd: what was trained by
# likelihood is nearly calibrated, and a hundred cases know an offset no better than this (docs/log.md, 2026-11-25).
_CENTRE = np.zeros(9)
_SPREAD = np.array([0.2] * 3 + [0.25] * 3 + [0.2, 0.25, 0.2])


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """An affine change of the unary terms and of the normal on logit Ki-67.

    Attributes:
        scale: Factor of the unary term of ER, PR, HER2, greater than 0.
        offset: Added to it, in log odds.
        ki67_scale: Factor of the mean of logit Ki-67, greater than 0.
        ki67_offset: Added to it.
        ki67_sigma_scale: Factor of the standard deviation, greater than 0.
    """

    scale: Float64[np.ndarray, "3"]
    offset: Float64[np.ndarray, "3"]
    ki67_scale: float
    ki67_offset: float
    ki67_sigma_scale: float

    def __post_init__(self) -> None:
        """Refuse a scale that would turn an answer over."""
        if not ((self.scale > 0).all() and self.ki67_scale > 0 and self.ki67_sigma_scale > 0):
            message = "every scale of a calibration must be greater than 0"
            raise ValueError(message)
        for array in (self.scale, self.offset):
            array.setflags(write=False)

    @classmethod
    def identity(cls) -> "Calibration":
        """Return the calibration that changes nothing."""
        return cls(np.ones(3), np.zeros(3), 1.0, 0.0, 1.0)

    @property
    def is_identity(self) -> bool:
        """Whether it changes nothing."""
        return self.to_json() == Calibration.identity().to_json()

    def apply(self, potentials: Potentials) -> Potentials:
        """Return calibrated potentials; couplings and shifts stay."""
        return Potentials(
            potentials.unary * self.scale + self.offset,
            potentials.ki67_mu * self.ki67_scale + self.ki67_offset,
            potentials.ki67_sigma * self.ki67_sigma_scale,
            potentials.coupling,
            potentials.shift,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the calibration as JSON values."""
        return {
            "scale": self.scale.tolist(),
            "offset": self.offset.tolist(),
            "ki67_scale": self.ki67_scale,
            "ki67_offset": self.ki67_offset,
            "ki67_sigma_scale": self.ki67_sigma_scale,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Calibration":
        """Return the calibration that :meth:`to_json` described."""
        scale, offset = (np.array(value[name], dtype=np.float64) for name in ("scale", "offset"))
        return cls(scale, offset, *(float(value[name]) for name in ("ki67_scale", "ki67_offset", "ki67_sigma_scale")))


def fit_calibration(potentials: Potentials, events: Events) -> Calibration:
    """Return the calibration that makes the events of validation cases most likely.

    Args:
        potentials: Of the validation cases, uncalibrated.
        events: What pathology found of the same cases. Where they tell nothing of a biomarker, its
            part stays the identity; few cases move it little.

    Raises:
        TrainingError: If the search does not arrive.
    """

    def log_likelihood(parameters: Parameters) -> tuple[float, Parameters]:
        calibration = _calibration(parameters)
        calibrated = calibration.apply(potentials)
        at = event_gradient(calibrated, events)
        gradient = np.concatenate(
            [
                (at.unary * potentials.unary).sum(axis=0) * calibration.scale,
                at.unary.sum(axis=0),
                [at.ki67_mu @ potentials.ki67_mu * calibration.ki67_scale],
                [at.ki67_mu.sum()],
                [at.log_ki67_sigma.sum()],
            ]
        )
        return float(at.log_probability.sum()), gradient

    return _calibration(maximise(log_likelihood, centre=_CENTRE, spread=_SPREAD))


def _calibration(parameters: Parameters) -> Calibration:
    log_scale, offset, (log_ki67_scale, ki67_offset, log_sigma_scale) = np.split(parameters, (3, 6))
    return Calibration(
        np.exp(log_scale), offset, float(np.exp(log_ki67_scale)), float(ki67_offset), float(np.exp(log_sigma_scale))
    )
