"""The cues: their ranges, their inverses, and that they fall as the literature says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onephase.simulation.biology import draw_biology
from onephase.simulation.lesion import Phenotype
from onephase.simulation.phenotype import (
    CUE_NAMES,
    CUES,
    RESIDUAL_FACTOR,
    draw_phenotype,
    latent_scores,
    mean_scores,
)


@pytest.fixture(scope="module")
def cohort():
    rng = np.random.default_rng(8)
    tumours = draw_biology(rng, cases=20_000)
    return tumours, draw_phenotype(tumours.cell, tumours.ki67, rng=rng)


def column(phenotype, name):
    return phenotype[:, CUE_NAMES.index(name)]


def test_the_lesion_knows_the_same_cues_in_the_same_order():
    assert Phenotype._fields == CUE_NAMES


@given(score=st.floats(-4, 4))
@pytest.mark.parametrize("cue", CUES, ids=CUE_NAMES)
def test_a_score_comes_back_from_its_value(cue, score):
    value = cue.value(np.array(score))
    assert cue.lowest <= value <= cue.highest
    assert cue.score(value) == pytest.approx(score, abs=1e-5)


def test_residuals_have_unit_variance():
    np.testing.assert_allclose(np.diag(RESIDUAL_FACTOR @ RESIDUAL_FACTOR.T), 1)


def test_scores_scatter_about_their_mean_with_the_residual_covariance(cohort):
    tumours, phenotype = cohort
    residual = latent_scores(phenotype) - mean_scores(tumours.cell, tumours.ki67)
    np.testing.assert_allclose(residual.mean(axis=0), 0, atol=0.03)
    np.testing.assert_allclose(np.cov(residual.T), RESIDUAL_FACTOR @ RESIDUAL_FACTOR.T, atol=0.04)


def test_sizes_are_those_of_mri_series(cohort):
    tumours, phenotype = cohort
    size = column(phenotype, "size_mm")
    luminal_a = (tumours.cell == 6) & (tumours.ki67_read < 0.14)
    assert 20 < np.median(size[luminal_a]) < 26  # 23 (18-30), ijradiology-64889
    assert 28 < np.median(size[tumours.cell == 1]) < 36  # 33.5 (26-38)
    assert 23 < np.median(size[tumours.cell == 0]) < 31  # 26 (23-40)
    assert size.min() > 7
    assert size.max() < 56


def test_half_of_triple_negatives_and_a_fifth_of_luminal_a_show_a_rim(cohort):
    tumours, phenotype = cohort
    rim = column(phenotype, "rim") > 0.67
    luminal_a = (tumours.cell == 6) & (tumours.ki67_read < 0.14)
    assert 0.38 < rim[tumours.cell == 0].mean() < 0.58  # 46.2 %, s43055-020-0147-z
    assert 0.09 < rim[luminal_a].mean() < 0.28  # 15-20 %


def test_the_odds_of_spiculation_are_about_four_times_as_high_with_hormone_receptors(cohort):
    tumours, phenotype = cohort
    spiculated = column(phenotype, "spiculation") > 0.5
    positive = tumours.cell >= 2
    with_, without = spiculated[positive].mean(), spiculated[~positive].mean()
    assert 2.3 < with_ / (1 - with_) * (1 - without) / without < 8  # 4.16 (2.27-7.98), PMC8479344


def test_uptake_rises_weakly_with_ki67(cohort):
    tumours, phenotype = cohort
    correlation = np.corrcoef(np.log(column(phenotype, "uptake_per_min")), tumours.ki67)[0, 1]
    assert 0.25 < correlation < 0.55  # r .44, 10.21873/invivo.12717


@pytest.mark.parametrize("cue", CUES, ids=CUE_NAMES)
def test_every_cue_names_its_source(cue):
    assert "[" in cue.source
