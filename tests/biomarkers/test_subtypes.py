import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onephase.biomarkers.evidence import read_evidence, read_given
from onephase.biomarkers.panel import CELLS
from onephase.biomarkers.posterior import PanelPosterior
from onephase.biomarkers.subtypes import IKWG_CAUTION, POLICIES, SUBTYPES, subtype_of, subtype_probabilities

SEEDS = st.integers(0, 2**32 - 1)
EACH_POLICY = st.sampled_from(sorted(POLICIES))


def by_hand(cell, ki67, policy, pr_high):
    """The table of the reference, as a pathologist would go through it."""
    er, pr, her2 = (bool(status) for status in CELLS[cell])
    if her2:
        return "luminal B-like (HER2+)" if er or pr else "HER2-positive (non-luminal)"
    if not er and not pr:
        return "triple negative"
    if policy != "maisonneuve":
        return "luminal A-like" if ki67 < {"ki67_14": 0.14, "ki67_20": 0.20}[policy] else "luminal B-like"
    if ki67 < 0.14:
        return "luminal A-like"
    if ki67 >= 0.20 or not pr or pr_high == 0:
        return "luminal B-like"
    return "luminal A-like" if pr_high == 1 else "undecided"


@given(seed=SEEDS, extreme=st.booleans(), policy=EACH_POLICY)
def test_subtypes_sum_to_one_and_agree_with_the_marginals(seed, extreme, policy, random_potentials, random_events):
    rng = np.random.default_rng(seed)
    prior = PanelPosterior.from_potentials(random_potentials(rng, 5, extreme=extreme))
    for posterior in (prior, prior.given(random_events(rng, 5))):
        subtypes = subtype_probabilities(posterior, policy)
        assert (subtypes >= 0).all()
        np.testing.assert_allclose(subtypes.sum(axis=1), 1, rtol=1e-12)
        parts = {name: subtypes[:, index] for index, name in enumerate(SUBTYPES)}
        her2_positive = parts["luminal B-like (HER2+)"] + parts["HER2-positive (non-luminal)"]
        np.testing.assert_allclose(her2_positive, posterior.marginals()[:, 2], atol=1e-12)
        no_hormone = parts["triple negative"] + parts["HER2-positive (non-luminal)"]
        np.testing.assert_allclose(no_hormone, 1 - posterior.hr(), atol=1e-12)
        if policy != "maisonneuve":
            assert (parts["undecided"] == 0).all()


@pytest.mark.parametrize("policy", sorted(POLICIES))
@pytest.mark.parametrize("known", [[], ["pr=30%"], ["pr=5%"], ["er=1", "her2=0", "ki67=10-25"]])
def test_subtypes_against_counted_samples(policy, known, random_potentials):
    rng = np.random.default_rng(1)
    posterior = PanelPosterior.from_potentials(random_potentials(rng, 3)).given(read_given(known))
    cells, ki67 = posterior.sample(rng, 4000)
    expected = np.zeros((3, 6))
    for case in range(3):
        for cell, index in zip(cells[case], ki67[case], strict=True):
            expected[case, SUBTYPES.index(by_hand(cell, index, policy, posterior.pr_high[case]))] += 1 / 4000
    np.testing.assert_allclose(subtype_probabilities(posterior, policy), expected, atol=0.04)


def test_the_pr_percentage_decides_between_14_and_20(random_potentials):
    posterior = PanelPosterior.from_potentials(random_potentials(np.random.default_rng(2), 4))
    posterior = posterior.given(read_given(["er=1", "her2=0", "ki67=14-19"]))
    positive = posterior.marginals()[:, 1]
    open_ = subtype_probabilities(posterior, "maisonneuve")
    np.testing.assert_allclose(
        open_[:, [0, 1, 5]], np.stack([0 * positive, 1 - positive, positive], axis=1), atol=1e-12
    )
    for percentage, subtype in (("30%", 0), ("5%", 1), ("<1%", 1), ("positive", 5)):
        settled = subtype_probabilities(posterior.given(read_given([f"pr={percentage}"])), "maisonneuve")
        np.testing.assert_allclose(settled[:, subtype], 1, rtol=1e-12)


@pytest.mark.parametrize(
    ("texts", "at_14", "at_20", "maisonneuve"),
    [
        ({"er": "1", "her2": "0", "ki67": "13"}, 0, 0, 0),
        ({"er": "1", "her2": "0", "ki67": "14"}, 1, 0, -1),
        ({"er": "1", "her2": "0", "ki67": "20"}, 1, 1, 1),
        ({"er": "1", "her2": "0", "ki67": "13-14"}, -1, 0, -1),
        ({"er": "1", "her2": "0", "ki67": "10-25"}, -1, -1, -1),
        ({"er": "1", "pr": "20%", "her2": "0", "ki67": "19"}, 1, 0, 0),
        ({"er": "1", "pr": "19%", "her2": "0", "ki67": "19"}, 1, 0, 1),
        ({"er": "1", "pr": "positive", "her2": "0", "ki67": "19"}, 1, 0, -1),
        ({"er": "1", "pr": "negative", "her2": "0", "ki67": "19"}, 1, 0, 1),
        ({"er": "1", "her2": "0"}, -1, -1, -1),
        ({"hr": "1", "her2": "3+"}, 2, 2, 2),
        ({"er": "0", "her2": "3+"}, -1, -1, -1),
        ({"hr": "0", "her2": "3+"}, 3, 3, 3),
        ({"er": "0", "pr": "0", "her2": "1+"}, 4, 4, 4),
        ({"er": "0", "pr": "0", "her2": "2+"}, -1, -1, -1),
        ({"ki67": "5"}, -1, -1, -1),
        ({"pr": "1", "her2": "0", "ki67": "<14"}, 0, 0, 0),
    ],
)
def test_what_pathology_settles(texts, at_14, at_20, maisonneuve):
    events = read_evidence(case_id="a", **texts)
    assert [int(subtype_of(events, policy)[0]) for policy in ("ki67_14", "ki67_20", "maisonneuve")] == [
        at_14,
        at_20,
        maisonneuve,
    ]


@given(seed=SEEDS, policy=EACH_POLICY)
def test_a_settled_subtype_is_certain_once_given(seed, policy, random_potentials, random_events):
    rng = np.random.default_rng(seed)
    events = random_events(rng, 6)
    settled = subtype_of(events, policy)
    subtypes = subtype_probabilities(PanelPosterior.from_potentials(random_potentials(rng, 6)).given(events), policy)
    rows = np.flatnonzero(settled >= 0)
    np.testing.assert_allclose(subtypes[rows, settled[rows]], 1, rtol=1e-12)


def test_the_caution_names_its_source():
    assert "IKWG" in IKWG_CAUTION
    assert "14 or 20 %" in IKWG_CAUTION
