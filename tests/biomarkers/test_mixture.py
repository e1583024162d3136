import numpy as np
import pytest

from onephase.biomarkers.evidence import read_evidence
from onephase.biomarkers.mixture import mixture
from onephase.biomarkers.posterior import PanelPosterior


@pytest.fixture(scope="module")
def five(random_potentials):
    """Five posteriors that differ as those of several outlines do: by a part of their own width."""
    rng = np.random.default_rng(3)
    one = random_potentials(rng, 1)
    return PanelPosterior.stack(
        [
            PanelPosterior.from_potentials(
                type(one)(
                    one.unary + rng.normal(0, 0.5, (1, 3)),
                    one.ki67_mu + rng.normal(0, 0.3, 1),
                    one.ki67_sigma,
                    one.coupling,
                    one.shift,
                )
            )
            for _ in range(5)
        ]
    )


def test_cells_are_the_average_and_sum_to_one(five):
    mixed = mixture(five)
    np.testing.assert_allclose(mixed.cells()[0], five.cells().mean(axis=0), rtol=1e-12)
    assert mixed.marginals()[0] == pytest.approx(five.marginals().mean(axis=0))


def test_ki67_is_nearly_the_average_of_the_distributions(five):
    at = np.linspace(0.01, 0.99, 50)
    apart = np.abs(mixture(five).ki67_cdf(at)[0] - five.ki67_cdf(at).mean(axis=0))
    assert apart.max() < 0.01
    assert np.ptp(five.ki67_cdf(at), axis=0).max() > 0.1  # the five themselves are far from each other


def test_mean_and_variance_of_ki67_are_those_of_the_draws(five):
    rng = np.random.default_rng(4)
    cells, fractions = five.sample(rng, 40_000)
    mixed_cells, mixed_fractions = mixture(five).sample(rng, 200_000)
    for cell in np.unique(cells):
        if (cells == cell).sum() < 20_000:
            continue
        drawn, mixed = (
            np.log(part / (1 - part)) for part in (fractions[cells == cell], mixed_fractions[mixed_cells == cell])
        )
        assert drawn.mean() == pytest.approx(mixed.mean(), abs=0.03)
        assert drawn.std() == pytest.approx(mixed.std(), rel=0.03)


def test_mixing_and_telling_of_receptors_agree_with_bayes(five):
    """The posterior of a mixture weighs each part by how probable what is given was under it."""
    er = read_evidence(case_id="a", er="positive")
    weights = np.exp(five.log_probability(er))
    by_bayes = (weights[:, None] * five.given(er).cells()).sum(axis=0) / weights.sum()
    np.testing.assert_allclose(mixture(five).given(er).cells()[0], by_bayes, atol=1e-9)


def test_one_stays_and_the_order_is_nothing(five):
    assert mixture(five.take(slice(0, 1))).mu.tolist() == five.mu[:1].tolist()
    forwards, backwards = mixture(five), mixture(five.take(np.arange(5)[::-1]))
    np.testing.assert_allclose(forwards.mu, backwards.mu, rtol=1e-12)
    np.testing.assert_allclose(forwards.sigma, backwards.sigma, rtol=1e-12)


def test_what_was_given_of_one_only_is_refused(five):
    told = five.take(slice(0, 1)).given(read_evidence(case_id="a", ki67=">=20%"))
    with pytest.raises(ValueError, match="mixed before anything is given"):
        mixture(PanelPosterior.stack([told, five]))
