"""Gradient-boosted trees for each biomarker by itself, assembled into one panel.

The usual second classifier of radiomics studies. Each receptor learns from the cases whose status is known, Ki-67
from those with a percentage or a range; what partial events say (HR positive, but not which) comes in where the four
are assembled.
"""

from dataclasses import dataclass
from types import ModuleType
from typing import Any, cast

import numpy as np
from threadpoolctl import threadpool_limits

from onephase.arrays import Float64, Int8, Int64
from onephase.baselines.assembled_panel import UNINFORMED, AssembledPanel, assemble
from onephase.baselines.selection import Selection, select
from onephase.biomarkers.log_odds import logit
from onephase.biomarkers.panel import RECEPTORS, Events
from onephase.biomarkers.potentials import Potentials
from onephase.errors import MissingExtraError

KEPT = 48
"""Features that are offered to the trees, the most telling of the training cases."""

FEWEST_OF_A_KIND = 10
"""With fewer cases of one status, or fewer percentages, there is nothing to grow a tree on."""

WIDEST_KI67 = 0.21 + 1e-9
"""From 20 to 40 %, the last reading counted whole; of a wider range the middle says too little to be learnt from."""

# Small trees and a slow rate, as a cohort of hundreds bears them: our choice, tuned on nothing.
GROWTH = {
    "learning_rate": 0.05,
    "max_iter": 120,
    "max_leaf_nodes": 6,
    "min_samples_leaf": 10,
    "l2_regularization": 1.0,
    "early_stopping": False,
    "random_state": 0,
}


@dataclass(frozen=True, slots=True, eq=False)
class Trees:
    """Fitted trees for the four biomarkers, on selected features.

    Attributes:
        selection: The features that they look at.
        receptors: A classifier for each of ER, PR, HER2; None where too few cases taught it.
        ki67: A regression of logit Ki-67; None likewise.
    """

    selection: Selection
    receptors: tuple[Any, ...]
    ki67: Any

    def predict(self, features: Float64[np.ndarray, "case feature"]) -> Float64[np.ndarray, "case 4"]:
        """Return the log odds of ER, PR, HER2 and the mean of logit Ki-67, each by itself."""
        chosen = self.selection.of(features)
        predicted = np.tile(UNINFORMED, (len(features), 1))
        with threadpool_limits(1):
            for output, model in enumerate(self.receptors):
                if model is not None:
                    predicted[:, output] = model.decision_function(chosen)
            if self.ki67 is not None:
                predicted[:, 3] = self.ki67.predict(chosen)
        return predicted


@dataclass(frozen=True, slots=True, eq=False)
class BoostedPanel:
    """Trees of all training cases, and what ties them together."""

    trees: Trees
    panel: AssembledPanel

    def potentials(self, features: Float64[np.ndarray, "case feature"]) -> Potentials:
        """Return what the model says of cases by all their features, NaN where one is missing."""
        return self.panel.potentials(self.trees.predict(features))


def fit_boosted_panel(
    features: Float64[np.ndarray, "case feature"], events: Events, *, fold: Int64[np.ndarray, " case"]
) -> BoostedPanel:
    """Fit trees and panel to training cases.

    Args:
        features: One row a case; NaN is missing.
        events: What is known of each case.
        fold: Which of these cases are left out together: the panel is fitted to predictions for cases left out.

    Raises:
        MissingExtraError: If scikit-learn is not installed.
        TrainingError: If a fit does not arrive.
    """
    unseen = np.empty((len(features), 4))
    for left_out in np.unique(fold):
        out = fold == left_out
        unseen[out] = grow(features[~out], events.take(~out)).predict(features[out])
    return BoostedPanel(grow(features, events), assemble(unseen, events))


def grow(features: Float64[np.ndarray, "case feature"], events: Events) -> Trees:
    """Grow the trees of the four biomarkers on the features that training cases select.

    Raises:
        MissingExtraError: If scikit-learn is not installed.
    """
    selection = select(features, events).take(slice(KEPT))
    chosen = selection.of(features)
    _ensemble()  # only what is loaded can be limited
    with threadpool_limits(1):  # on hundreds of cases, a second thread only waits for the first
        receptors = tuple(_classifier(chosen, events.status(receptor)) for receptor in RECEPTORS)
        return Trees(selection, receptors, _regression(chosen, events))


def _classifier(features: Float64[np.ndarray, "case kept"], status: Int8[np.ndarray, " case"]) -> Any:
    known = status >= 0
    if np.bincount(status[known], minlength=2).min() < FEWEST_OF_A_KIND:
        return None
    return _ensemble().HistGradientBoostingClassifier(**GROWTH).fit(features[known], status[known])


def _regression(features: Float64[np.ndarray, "case kept"], events: Events) -> Any:
    known = np.diff(events.ki67, axis=1)[:, 0] <= WIDEST_KI67
    if known.sum() < FEWEST_OF_A_KIND:
        return None
    middle = logit(events.ki67[known].mean(axis=1))
    return _ensemble().HistGradientBoostingRegressor(**GROWTH).fit(features[known], middle)


def _ensemble() -> ModuleType:
    try:
        from sklearn import ensemble
    except ImportError:
        message = "boosted trees need scikit-learn, which is not installed: pip install '.[train]' in the checkout"
        raise MissingExtraError(message) from None
    return cast("ModuleType", ensemble)
