"""A ridge panel on the most telling of many features; how many, and how freely weighted, cases left out decide.

Everything that looks at cases happens within the training cases: selection, how many features, and the penalty
are chosen by folds of them, and within each such fold the selection is made anew without the cases left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from onephase.arrays import Bool, Float64, Int64
from onephase.baselines.selection import Selection, select
from onephase.biomarkers.linear_panel import SPREADS, LinearPanel, fit_linear_panel
from onephase.biomarkers.panel import Events
from onephase.biomarkers.posterior import PanelPosterior
from onephase.biomarkers.potentials import Potentials

COUNTS = (8, 24, 72)
"""Candidates for the number of features."""

MOST_A_CASE = 0.5
"""Features a training case: with more of them, every model fits."""


@dataclass(frozen=True, slots=True, eq=False)
class SelectedPanel:
    """A fitted model: which features it looks at, and what it makes of them."""

    selection: Selection
    model: LinearPanel

    def potentials(self, features: Float64[np.ndarray, "case feature"]) -> Potentials:
        """Return what the model says of cases by all their features, NaN where one is missing."""
        return self.model.potentials(self.selection.of(features))


def fit_selected_panel(
    features: Float64[np.ndarray, "case feature"],
    events: Events,
    *,
    names: Sequence[str],
    fold: Int64[np.ndarray, " case"],
) -> SelectedPanel:
    """Fit the model to training cases.

    Args:
        features: One row a case; NaN is missing.
        events: What is known of each case.
        names: Of the features.
        fold: Which of these cases are left out together, to choose the number of features and the penalty.

    Raises:
        TrainingError: If a fit does not arrive.
    """
    count, spread = _choose(features, events, fold=fold)
    return _fitted(select(features, events).take(slice(count)), features, events, names=names, spread=spread)


def _choose(
    features: Float64[np.ndarray, "case feature"], events: Events, *, fold: Int64[np.ndarray, " case"]
) -> tuple[int, float]:
    """Return the number of features and the spread under which cases that were left out are most probable.

    For each number, spreads are tried from the smallest on, until one does worse than the one before: beyond, a model
    only overfits, and takes ever longer to do so.
    """
    parts = [fold == left_out for left_out in np.unique(fold)]
    selections = [select(features[~out], events.take(~out)) for out in parts]
    best, best_score = (COUNTS[0], SPREADS[0]), -np.inf
    for count in COUNTS:
        if count > COUNTS[0] and count > MOST_A_CASE * len(features):
            break
        before = -np.inf
        for spread in SPREADS:
            score = sum(
                _left_out_score(chosen.take(slice(count)), features, events, out=out, spread=spread)
                for out, chosen in zip(parts, selections, strict=True)
            )
            if score > best_score:
                best, best_score = (count, spread), score
            if score <= before:
                break
            before = score
    return best


def _left_out_score(
    selection: Selection,
    features: Float64[np.ndarray, "case feature"],
    events: Events,
    *,
    out: Bool[np.ndarray, " case"],
    spread: float,
) -> float:
    """Return the log probability of the cases left out, under the model of the others."""
    names = [str(column) for column in range(features.shape[1])]
    model = _fitted(selection, features[~out], events.take(~out), names=names, spread=spread)
    posterior = PanelPosterior.from_potentials(model.potentials(features[out]))
    return float(posterior.log_probability(events.take(out)).sum())


def _fitted(
    selection: Selection,
    features: Float64[np.ndarray, "case feature"],
    events: Events,
    *,
    names: Sequence[str],
    spread: float,
) -> SelectedPanel:
    model = fit_linear_panel(selection.of(features), events, names=selection.names(names), spread=spread)
    return SelectedPanel(selection, model)
