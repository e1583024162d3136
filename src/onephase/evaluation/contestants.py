"""Who takes part beside the network: each learns from training lesions and answers for tested ones.

A further contestant is a function of the same form, named in :func:`rivals`; the few that every evaluation can
afford stand in :data:`SIMPLE_CONTESTANTS`.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeAlias

import numpy as np

from onephase.arrays import Float64
from onephase.baselines.boosting import fit_boosted_panel
from onephase.baselines.covariates import CovariateColumns
from onephase.baselines.geometry import NAMES as GEOMETRY_NAMES
from onephase.baselines.geometry import geometry_features
from onephase.baselines.inner_folds import has_inner_folds, inner_folds
from onephase.baselines.radiomics import (
    radiomics_boosted,
    radiomics_boosted_harmonised,
    radiomics_ridge,
    radiomics_ridge_harmonised,
)
from onephase.biomarkers.linear_panel import SPREADS, choose_spread, fit_linear_panel
from onephase.biomarkers.posterior import PanelPosterior
from onephase.biomarkers.potentials import Potentials
from onephase.cohort.lesions import Lesion, events_of, patches_of
from onephase.imaging.descriptors import DESCRIPTORS
from onephase.inference.bundle import Bundle
from onephase.simulation.phenotype import CUE_NAMES

Contestant: TypeAlias = Callable[[Sequence[Lesion], Sequence[Lesion]], PanelPosterior | None]
"""Training lesions and tested lesions to answers for the latter; None where it cannot take part."""

COHORT_SPREAD = 1.0  # of the log odds of one cohort and site against the others


def told_by(contestant: Contestant, training: Sequence[Lesion], tested: Sequence[Lesion]) -> PanelPosterior | None:
    """Return the answers of a contestant; None where it takes no part, as with too few patients for folds of them."""
    return contestant(training, tested) if has_inner_folds([lesion.record for lesion in training]) else None


def network_answers(bundle: Bundle, tested: Sequence[Lesion]) -> PanelPosterior:
    """Return what the bundle's network says, calibrated as the bundle says."""
    parts = [bundle.run(batch.image, batch.distance_mm, batch.descriptors).potentials for batch in patches_of(tested)]
    return PanelPosterior.from_potentials(bundle.calibration.apply(Potentials.stack(parts)))


def prior_answers(bundle: Bundle, tested: Sequence[Lesion]) -> PanelPosterior:
    """Return what the bundle's training cases alone say: the same of every lesion."""
    return PanelPosterior.from_potentials(bundle.prior).repeated(len(tested))


def geometry(training: Sequence[Lesion], tested: Sequence[Lesion]) -> PanelPosterior:
    """Answer by the size of the outline alone."""
    return _linear(training, _geometry_features(training), _geometry_features(tested), names=GEOMETRY_NAMES)


def descriptors_linear(training: Sequence[Lesion], tested: Sequence[Lesion]) -> PanelPosterior:
    """Answer by the region descriptors of the patch in a ridge-regularised linear panel."""
    return _linear(training, _descriptors(training), _descriptors(tested), names=DESCRIPTORS)


def phenotype_linear(training: Sequence[Lesion], tested: Sequence[Lesion]) -> PanelPosterior:
    """Answer by what the phenotype stage reads of the descriptors, in the same linear panel.

    The network starts from such a panel: what it sees beyond shows in the difference.
    """
    from onephase.learning.start import SPREADS as AT_START  # needs torch, as the stage does

    features, others = _phenotype(training), _phenotype(tested)
    return _linear(training, features, others, names=CUE_NAMES, spreads=AT_START["phenotype"])


def descriptors_boosted(training: Sequence[Lesion], tested: Sequence[Lesion]) -> PanelPosterior:
    """Answer by the region descriptors of the patch in gradient-boosted trees."""
    records = [lesion.record for lesion in training]
    fold = inner_folds(records)
    model = fit_boosted_panel(_descriptors(training), events_of(records), fold=fold)
    return PanelPosterior.from_potentials(model.potentials(_descriptors(tested)))


def covariates(
    training: Sequence[Lesion], tested: Sequence[Lesion], *, columns: Sequence[str]
) -> PanelPosterior | None:
    """Answer by named columns of the cohort table, without any image; no part where no column tells cases apart."""
    told = CovariateColumns.learned([lesion.record for lesion in training], columns)
    if not told.names:
        return None
    features, others = (told.features([lesion.record for lesion in lesions]) for lesions in (training, tested))
    return _linear(training, features, others, names=told.names)


def cohort_alone(training: Sequence[Lesion], tested: Sequence[Lesion]) -> PanelPosterior | None:
    """Answer by cohort and site alone, without any image: the alarm for leakage.

    Cohorts differ in who is in them; a network that tells cohorts apart by their look earns as much as
    this on all cohorts together, and has seen no biology. It does not take part where there is one
    cohort of one site.
    """
    places = sorted({lesion.record.place for lesion in training})
    if len(places) < 2:  # noqa: PLR2004 - nothing to tell apart
        return None
    model = fit_linear_panel(
        _indicators(training, places),
        events_of([lesion.record for lesion in training]),
        names=[" ".join(place) for place in places],
        spread=COHORT_SPREAD,
    )
    return PanelPosterior.from_potentials(model.potentials(_indicators(tested, places)))


def rivals(columns: Sequence[str] = ()) -> dict[str, Contestant]:
    """Return every contestant of a benchmark that is no form of the network.

    Args:
        columns: Covariates of the cohort table that the contestant ``covariates`` looks at; without any it takes
            no part, for a table may hold columns that pathology has told.
    """
    named: dict[str, Contestant] = {"covariates": partial(covariates, columns=tuple(columns))} if columns else {}
    return {
        "phenotype, ridge": phenotype_linear,
        "descriptors, ridge": descriptors_linear,
        "descriptors, boosting": descriptors_boosted,
        **RADIOMICS,
        **SIMPLE_CONTESTANTS,
        **named,
    }


def _linear(
    training: Sequence[Lesion],
    features: Float64[np.ndarray, "case feature"],
    tested: Float64[np.ndarray, "other feature"],
    *,
    names: Sequence[str],
    spreads: Sequence[float] = SPREADS,
) -> PanelPosterior:
    """Answer by a linear panel of features; the penalty is chosen by five folds of the training lesions."""
    records = [lesion.record for lesion in training]
    events = events_of(records)
    fold = inner_folds(records)
    spread = choose_spread(features, events, fold=fold, candidates=spreads)
    model = fit_linear_panel(features, events, names=names, spread=spread)
    return PanelPosterior.from_potentials(model.potentials(tested))


def _descriptors(lesions: Sequence[Lesion]) -> Float64[np.ndarray, "case descriptor"]:
    stored = [lesion.prepared.store.descriptors[lesion.row] for lesion in lesions]
    return np.array(stored, dtype=np.float64).reshape(len(lesions), -1)


def _phenotype(lesions: Sequence[Lesion]) -> Float64[np.ndarray, "case cue"]:
    import torch  # for this contestant alone

    from onephase.network.phenotype import taught_stage

    stage = taught_stage(torch.arange(len(DESCRIPTORS))).eval()
    with torch.no_grad():
        read = stage(torch.tensor(_descriptors(lesions), dtype=torch.float32))
    return np.asarray(read, dtype=np.float64)


def _geometry_features(lesions: Sequence[Lesion]) -> Float64[np.ndarray, "case feature"]:
    return np.concatenate([geometry_features(lesion.prepared, [lesion.record]) for lesion in lesions])


def _indicators(lesions: Sequence[Lesion], places: Sequence[tuple[str, str]]) -> Float64[np.ndarray, "case place"]:
    return np.array([[lesion.record.place == place for place in places] for lesion in lesions], dtype=np.float64)


SIMPLE_CONTESTANTS: Mapping[str, Contestant] = {"geometry": geometry, "cohort alone": cohort_alone}

RADIOMICS: Mapping[str, Contestant] = {
    "radiomics, ridge": radiomics_ridge,
    "radiomics, boosting": radiomics_boosted,
    "radiomics, ridge, harmonised": radiomics_ridge_harmonised,
    "radiomics, boosting, harmonised": radiomics_boosted_harmonised,
}
"""IBSI features by MIRP."""

OF_KNOWN_SITES = frozenset(name for name in RADIOMICS if name.endswith("harmonised"))
"""Contestants that know a site by its training lesions alone, and answer where every tested site is known."""
