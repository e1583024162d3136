"""What training starts from: a linear panel of facts of the lesion, or the prior where there are none."""

from dataclasses import dataclass

import numpy as np
import torch

from onephase.arrays import Float64
from onephase.biomarkers.linear_panel import OUTPUTS, LinearPanel, choose_spread, fit_linear_panel, fit_without_folds
from onephase.biomarkers.linear_panel import SPREADS as LINEAR_SPREADS
from onephase.biomarkers.panel import RECEPTORS
from onephase.biomarkers.potentials import Potentials
from onephase.learning.dataset import PatchDataset
from onephase.learning.folds import folds_of
from onephase.network.start_terms import facts_of
from onephase.settings import Settings, StartName

SPREADS: dict[StartName, tuple[float, ...]] = {
    "phenotype": (0.03, 0.06, 0.1, 0.2, 0.4),
    "descriptors": LINEAR_SPREADS,
}
"""Candidates for the spread of a weight: of all facts together, log odds of 0.1 to about 2."""


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """Where a network starts.

    Attributes:
        constants: Potentials of one case: what the network says of a lesion with mean facts.
        panel: Fitted to all training cases; None where the network looks at no fact or there are too few patients for
            folds.
        terms: What a panel that was fitted without the case adds to those constants, for each training case. A
            panel that has seen the case would leave nothing to learn where it has only overfitted.
    """

    constants: Potentials
    panel: LinearPanel | None
    terms: Float64[np.ndarray, "case 4"]


def fit_start(training: PatchDataset, settings: Settings, *, prior: Potentials) -> Start:
    """Fit what training starts from; the penalty is chosen by folds of the training patients.

    Args:
        training: Cases to learn from.
        settings: Of the run; its regions and tasks decide which facts tell what.
        prior: Of the training cases.
    """
    network = settings.network
    facts = facts_of(network)
    fold = folds_of(training.patients, seed=settings.learning.seed)
    if len(facts.names) == 0 or fold.max() == 0:
        return Start(prior, None, np.zeros((len(training), OUTPUTS)))
    with torch.no_grad():
        features = facts(training.descriptors.cpu()).numpy().astype(np.float64)  # (case, fact)
    couplings = network.couplings and len(network.tasks) > 1
    outputs = [task in network.tasks for task in (*RECEPTORS, "ki67")]
    spread = choose_spread(
        features, training.events, fold=fold, candidates=SPREADS[network.start], couplings=couplings, outputs=outputs
    )
    panel = fit_linear_panel(
        features, training.events, names=facts.names, spread=spread, couplings=couplings, outputs=outputs
    )
    terms = np.zeros((len(training), OUTPUTS))
    for out, without in fit_without_folds(
        features, training.events, fold=fold, spread=spread, couplings=couplings, outputs=outputs
    ):
        # Slopes alone: the constant of a fold leans against the labels that it leaves out.
        terms[out] = (features[out] - panel.centre) / without.scale @ without.weights
    return Start(panel.potentials(panel.centre[np.newaxis]), panel, terms)
