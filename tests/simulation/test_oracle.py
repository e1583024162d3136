"""The oracle is calibrated, nobody beats it, and its answers agree with one another and with brute force."""

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score

from onephase.biomarkers.panel import CELLS, Events
from onephase.biomarkers.subtypes import subtype_of, subtype_probabilities
from onephase.simulation.biology import draw_biology, reading_sd
from onephase.simulation.oracle import READ_KI67_EDGES, OraclePosterior, oracle_posterior
from onephase.simulation.phenotype import RESIDUAL_FACTOR, draw_phenotype, latent_scores, mean_scores
from onephase.simulation.truth import Truth

CASES = 20_000


def truth_of(seed, cases):
    rng = np.random.default_rng(seed)
    tumours = draw_biology(rng, cases=cases)
    phenotype = draw_phenotype(tumours.cell, tumours.ki67, rng=rng)
    return Truth(tuple(map(str, range(cases))), tumours.cell, tumours.ki67, tumours.ki67_read, phenotype)


def recorded(truth):
    percent = np.floor(100 * truth.ki67_read)
    cells = np.eye(8, dtype=bool)[truth.cell]
    interval = np.stack([percent / 100, (percent + 1) / 100], axis=1)
    return Events(cells, interval, np.full(len(truth), -1, dtype=np.int8))


@pytest.fixture(scope="module")
def truth():
    return truth_of(5, CASES)


@pytest.fixture(scope="module")
def oracle(truth):
    return oracle_posterior(truth)


def test_ceilings_lie_where_the_literature_lets_them(truth, oracle):
    positive, marginals = CELLS[truth.cell], oracle.marginals()
    er, pr, her2 = (roc_auc_score(positive[:, k], marginals[:, k]) for k in range(3))
    assert 0.85 < er < 0.92
    assert 0.79 < pr < 0.86
    assert 0.80 < her2 < 0.88
    error = np.abs(oracle.ki67_median() - truth.ki67_read).mean()
    constant = np.abs(np.median(truth.ki67_read) - truth.ki67_read).mean()
    assert 0.6 < error / constant < 0.8


def test_probabilities_are_calibrated(truth, oracle):
    probabilities = np.column_stack([oracle.marginals(), oracle.hr(), oracle.cells()[:, 0]])
    positive = CELLS[truth.cell]
    happened = np.column_stack([positive, positive[:, :2].any(axis=1), truth.cell == 0])
    for probability, outcome in zip(probabilities.T, happened.T, strict=True):
        order = np.array_split(np.argsort(probability), 20)
        for members in order:
            expected = probability[members].mean()
            error = np.sqrt(expected * (1 - expected) / len(members)) + 1e-4
            assert abs(outcome[members].mean() - expected) < 4 * error


def test_ki67_falls_evenly_over_its_predicted_distribution(truth, oracle):
    below = np.stack([oracle.ki67_quantile(level) for level in (0.1, 0.25, 0.5, 0.75, 0.9)], axis=1)
    share = (truth.ki67_read[:, None] < below).mean(axis=0)
    np.testing.assert_allclose(share, [0.1, 0.25, 0.5, 0.75, 0.9], atol=0.012)


def test_no_regression_on_the_phenotype_beats_it(truth, oracle):
    features = latent_scores(truth.phenotype)
    features = np.column_stack([features, features**2])
    train, test = slice(None, CASES // 2), slice(CASES // 2, None)
    for receptor in range(3):
        positive = CELLS[truth.cell, receptor]
        model = LogisticRegression(max_iter=500).fit(features[train], positive[train])
        rival = model.predict_proba(features[test])[:, 1]
        answer = oracle.marginals()[test, receptor]
        assert log_loss(positive[test], answer) < log_loss(positive[test], rival)
        assert roc_auc_score(positive[test], answer) > roc_auc_score(positive[test], rival) - 0.001


def test_a_few_cases_agree_with_bayes_by_brute_force():
    truth = truth_of(9, 3)
    oracle = oracle_posterior(truth)
    rng = np.random.default_rng(0)
    tumours = draw_biology(rng, cases=400_000)  # the prior as samples, weighted by the likelihood
    covariance = RESIDUAL_FACTOR @ RESIDUAL_FACTOR.T
    means = mean_scores(tumours.cell, tumours.ki67)
    for row, score in enumerate(latent_scores(truth.phenotype)):
        log_weight = stats.multivariate_normal(np.zeros(len(score)), covariance).logpdf(score - means)
        weight = np.exp(log_weight - log_weight.max())
        weight /= weight.sum()
        cells = np.bincount(tumours.cell, weights=weight, minlength=8)
        np.testing.assert_allclose(oracle.cells()[row], cells, atol=0.01)
        below = weight[tumours.ki67_read < oracle.ki67_median()[row]].sum()
        assert below == pytest.approx(0.5, abs=0.015)


def test_events_have_the_mass_of_what_they_allow(truth, oracle):
    some = oracle.take(slice(0, 50))
    np.testing.assert_array_equal(some.log_probability(Events.unknown(1)), 0.0)
    events = recorded(truth).take(slice(0, 50))
    percent = np.floor(100 * truth.ki67_read[:50]).astype(int)
    expected = some.mass[np.arange(50), truth.cell[:50], percent]
    np.testing.assert_allclose(np.exp(some.log_probability(events)), expected, rtol=1e-9)
    hormone = (CELLS[:, 0] | CELLS[:, 1])[None]
    half = Events(hormone.copy(), np.array([[0.105, 0.2]]), np.array([-1], dtype=np.int8))
    by_hand = some.mass[:, hormone[0], 10].sum(axis=1) / 2 + some.mass[:, hormone[0], 11:20].sum(axis=(1, 2))
    np.testing.assert_allclose(np.exp(some.log_probability(half)), by_hand, rtol=1e-9)


def test_an_impossible_event_has_probability_zero():
    mass = np.zeros((1, 8, 100))
    mass[0, 0, 10] = 1
    event = Events(np.eye(8, dtype=bool)[[1]], np.array([[0.0, 1.0]]), np.array([-1], dtype=np.int8))
    assert np.isneginf(OraclePosterior(mass).log_probability(event)[0])


@pytest.mark.parametrize("policy", ["ki67_14", "ki67_20", "maisonneuve"])
def test_subtypes_sum_to_one_and_are_calibrated(truth, oracle, policy):
    some = slice(0, 4000)
    probabilities = oracle.take(some).subtype_probabilities(policy)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    if policy != "maisonneuve":
        found = subtype_of(recorded(truth).take(some), policy)
        share = np.bincount(found, minlength=6) / len(found)
        np.testing.assert_allclose(probabilities.mean(axis=0), share, atol=0.02)


def test_the_panel_posterior_costs_little(truth, oracle):
    oracle, truth = oracle.take(slice(0, 5000)), truth.of(truth.case_ids[:5000])
    panel, events = oracle.panel_posterior(), recorded(truth)
    exact, near = oracle.log_probability(events).mean(), panel.log_probability(events).mean()
    assert exact - 0.05 < near < exact
    np.testing.assert_allclose(panel.marginals(), oracle.marginals(), atol=1e-9)
    np.testing.assert_allclose(panel.ki67_median(), oracle.ki67_median(), atol=0.06)
    some = slice(0, 200)
    gap = subtype_probabilities(panel.take(some), "ki67_20") - oracle.take(some).subtype_probabilities("ki67_20")
    assert np.abs(gap).mean() < 0.01


def test_a_distribution_must_sum_to_one():
    with pytest.raises(ValueError, match="must sum to 1"):
        OraclePosterior(np.ones((2, 8, 100)))


def test_percentages_are_finer_than_the_reading_error():
    assert np.diff(READ_KI67_EDGES).max() < reading_sd(np.zeros(1))[0]


def test_an_oracle_of_fewer_cues_is_bayes_on_those_alone(truth):
    """One cue by hand: its score is normal with unit variance about its mean."""
    from onephase.simulation.biology import CELL_PREVALENCE, ki67_prior
    from onephase.simulation.phenotype import CUE_NAMES

    few = Truth(truth.case_ids[:20], truth.cell[:20], truth.ki67[:20], truth.ki67_read[:20], truth.phenotype[:20])
    column = CUE_NAMES.index("oedema")
    edges = np.linspace(0, 1, 2001) ** 1.5
    middle = (edges[1:] + edges[:-1]) / 2
    prior = ki67_prior(edges) * CELL_PREVALENCE[:, None]  # (cell, Ki-67)
    means = np.stack([mean_scores(np.full(2000, cell, dtype=np.int8), middle)[:, column] for cell in range(8)])
    score = latent_scores(few.phenotype)[:, column]
    weight = prior * stats.norm.pdf(score[:, None, None] - means)
    expected = weight.sum(axis=2) / weight.sum(axis=(1, 2))[:, None]
    np.testing.assert_allclose(oracle_posterior(few, cues=("oedema",)).cells(), expected, atol=2e-4)
    np.testing.assert_allclose(oracle_posterior(few, cues=()).cells(), np.tile(CELL_PREVALENCE, (20, 1)), atol=1e-9)
