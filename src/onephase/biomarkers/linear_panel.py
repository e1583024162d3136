"""A ridge-regularised linear model of the panel, fitted by the likelihood of events.

The contestant that a network has to beat: each unary term and the mean of logit Ki-67 are linear in
the features; couplings, shifts and the spread of Ki-67 are constants. It learns from the same events
as the network, missing and partial labels included, and answers with the same posterior, so that
nobody wins by format. With couplings off and every receptor known it is three logistic regressions.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from onephase.arrays import Bool, Float64, Int64
from onephase.biomarkers.fitting import Parameters, maximise
from onephase.biomarkers.gradient import event_gradient
from onephase.biomarkers.log_odds import logit
from onephase.biomarkers.panel import Events
from onephase.biomarkers.posterior import PanelPosterior
from onephase.biomarkers.potentials import Potentials
from onephase.errors import TrainingError

OUTPUTS = 4
"""Unary terms of ER, PR, HER2, and the mean of logit Ki-67."""

SPREADS = (0.01, 0.02, 0.035, 0.06, 0.1, 0.2, 0.4, 1.0)
"""Candidates for the spread of a weight: from hardly any weight at all to hardly any shrinkage.

Steps of three cost ridge on some hundred descriptors .05 of the way to the oracle, so a rival gets steps of two.
"""

INFORMATION = 0.15
"""About what a case tells of a potential, in nats per unit squared: a guess that only the speed of a fit hangs on."""

# As in biomarkers.prior: with weights of no spread, the model is the prior of its training cases.
_INTERCEPT_CENTRE = np.array([0.0, 0.0, 0.0, logit(0.2)])
_INTERCEPT_SPREAD = np.array([3.0, 3.0, 3.0, 2.0])
_CONSTANTS = 1 + 3 + 3


@dataclass(frozen=True, slots=True, eq=False)
class LinearPanel:
    """A fitted model.

    Attributes:
        names: Names of the features.
        centre: Mean of each feature in the training cases.
        scale: Standard deviation of each feature there; 1 where it is constant.
        weights: Of each standardised feature on the log odds of ER, PR, HER2 and on logit Ki-67.
        intercept: Of the same four.
        ki67_sigma: Standard deviation of logit Ki-67 around its mean.
        coupling: Of ER-PR, ER-HER2, PR-HER2.
        shift: Of ER, PR, HER2 on logit Ki-67.
        spread: Standard deviation of the normal prior of a weight; the ridge penalty is 1 / spread ** 2.
    """

    names: tuple[str, ...]
    centre: Float64[np.ndarray, " feature"]
    scale: Float64[np.ndarray, " feature"]
    weights: Float64[np.ndarray, "feature 4"]
    intercept: Float64[np.ndarray, "4"]
    ki67_sigma: float
    coupling: Float64[np.ndarray, "3"]
    shift: Float64[np.ndarray, "3"]
    spread: float

    def potentials(self, features: Float64[np.ndarray, "case feature"]) -> Potentials:
        """Return what the model says of cases by their features, in the units of training."""
        linear = (features - self.centre) / self.scale @ self.weights + self.intercept  # (case, output)
        sigma = np.full(len(features), self.ki67_sigma)
        return Potentials(linear[:, :3].copy(), linear[:, 3].copy(), sigma, self.coupling.copy(), self.shift.copy())


def fit_linear_panel(
    features: Float64[np.ndarray, "case feature"],
    events: Events,
    *,
    names: Sequence[str],
    spread: float,
    couplings: bool = True,
    outputs: Sequence[bool] = (True,) * OUTPUTS,
) -> LinearPanel:
    """Fit the model to training cases by maximum penalised event likelihood.

    Args:
        features: One row a case; standardised here, by these cases alone.
        events: What is known of each case.
        names: Names of the features.
        spread: Standard deviation of the normal prior of each weight of a standardised feature.
        couplings: Whether couplings and shifts are fitted; otherwise they are 0.
        outputs: Of ER, PR, HER2 and Ki-67, which depend on the features; the others are constants.

    Raises:
        TrainingError: If a feature is not finite, or the fit does not arrive.
    """
    if not np.isfinite(features).all():
        column = int((~np.isfinite(features)).any(axis=0).argmax())
        message = f"feature {names[column]} is NaN or infinite for a training case: leave the feature or the case out"
        raise TrainingError(message)
    centre, scale = features.mean(axis=0), features.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    standard = (features - centre) / scale
    # Principal axes: an equal spread in all directions is the same prior there, and the search finds them one by one.
    with threadpool_limits(1, user_api="blas"):
        squares, axes = np.linalg.eigh(standard.T @ standard)
    design = np.column_stack([np.ones(len(features)), standard @ axes])  # (case, 1 + axis)

    def log_likelihood(parameters: Parameters) -> tuple[float, Parameters]:
        at = event_gradient(_potentials(parameters, design), events)
        by_linear = design.T @ np.column_stack([at.unary, at.ki67_mu])  # (1 + feature, output)
        by_constant = np.concatenate([[at.log_ki67_sigma.sum()], at.coupling.sum(axis=0), at.shift.sum(axis=0)])
        return float(at.log_probability.sum()), np.concatenate([by_linear.ravel(), by_constant])

    weight_spread = np.tile(spread * np.array(outputs), len(squares))  # a parameter of no spread stays at 0
    known_to = np.repeat(1 / np.sqrt(1 / spread**2 + INFORMATION * squares.clip(0)), OUTPUTS)
    constants_known_to = np.full(OUTPUTS + _CONSTANTS, 1 / np.sqrt(1 + INFORMATION * len(features)))
    tied = np.full(6, 1.0 if couplings else 0.0)
    found = maximise(
        log_likelihood,
        centre=np.concatenate([_INTERCEPT_CENTRE, np.zeros(weight_spread.size + _CONSTANTS)]),
        spread=np.concatenate([_INTERCEPT_SPREAD, weight_spread, [1.0], tied]),
        step=np.concatenate([constants_known_to[:OUTPUTS], known_to, constants_known_to[OUTPUTS:]]),
    )
    linear, log_sigma, coupling, shift = _parted(found)
    return LinearPanel(
        tuple(names), centre, scale, axes @ linear[1:], linear[0], float(np.exp(log_sigma)), coupling, shift, spread
    )


def choose_spread(
    features: Float64[np.ndarray, "case feature"],
    events: Events,
    *,
    fold: Int64[np.ndarray, " case"],
    candidates: Sequence[float] = SPREADS,
    couplings: bool = True,
    outputs: Sequence[bool] = (True,) * OUTPUTS,
) -> float:
    """Return the spread under which cases that were left out are most probable; of equals, the smallest.

    Candidates are tried from the smallest on, until one does worse than the one before: beyond, a model of many
    features only overfits, and takes ever longer to do so.

    Args:
        features: One row a case.
        events: What is known of each case.
        fold: Which cases are left out together.
        candidates: Spreads to choose from.
        couplings: As for :func:`fit_linear_panel`.
        outputs: As for :func:`fit_linear_panel`.
    """
    best, best_score = min(candidates), -np.inf
    for spread in sorted(candidates):
        score = 0.0
        models = fit_without_folds(features, events, fold=fold, spread=spread, couplings=couplings, outputs=outputs)
        for out, model in models:
            posterior = PanelPosterior.from_potentials(model.potentials(features[out]))
            score += float(posterior.log_probability(events.take(out)).sum())
        if score <= best_score:
            break
        best, best_score = spread, score
    return best


def fit_without_folds(
    features: Float64[np.ndarray, "case feature"],
    events: Events,
    *,
    fold: Int64[np.ndarray, " case"],
    spread: float,
    couplings: bool = True,
    outputs: Sequence[bool] = (True,) * OUTPUTS,
) -> Iterator[tuple[Bool[np.ndarray, " case"], LinearPanel]]:
    """Yield, for each fold, which cases it leaves out, and the model that was fitted without them.

    Args:
        features: One row a case.
        events: What is known of each case.
        fold: Which cases are left out together.
        spread: As for :func:`fit_linear_panel`.
        couplings: As for :func:`fit_linear_panel`.
        outputs: As for :func:`fit_linear_panel`.
    """
    names = [str(column) for column in range(features.shape[1])]
    for left_out in sorted(set(fold.tolist())):
        kept = fold != left_out
        model = fit_linear_panel(
            features[kept], events.take(kept), names=names, spread=spread, couplings=couplings, outputs=outputs
        )
        yield ~kept, model


def _potentials(parameters: Parameters, design: Float64[np.ndarray, "case column"]) -> Potentials:
    linear, log_sigma, coupling, shift = _parted(parameters)
    out = design @ linear  # (case, output)
    sigma = np.full(len(design), np.exp(log_sigma))
    return Potentials(out[:, :3].copy(), out[:, 3].copy(), sigma, coupling, shift)


def _parted(
    parameters: Parameters,
) -> tuple[Float64[np.ndarray, "column 4"], float, Float64[np.ndarray, "3"], Float64[np.ndarray, "3"]]:
    """Part the parameter vector into linear weights (intercept first), log sigma, couplings, shifts."""
    linear, log_sigma, coupling, shift = np.split(parameters, np.cumsum([len(parameters) - _CONSTANTS, 1, 3]))
    return linear.reshape(-1, OUTPUTS), float(log_sigma[0]), coupling.copy(), shift.copy()
