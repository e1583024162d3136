import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import logit
from scipy.stats import norm

from onephase.biomarkers.evidence import read_evidence, read_given
from onephase.biomarkers.panel import CELLS, Events
from onephase.biomarkers.posterior import PanelPosterior
from onephase.errors import EvidenceError

SEEDS = st.integers(0, 2**32 - 1)
BOTH = st.booleans()


def event(cells=range(8), ki67=(0.0, 1.0)):
    return Events(np.isin(np.arange(8), list(cells))[np.newaxis], np.array([ki67]), np.array([-1], dtype=np.int8))


def wider(events, rng):
    """Add cells and widen the Ki-67 interval."""
    cells = events.cells | (rng.random(events.cells.shape) < 0.3)
    start, stop = events.ki67.T
    ends = np.stack([start * rng.random(len(events)), stop + (1 - stop) * rng.random(len(events))], axis=1)
    return Events(cells, ends, np.full(len(events), -1, dtype=np.int8))


@pytest.fixture(scope="session")
def posterior_of(random_potentials):
    def make(rng, cases, *, extreme=False):
        return PanelPosterior.from_potentials(random_potentials(rng, cases, extreme=extreme))

    return make


def by_quadrature(posterior, case, cell, start, stop):
    """P(cell and Ki-67 in [start, stop)), by integrating the density of the Ki-67 fraction."""

    def density(x):
        return norm.pdf(logit(x), posterior.mu[case, cell], posterior.sigma[case, cell]) / (x * (1 - x))

    area, _ = quad(density, start, stop, epsabs=1e-12, epsrel=1e-10, limit=400)
    return np.exp(posterior.log_cells[case, cell]) * area


def test_log_probability_against_an_integral_of_the_density(posterior_of, random_events):
    rng = np.random.default_rng(1)
    posterior, events = posterior_of(rng, 6), random_events(rng, 6)
    for case, log_probability in enumerate(posterior.log_probability(events)):
        cells = events.cells[case].nonzero()[0]
        mass = sum(
            by_quadrature(posterior, case, cell, *np.clip(events.ki67[case], 1e-12, 1 - 1e-12)) for cell in cells
        )
        assert log_probability == pytest.approx(np.log(mass), abs=1e-7)


@given(seed=SEEDS, extreme=BOTH)
def test_cells_sum_to_one_and_marginals_agree_with_them(seed, extreme, posterior_of):
    posterior = posterior_of(np.random.default_rng(seed), 5, extreme=extreme)
    cells = posterior.cells()
    np.testing.assert_allclose(cells.sum(axis=1), 1, rtol=1e-12)
    for receptor in range(3):
        np.testing.assert_allclose(posterior.marginals()[:, receptor], cells[:, CELLS[:, receptor]].sum(axis=1))
    er_or_pr = [cell for cell, (er, pr, _) in enumerate(CELLS) if er or pr]
    np.testing.assert_allclose(posterior.hr(), cells[:, er_or_pr].sum(axis=1))


@given(seed=SEEDS, extreme=BOTH)
def test_no_observation_is_exactly_certain_also_after_given(seed, extreme, posterior_of, random_events):
    rng = np.random.default_rng(seed)
    posterior, events = posterior_of(rng, 5, extreme=extreme), random_events(rng, 5)
    assert (posterior.log_probability(Events.unknown(5)) == 0).all()
    known = posterior.given(events)
    assert (known.log_probability(Events.unknown(1)) == 0).all()
    assert (known.log_probability(events) == 0).all()


@given(seed=SEEDS, extreme=BOTH)
def test_log_probabilities_are_at_most_zero_and_grow_with_the_event(seed, extreme, posterior_of, random_events):
    rng = np.random.default_rng(seed)
    posterior, events = posterior_of(rng, 5, extreme=extreme), random_events(rng, 5)
    for current in (posterior, posterior.given(wider(events, rng))):
        narrow, wide = current.log_probability(events), current.log_probability(wider(events, rng))
        assert np.isfinite(narrow).all()
        assert (narrow <= 0).all()
        assert (wide <= 0).all()
        assert (wide >= narrow - 1e-9 * (1 + np.abs(narrow))).all()


@given(seed=SEEDS)
def test_complementary_events_sum_to_one(seed, posterior_of):
    rng = np.random.default_rng(seed)
    posterior, cut = posterior_of(rng, 5), float(rng.uniform(0.01, 0.99))
    some = rng.random(8) < 0.5
    some[:2] = (True, False)
    parts = [event(some.nonzero()[0], (0, cut)), event(some.nonzero()[0], (cut, 1)), event((~some).nonzero()[0])]
    np.testing.assert_allclose(sum(np.exp(posterior.log_probability(part)) for part in parts), 1, rtol=1e-12)


@given(seed=SEEDS)
def test_given_is_bayes_on_the_table(seed, posterior_of, random_events):
    """Fill a table of cells and Ki-67 bins, strike out what is excluded, divide by what is left."""
    rng = np.random.default_rng(seed)
    posterior, known = posterior_of(rng, 4), random_events(rng, 4)
    tenths = np.stack([np.floor(known.ki67[:, 0] * 10), np.ceil(known.ki67[:, 1] * 10)], axis=1)
    after = posterior.given(Events(known.cells, tenths / 10, known.pr_high))
    ends = (logit(np.arange(11) / 10) - posterior.mu[..., np.newaxis]) / posterior.sigma[..., np.newaxis]
    low, high = ends[..., :-1], ends[..., 1:]  # (case, cell, tenth)
    mass = np.where(low > 0, norm.sf(low) - norm.sf(high), norm.cdf(high) - norm.cdf(low))
    table = posterior.cells()[..., np.newaxis] * mass
    inside = (np.arange(10) >= tenths[:, :1]) & (np.arange(10) < tenths[:, 1:])
    table *= inside[:, np.newaxis] & known.cells[..., np.newaxis]
    total = table.sum(axis=(1, 2), keepdims=True)
    assume((total > 1e-250).all())
    table /= total
    np.testing.assert_allclose(after.cells(), table.sum(axis=2), atol=1e-10)
    np.testing.assert_allclose(after.ki67_cdf(np.arange(1, 11) / 10), table.sum(axis=1).cumsum(axis=1), atol=1e-10)


@given(seed=SEEDS, extreme=BOTH)
def test_given_in_two_steps_is_given_at_once(seed, extreme, posterior_of, random_events):
    rng = np.random.default_rng(seed)
    posterior, first = posterior_of(rng, 4, extreme=extreme), random_events(rng, 4)
    second = wider(first, rng)
    once, twice = posterior.given(first), posterior.given(second).given(first)
    np.testing.assert_array_equal(once.window, twice.window)
    scale = 1 + np.abs(posterior.log_probability(first))[:, np.newaxis]  # digits are lost where all is improbable
    assert (np.abs(once.cells() - twice.cells()) < 1e-9 * scale).all()


def test_the_chain_rule_holds(posterior_of, random_events):
    rng = np.random.default_rng(5)
    posterior, first = posterior_of(rng, 50), random_events(rng, 50)
    second = wider(first, rng)
    np.testing.assert_allclose(
        posterior.log_probability(second) + posterior.given(second).log_probability(first),
        posterior.log_probability(first),
        atol=1e-9,
    )


def test_given_agrees_with_sampled_cases(posterior_of):
    rng = np.random.default_rng(6)
    posterior = posterior_of(rng, 4)
    cells, ki67 = posterior.sample(rng, 200_000)
    known = read_given(["hr=positive", "ki67=10-40"])
    after = posterior.given(known)
    for case in range(4):
        kept = known.cells[0, cells[case]] & (ki67[case] >= 0.10) & (ki67[case] < 0.41)
        share = np.bincount(cells[case, kept], minlength=8) / kept.sum()
        error = np.sqrt(share * (1 - share) / kept.sum())
        assert (np.abs(after.cells()[case] - share) < 5 * error + 1e-3).all()
        assert np.median(ki67[case, kept]) == pytest.approx(after.ki67_median()[case], abs=0.005)


def test_samples_of_a_windowed_posterior_stay_in_cells_and_window(posterior_of):
    rng = np.random.default_rng(7)
    known = posterior_of(rng, 4, extreme=True).given(read_given(["er=1", "her2=0", "ki67=20-30"]))
    cells, ki67 = known.sample(rng, 500)
    assert CELLS[cells][..., 0].all()
    assert not CELLS[cells][..., 2].any()
    assert ki67.min() >= 0.20
    assert ki67.max() <= 0.31


@given(seed=SEEDS, extreme=BOTH, level=st.floats(0.01, 0.99))
def test_quantiles_turn_the_distribution_function_over(seed, extreme, level, posterior_of, random_events):
    rng = np.random.default_rng(seed)
    posterior = posterior_of(rng, 5, extreme=extreme).given(random_events(rng, 5))
    found = posterior.ki67_quantile(level)
    start, stop = posterior.window.T
    assert (found >= start).all()
    assert (found <= stop).all()
    below = posterior.ki67_cdf(np.maximum(found - 1e-6, 0)[:, np.newaxis])[:, 0]
    above = posterior.ki67_cdf(np.minimum(found + 1e-6, 1)[:, np.newaxis])[:, 0]
    assert (below <= level + 1e-9).all()
    assert (above >= level - 1e-9).all()


def test_the_median_of_one_normal_is_in_closed_form():
    posterior = PanelPosterior(
        np.log(np.full((4, 8), 1 / 8)),
        np.repeat(np.array([-3.0, -1.0, 0.0, 2.0])[:, np.newaxis], 8, axis=1),
        np.full((4, 8), 0.7),
        np.tile([0.0, 1.0], (4, 1)),
        np.full(4, -1, dtype=np.int8),
    )
    expected = 1 / (1 + np.exp([3.0, 1.0, 0.0, -2.0]))
    np.testing.assert_allclose(posterior.ki67_median(), expected, atol=1e-6)
    level = norm.cdf(1.0)
    np.testing.assert_allclose(
        posterior.ki67_quantile(level), 1 / (1 + np.exp(-np.array([-3.0, -1.0, 0.0, 2.0]) - 0.7)), atol=1e-6
    )


def test_shapes_of_quantiles_and_distribution_function(posterior_of):
    posterior = posterior_of(np.random.default_rng(8), 4)
    assert posterior.ki67_quantile(0.5).shape == (4,)
    assert posterior.ki67_quantile(np.array([0.05, 0.1, 0.5, 0.9, 0.95])).shape == (4, 5)
    assert posterior.ki67_cdf(0.2).shape == (4,)
    assert posterior.ki67_cdf(np.linspace(0, 1, 6)).shape == (4, 6)
    assert posterior.ki67_cdf(np.full((4, 5), 0.2)).shape == (4, 5)
    assert posterior.ki67_cdf(np.array([0.0, 1.0])).tolist() == [[0.0, 1.0]] * 4


def test_a_level_that_is_no_probability_is_refused(posterior_of):
    with pytest.raises(ValueError, match="probability from 0 to 1"):
        posterior_of(np.random.default_rng(8), 4).ki67_quantile(1.5)


def test_what_is_known_twice_is_remembered(posterior_of):
    posterior = posterior_of(np.random.default_rng(9), 4).given(read_given(["pr=30%"]))
    assert posterior.pr_high.tolist() == [1] * 4
    np.testing.assert_allclose(posterior.marginals()[:, 1], 1)
    assert posterior.given(read_given(["er=1"])).pr_high.tolist() == [1] * 4


@pytest.mark.parametrize(
    ("first", "second"), [("er=1", "er=0"), ("ki67=<14", "ki67=14"), ("pr=30%", "pr=10%"), ("hr=0", "er=1")]
)
def test_an_impossible_event_is_refused(first, second, posterior_of):
    posterior = posterior_of(np.random.default_rng(10), 4).given(read_given([first]))
    with pytest.raises(EvidenceError, match="row 0 is impossible after what was given before"):
        posterior.given(read_given([second]))
    if not first.startswith("pr"):
        assert np.isneginf(posterior.log_probability(read_given([second]))).all()


def test_take_and_stack_return_the_same(posterior_of):
    posterior = posterior_of(np.random.default_rng(11), 6).given(read_given(["ki67=>=20"]))
    again = PanelPosterior.stack([posterior.take(np.arange(6) < 2), posterior.take(slice(2, 6))])
    for name in ("log_cells", "mu", "sigma", "window", "pr_high"):
        np.testing.assert_array_equal(getattr(again, name), getattr(posterior, name))


def test_cases_do_not_touch_each_other(posterior_of, random_events):
    rng = np.random.default_rng(12)
    posterior, events = posterior_of(rng, 6), random_events(rng, 6)
    alone = [posterior.take(slice(row, row + 1)).log_probability(events.take(slice(row, row + 1))) for row in range(6)]
    np.testing.assert_allclose(posterior.log_probability(events), np.concatenate(alone), rtol=1e-13)


def test_one_event_for_each_case_or_one_for_all(posterior_of):
    posterior = posterior_of(np.random.default_rng(13), 4)
    one = read_evidence(case_id="a", hr="1", ki67="18")
    np.testing.assert_array_equal(posterior.log_probability(one), posterior.log_probability(Events.stack([one] * 4)))
    with pytest.raises(ValueError, match=r"one event a case \(4\) or one for all, got 3"):
        posterior.log_probability(Events.unknown(3))


def test_what_is_no_distribution_is_refused():
    cells, ones = np.log(np.full((1, 8), 1 / 8)), np.ones((1, 8))
    window, pr_high = np.array([[0.0, 1.0]]), np.array([-1], dtype=np.int8)
    with pytest.raises(ValueError, match="must sum to 1"):
        PanelPosterior(cells + 1, ones, ones, window, pr_high)
    with pytest.raises(ValueError, match="sigma finite and positive"):
        PanelPosterior(cells, ones, 0 * ones, window, pr_high)
