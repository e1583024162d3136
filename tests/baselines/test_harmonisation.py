import numpy as np
import pytest

from onephase.baselines.harmonisation import fit_harmonisation
from onephase.errors import TrainingError

SITES = ["alder"] * 40 + ["birch"] * 25 + ["elm"] * 9


def _features(*, seed: int = 0, features: int = 30) -> np.ndarray:
    """Return features with a shift and a spread of their own at each site."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(len(SITES), features)) * rng.gamma(4, 1, size=features) + rng.normal(0, 50, features)
    for site, (shift, spread) in {"alder": (0, 1), "birch": (8, 2), "elm": (-5, 0.5)}.items():
        rows = np.array(SITES) == site
        values[rows] = values[rows] * spread + shift + rng.normal(0, 1, features)
    return values


def _reference(values: np.ndarray, sites: list[str]) -> np.ndarray:
    """ComBat again, written one feature and one case at a time, the priors by maximising nothing but moments."""
    cases, count = values.shape
    labels = sorted(set(sites))
    members = {site: [row for row in range(cases) if sites[row] == site] for site in labels}
    standard = np.zeros_like(values)
    centre, scale = np.zeros(count), np.zeros(count)
    for g in range(count):
        own = {site: sum(values[row, g] for row in rows) / len(rows) for site, rows in members.items()}
        centre[g] = sum(len(members[site]) / cases * own[site] for site in labels)
        scale[g] = np.sqrt(sum((values[row, g] - own[sites[row]]) ** 2 for row in range(cases)) / cases)
        standard[:, g] = (values[:, g] - centre[g]) / scale[g]
    answer = np.zeros_like(values)
    for rows in members.values():
        n = len(rows)
        gamma_hat = [float(np.mean(standard[rows, g])) for g in range(count)]
        delta_hat = [float(np.var(standard[rows, g], ddof=1)) for g in range(count)]
        gamma_bar, tau2 = np.mean(gamma_hat), np.var(gamma_hat, ddof=1)
        v, s2 = np.mean(delta_hat), np.var(delta_hat, ddof=1)
        lam, theta = (v**2 + 2 * s2) / s2, (v**3 + v * s2) / s2
        for g in range(count):
            gamma, delta2 = gamma_hat[g], delta_hat[g]
            for _ in range(500):
                gamma = (n * tau2 * gamma_hat[g] + delta2 * gamma_bar) / (n * tau2 + delta2)
                delta2 = (theta + 0.5 * sum((standard[row, g] - gamma) ** 2 for row in rows)) / (n / 2 + lam - 1)
            for row in rows:
                answer[row, g] = scale[g] / np.sqrt(delta2) * (standard[row, g] - gamma) + centre[g]
    return answer


def test_as_computed_one_number_at_a_time() -> None:
    values = _features(features=7)
    assert fit_harmonisation(values, SITES).of(values, SITES) == pytest.approx(_reference(values, SITES), abs=1e-3)


def test_sites_agree_afterwards_in_location_and_scale() -> None:
    values = _features()
    harmonised = fit_harmonisation(values, SITES).of(values, SITES)
    site = np.array(SITES)
    within = np.sqrt(np.mean([harmonised[site == name].var(axis=0) for name in set(SITES)], axis=0))
    for name in ("alder", "birch"):
        before = np.abs(values[site == name].mean(axis=0) - values.mean(axis=0)) / within
        after = np.abs(harmonised[site == name].mean(axis=0) - harmonised.mean(axis=0)) / within
        assert after.max() < 0.25
        assert after.mean() < 0.2 * before.mean()
        assert np.log(harmonised[site == name].std(axis=0) / within) == pytest.approx(np.zeros(30), abs=0.35)


def test_an_effect_that_no_site_has_to_itself_stays() -> None:
    values, site, high = _features(), np.array(SITES), np.arange(len(SITES)) % 2 == 0
    spread = np.array([values[site == name].std(axis=0) for name in SITES])  # (case, feature)
    told = values + 2 * spread * high[:, None]
    harmonised = fit_harmonisation(told, SITES).of(told, SITES)
    kept = (harmonised[high].mean(axis=0) - harmonised[~high].mean(axis=0)) / harmonised[~high].std(axis=0)
    plain = (told[high].mean(axis=0) - told[~high].mean(axis=0)) / told[~high].std(axis=0)
    assert kept.mean() == pytest.approx(2, abs=0.2)
    assert plain.mean() < 1.5  # under the differences between sites


def test_units_of_a_feature_only_change_its_units() -> None:
    values = _features()
    scaled = values * 7 + 100
    before = fit_harmonisation(values, SITES).of(values, SITES)
    assert fit_harmonisation(scaled, SITES).of(scaled, SITES) == pytest.approx(before * 7 + 100, rel=1e-3, abs=1e-2)


def test_new_cases_are_moved_by_what_the_training_cases_told() -> None:
    values = _features()
    harmonisation = fit_harmonisation(values, SITES)
    alone = harmonisation.of(values[[50]], ["birch"])
    among = harmonisation.of(np.concatenate([values[[50]], values[:5] + 1e6]), ["birch", *SITES[:5]])
    assert among[0] == pytest.approx(alone[0])
    assert alone[0] == pytest.approx(harmonisation.of(values, SITES)[50])


def test_a_feature_that_only_tells_sites_apart_becomes_one_value_and_spoils_no_other() -> None:
    """Such as a slice thickness; its spread within sites is nothing but rounding."""
    values = _features()
    site = np.array([{"alder": 0.1, "birch": 0.3, "elm": 0.7}[name] for name in SITES])
    more = np.column_stack([values, site])
    harmonised = fit_harmonisation(more, SITES).of(more, SITES)
    assert np.ptp(harmonised[:, -1]) < 1e-9
    np.testing.assert_allclose(harmonised[:, :-1], fit_harmonisation(values, SITES).of(values, SITES), rtol=1e-9)


def test_a_site_that_did_not_train_is_refused() -> None:
    values = _features()
    with pytest.raises(TrainingError, match="no case of the site yew was among the training cases"):
        fit_harmonisation(values, SITES).of(values[:1], ["yew"])


def test_a_site_of_two_cases_is_refused() -> None:
    with pytest.raises(TrainingError, match="the site elm has 2 training cases, harmonising needs at least 3"):
        fit_harmonisation(_features()[:67], SITES[:67])
