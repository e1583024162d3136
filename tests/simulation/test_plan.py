"""Which cases come from where."""

from collections import Counter

import pytest

from onephase.errors import CohortError
from onephase.simulation.plan import PRESETS, Plan, plan_of
from onephase.simulation.sites import SITES, site_of


def test_the_paper_preset_has_the_papers_numbers():
    keys = PRESETS["paper"].keys(1)
    count = Counter(key.site for key in keys)
    assert len(keys) == 960
    assert count["larch"] == 74
    assert max(count.values()) - min(count[name] for name in ("alder", "birch", "cedar")) <= 1
    assert len({key.case_id for key in keys}) == 960


def test_a_longer_cohort_begins_with_the_shorter_one():
    short, long = plan_of("demo", cases=10).keys(3), plan_of("demo", cases=25).keys(3)
    assert long[:10] == short


def test_the_number_of_cases_keeps_the_presets_proportions():
    plan = plan_of("paper", cases=240)
    assert (plan.internal, plan.external) == (222, 18)
    assert plan_of("demo", sites=("cedar",)).sites == ("cedar",)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plan_of("grand"), "no simulation preset 'grand': choose from demo"),
        (lambda: plan_of("demo", cases=0), "at least 1 case, got 0"),
        (lambda: plan_of("demo", sites=("mayo",)), "no simulated site 'mayo': choose from alder"),
        (lambda: Plan(3, ()), "at least one site"),
        (lambda: Plan(3, ("alder",), 2, ("alder",)), "internal and external at once"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(call, message):
    with pytest.raises(CohortError, match=message):
        call()


def test_external_sites_lie_outside_the_range_of_the_internal_ones():
    inside = [site_of(name) for name in PRESETS["paper"].sites]
    outside = SITES["larch"]
    for field in ("slice_mm", "flip_degrees", "fat_residual", "noise"):
        assert getattr(outside, field) > max(getattr(site, field) for site in inside)
