"""What training starts from: a linear panel of the region descriptors, or the prior where there are none."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from onephase.biomarkers.linear_panel import OUTPUTS, LinearPanel, choose_spread, fit_linear_panel, fit_without_folds
from onephase.biomarkers.panel import RECEPTORS
from onephase.biomarkers.potentials import Potentials
from onephase.imaging.descriptors import DESCRIPTORS, descriptors_within
from onephase.learning.dataset import PatchDataset
from onephase.settings import Settings

FOLDS = 5
SPREADS = (0.01, 0.02, 0.035, 0.06, 0.1, 0.2)
"""Candidates for the spread of a descriptor's weight: of a hundred together, log odds of 0.1 to 2."""


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """Where a network starts.

    Attributes:
        constants: Potentials of one case: what the network says of a lesion with mean descriptors.
        panel: Fitted to all training cases; None where the network looks at no descriptor.
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
        settings: Of the run; its regions and tasks decide which descriptors tell what.
        prior: Of the training cases.
    """
    network = settings.network
    used = descriptors_within(network.regions if network.descriptors else ())
    fold = _folds(training.patients, seed=settings.learning.seed)
    if len(used) == 0 or fold.max() == 0:
        return Start(prior, None, np.zeros((len(training), OUTPUTS)))
    features = training.descriptors.cpu().numpy().astype(np.float64)[:, used]
    couplings = network.couplings and len(network.tasks) > 1
    outputs = [task in network.tasks for task in (*RECEPTORS, "ki67")]
    spread = choose_spread(
        features, training.events, fold=fold, candidates=SPREADS, couplings=couplings, outputs=outputs
    )
    panel = fit_linear_panel(
        features,
        training.events,
        names=[DESCRIPTORS[place] for place in used],
        spread=spread,
        couplings=couplings,
        outputs=outputs,
    )
    terms = np.zeros((len(training), OUTPUTS))
    for out, without in fit_without_folds(
        features, training.events, fold=fold, spread=spread, couplings=couplings, outputs=outputs
    ):
        # Slopes alone: the constant of a fold leans against the labels that it leaves out.
        terms[out] = (features[out] - panel.centre) / without.scale @ without.weights
    return Start(panel.potentials(panel.centre[np.newaxis]), panel, terms)


def _folds(patients: tuple[str, ...], *, seed: int) -> Int64[np.ndarray, " case"]:
    """Return the fold of each case, by patient; all in one fold where there are too few patients."""
    names, patient = np.unique(np.asarray(patients, dtype=str), return_inverse=True)
    if len(names) < FOLDS:
        return np.zeros(len(patients), dtype=np.int64)
    return np.asarray(np.random.default_rng(seed).permutation(len(names))[patient] % FOLDS, dtype=np.int64)
