"""One panel made of four separate predictors, so that they answer in the same form as everybody else.

The predictors give the log odds of ER, PR and HER2 and the mean of logit Ki-67, each by itself. What ties them
together (couplings, shifts, the spread of Ki-67) and how far each may be trusted (scale and offset) are constants,
fitted by the likelihood of the training events. The fit must see predictions of models that had not seen their
cases, or an overfitted predictor looks trustworthy.
"""

from dataclasses import dataclass

import numpy as np

from onephase.arrays import Float64
from onephase.biomarkers.fitting import Parameters, maximise
from onephase.biomarkers.gradient import event_gradient
from onephase.biomarkers.log_odds import logit
from onephase.biomarkers.panel import Events
from onephase.biomarkers.potentials import Potentials

UNINFORMED: Float64[np.ndarray, "4"] = np.array([0.0, 0.0, 0.0, logit(0.2)])
"""What a predictor says of every case when it knows nothing: even odds, Ki-67 around 20 %."""
UNINFORMED.setflags(write=False)

# Log scale and offset of ER, PR, HER2 and Ki-67, log sd of Ki-67, couplings, shifts. Around "as it is"; the scale is
# wide, for boosted trees can be overconfident by a factor, and the rest as in biomarkers.prior.
_SPREAD = np.array([1.0] * 4 + [3.0] * 3 + [2.0] + [1.0] + [1.0] * 6)


@dataclass(frozen=True, slots=True, eq=False)
class AssembledPanel:
    """What turns separate predictions into a panel.

    Attributes:
        scale: Factor of each prediction's distance from :data:`UNINFORMED`, greater than 0.
        offset: Added to it.
        ki67_sigma: Standard deviation of logit Ki-67.
        coupling: Of ER-PR, ER-HER2, PR-HER2.
        shift: Of ER, PR, HER2 on logit Ki-67.
    """

    scale: Float64[np.ndarray, "4"]
    offset: Float64[np.ndarray, "4"]
    ki67_sigma: float
    coupling: Float64[np.ndarray, "3"]
    shift: Float64[np.ndarray, "3"]

    def potentials(self, predicted: Float64[np.ndarray, "case 4"]) -> Potentials:
        """Return the panel of cases.

        Args:
            predicted: Log odds of ER, PR, HER2, and the mean of logit Ki-67.
        """
        linear = UNINFORMED + self.offset + self.scale * (predicted - UNINFORMED)
        sigma = np.full(len(predicted), self.ki67_sigma)
        return Potentials(linear[:, :3].copy(), linear[:, 3].copy(), sigma, self.coupling.copy(), self.shift.copy())


def assemble(predicted: Float64[np.ndarray, "case 4"], events: Events) -> AssembledPanel:
    """Fit the constants to training cases.

    Args:
        predicted: Log odds of ER, PR, HER2 and mean of logit Ki-67, of models that had not seen the case.
        events: What is known of each case, partial or missing as it may be.

    Raises:
        TrainingError: If the search does not arrive.
    """

    def log_likelihood(parameters: Parameters) -> tuple[float, Parameters]:
        panel = _panel(parameters)
        at = event_gradient(panel.potentials(predicted), events)
        by_linear = np.column_stack([at.unary, at.ki67_mu])  # (case, output)
        by_log_scale = panel.scale * ((predicted - UNINFORMED) * by_linear).sum(axis=0)
        by_sigma = [at.log_ki67_sigma.sum()]
        constants = [by_sigma, at.coupling.sum(axis=0), at.shift.sum(axis=0)]
        return float(at.log_probability.sum()), np.concatenate([by_log_scale, by_linear.sum(axis=0), *constants])

    return _panel(maximise(log_likelihood, centre=np.zeros(len(_SPREAD)), spread=_SPREAD))


def _panel(parameters: Parameters) -> AssembledPanel:
    log_scale, offset, log_sigma, coupling, shift = np.split(parameters, (4, 8, 9, 12))
    return AssembledPanel(np.exp(log_scale), offset.copy(), float(np.exp(log_sigma[0])), coupling.copy(), shift.copy())
