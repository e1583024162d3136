"""Radiomics contestants: IBSI features of tumour and surroundings in two classifiers, plain and harmonised.

Both are fitted to the training lesions alone, selection, penalty, harmonisation and calibration included, and answer
with the same posterior as the network. The size of the outline stands beside the features of MIRP, since in a stack
of slices MIRP cannot tell it.

Features that were not measured before are measured here, one lesion after the other; to do it in several processes,
call :func:`~onephase.baselines.radiomics_features.radiomics_features` before.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from onephase.arrays import Float64, Int64
from onephase.baselines.boosting import BoostedPanel, fit_boosted_panel
from onephase.baselines.geometry import NAMES as GEOMETRY_NAMES
from onephase.baselines.geometry import geometry_features
from onephase.baselines.harmonisation import FEWEST_OF_A_SITE, fit_harmonisation
from onephase.baselines.inner_folds import inner_folds
from onephase.baselines.radiomics_features import FeatureTable, radiomics_features
from onephase.baselines.selected_panel import SelectedPanel, fit_selected_panel
from onephase.baselines.selection import prune
from onephase.biomarkers.panel import Events
from onephase.biomarkers.posterior import PanelPosterior
from onephase.cohort.lesions import Lesion, events_of
from onephase.errors import TrainingError

FEWEST_SITES = 2

Fit: TypeAlias = Callable[[FeatureTable, Events, Int64[np.ndarray, " case"]], SelectedPanel | BoostedPanel]
"""Features and events of training cases, and the folds of them, to a classifier."""


def radiomics_ridge(training: Sequence[Lesion], tested: Sequence[Lesion]) -> PanelPosterior:
    """Answer by a ridge-regularised linear panel on the most telling features."""
    return _plain(_ridge, training, tested)


def radiomics_boosted(training: Sequence[Lesion], tested: Sequence[Lesion]) -> PanelPosterior:
    """Answer by gradient-boosted trees."""
    return _plain(_boosted, training, tested)


def radiomics_ridge_harmonised(training: Sequence[Lesion], tested: Sequence[Lesion]) -> PanelPosterior | None:
    """Answer as :func:`radiomics_ridge`, features harmonised by ComBat over the training sites.

    No part where there is one site, where a site has too few training lesions to be known, or where a tested
    lesion comes from a site that did not train.
    """
    return _harmonised(_ridge, training, tested)


def radiomics_boosted_harmonised(training: Sequence[Lesion], tested: Sequence[Lesion]) -> PanelPosterior | None:
    """Answer as :func:`radiomics_boosted`, features harmonised; it takes part as :func:`radiomics_ridge_harmonised`."""
    return _harmonised(_boosted, training, tested)


def lesion_features(lesions: Sequence[Lesion]) -> FeatureTable:
    """Return geometry and radiomics features of lesions of one or several stores, measuring what is missing.

    Raises:
        TrainingError: If some stores hold volumes and others stacks of slices, whose features differ.
    """
    of_store = {lesion.prepared.store.folder: lesion.prepared for lesion in lesions}
    rows: dict[str, Float64[np.ndarray, " feature"]] = {}
    names: set[tuple[str, ...]] = set()
    for folder, prepared in of_store.items():
        records = [lesion.record for lesion in lesions if lesion.prepared.store.folder == folder]
        table = radiomics_features(prepared, records)
        values = np.column_stack([geometry_features(prepared, records), table.values])
        rows |= {record.case_id: row for record, row in zip(records, values, strict=True)}
        names.add((*GEOMETRY_NAMES, *table.names))
    if len(names) > 1:
        message = "radiomics features of volumes and of stacks of slices differ: evaluate such cohorts apart"
        raise TrainingError(message)
    return FeatureTable(names.pop(), np.stack([rows[lesion.record.case_id] for lesion in lesions]))


def _plain(fit: Fit, training: Sequence[Lesion], tested: Sequence[Lesion]) -> PanelPosterior:
    known, others = _parted(training, tested)
    return _answers(fit, training, known, others)


def _harmonised(fit: Fit, training: Sequence[Lesion], tested: Sequence[Lesion]) -> PanelPosterior | None:
    sites, tested_sites = ([lesion.record.place for lesion in lesions] for lesions in (training, tested))
    known_sites = set(sites)
    enough = all(sites.count(site) >= FEWEST_OF_A_SITE for site in known_sites)
    if len(known_sites) < FEWEST_SITES or not enough or not known_sites.issuperset(tested_sites):
        return None
    known, others = _parted(training, tested)
    usable = prune(known.values)  # nothing is missing and everything varies, as harmonising needs it
    harmonisation = fit_harmonisation(usable.of(known.values), sites)
    names = usable.names(known.names)
    return _answers(
        fit,
        training,
        FeatureTable(names, harmonisation.of(usable.of(known.values), sites)),
        FeatureTable(names, harmonisation.of(usable.of(others.values), tested_sites)),
    )


def _answers(fit: Fit, training: Sequence[Lesion], known: FeatureTable, others: FeatureTable) -> PanelPosterior:
    records = [lesion.record for lesion in training]
    fitted = fit(known, events_of(records), inner_folds(records))
    return PanelPosterior.from_potentials(fitted.potentials(others.values))


def _ridge(known: FeatureTable, events: Events, fold: Int64[np.ndarray, " case"]) -> SelectedPanel:
    return fit_selected_panel(known.values, events, names=known.names, fold=fold)


def _boosted(known: FeatureTable, events: Events, fold: Int64[np.ndarray, " case"]) -> BoostedPanel:
    return fit_boosted_panel(known.values, events, fold=fold)


def _parted(training: Sequence[Lesion], tested: Sequence[Lesion]) -> tuple[FeatureTable, FeatureTable]:
    """Return the features of training and of tested lesions, made alike."""
    table = lesion_features([*training, *tested])
    known, others = np.split(table.values, [len(training)])
    return FeatureTable(table.names, known), FeatureTable(table.names, others)
