from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onephase.statistics.estimate import Comparison, Estimate
from onephase.statistics.multiplicity import as_family, holm

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=7)


def _closed_testing(p_values: list[float]) -> list[float]:
    """Adjusted p values by the closure principle (Marcus, Peritz and Gabriel 1976).

    A hypothesis falls when every intersection that holds it falls; each intersection is tested by
    Bonferroni. Written over all subsets, which knows nothing of sorting or stepping down.
    """
    places = range(len(p_values))
    subsets = [subset for size in range(1, len(p_values) + 1) for subset in combinations(places, size)]
    of_subset = {subset: min(1.0, len(subset) * min(p_values[place] for place in subset)) for subset in subsets}
    return [max(p for subset, p in of_subset.items() if place in subset) for place in places]


@given(p_values=P_VALUES)
def test_holm_is_closed_testing_with_bonferroni(p_values: list[float]) -> None:
    assert holm(p_values) == pytest.approx(_closed_testing(p_values))


@given(p_values=P_VALUES, seed=st.integers(0, 1000))
def test_order_changes_nothing_and_no_p_value_falls(p_values: list[float], seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(p_values))
    straight = holm(p_values)
    assert holm([p_values[place] for place in order]) == pytest.approx([straight[place] for place in order])
    assert all(adjusted >= raw for adjusted, raw in zip(straight, p_values, strict=True))


def test_risk_of_one_false_finding_is_kept() -> None:
    rng = np.random.default_rng(1)
    families = rng.uniform(size=(4000, 6))
    wrong = np.mean([min(holm(family.tolist())) <= 0.05 for family in families])
    assert 0.03 < wrong < 0.05 + 3 * (0.05 * 0.95 / 4000) ** 0.5
    assert np.mean((families <= 0.05).any(axis=1)) > 0.2  # what the raw p values would do


def test_a_comparison_without_a_test_is_no_member() -> None:
    def comparison(p_value: float | None) -> Comparison:
        return Comparison(Estimate(0.1, 0.0, 0.2, n=9), p_value, "some test")

    family = as_family([comparison(0.01), comparison(None), comparison(0.04)])
    assert [one.adjusted_p for one in family] == [0.02, None, 0.04]
    assert [one.p_value for one in family] == [0.01, None, 0.04]
    assert holm([]) == ()
