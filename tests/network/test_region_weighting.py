import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

torch = pytest.importorskip("torch", reason="needs the train extra")

from onephase.imaging.regions import memberships as memberships_in_numpy  # noqa: E402
from onephase.network.region_weighting import (  # noqa: E402
    LEAST_VOXELS,
    LEVELS,
    SHARPNESS,
    RegionPooling,
    RegionWeighting,
    memberships,
    softmax_over_present,
    volumes,
    weigh_voxels,
)
from onephase.settings import RegionSettings  # noqa: E402

pytestmark = pytest.mark.torch

NAMES = ("core", "rim", "shell")


@given(
    core=st.floats(0.5, 5),
    rim=st.floats(0.5, 5),
    shell=st.floats(0.5, 5),
    softness=st.floats(0.1, 3),
    seed=st.integers(0),
)
def test_memberships_are_those_of_numpy(core, rim, shell, softness, seed):
    settings = RegionSettings(core_depth_mm=core, rim_reach_mm=rim, shell_reach_mm=rim + shell, softness_mm=softness)
    distance = np.random.default_rng(seed % 2**32).uniform(-10, 14, size=(4, 5, 6)).astype(np.float32)
    ours = memberships(torch.from_numpy(distance)[None, None], names=NAMES, regions=settings)[0].numpy()
    theirs = memberships_in_numpy(distance, settings)
    for name, membership in zip(NAMES, ours, strict=True):
        np.testing.assert_allclose(membership, theirs[name], atol=1e-5)


def test_the_whole_crop_is_a_region_and_order_is_that_of_the_names():
    distance = torch.randn(2, 1, 4, 5, 6) * 5
    maps = memberships(distance, names=("shell", "whole", "core"), regions=RegionSettings())
    assert torch.equal(maps[:, 1], torch.ones(2, 4, 5, 6))
    assert torch.equal(maps[:, [2]], memberships(distance, names=("core",), regions=RegionSettings()))
    assert volumes(maps)[:, 1].tolist() == [120.0, 120.0]


def test_voxels_are_weighed_on_the_blocks_of_a_stage():
    membership, attention = torch.rand(2, 3, 4, 6, 8), torch.rand(2, 1, 2, 3, 4)
    weights = weigh_voxels(membership, attention, block=(2, 2, 2))
    by_hand = membership[1, 2, 2:4, 0:2, 4:6].mean() * attention[1, 0, 1, 0, 2]
    torch.testing.assert_close(weights[1, 2, 1, 0, 2], by_hand)


def test_pooling_is_weighted_mean_deviation_and_shares():
    generator = torch.Generator().manual_seed(3)
    features = torch.randn(2, 5, 3, 4, 6, generator=generator)
    weights = torch.rand(2, 3, 3, 4, 6, generator=generator)
    pooled = (
        RegionPooling(5)(features, weights).view(2, 3, 4, 5).detach().numpy()
    )  # (batch, region, statistic, channel)
    for case, region, channel in ((0, 0, 0), (1, 2, 4)):
        values = features[case, channel].flatten().numpy().astype(np.float64)
        share = weights[case, region].flatten().numpy().astype(np.float64)
        mean = np.average(values, weights=share)
        deviation = np.sqrt(np.average((values - mean) ** 2, weights=share) + 1e-4)
        above = [np.average(expit(SHARPNESS * (values - level)), weights=share) for level in LEVELS]
        np.testing.assert_allclose(pooled[case, region, :, channel], [mean, deviation, *above], rtol=1e-4)


def test_pooling_keeps_its_digits_where_the_stages_compute_in_half_precision():
    """A deviation of a tenth of the mean is lost among 8 bits."""
    features = 2 + 0.2 * torch.randn(2, 5, 3, 4, 6)
    weights, pool = torch.rand(2, 3, 3, 4, 6), RegionPooling(5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        pooled = pool(features, weights)
    assert pooled.dtype == torch.float32
    torch.testing.assert_close(pooled, pool(features, weights))


def test_voxels_without_weight_do_not_count():
    features, weights = torch.randn(1, 2, 3, 4, 6), torch.rand(1, 2, 3, 4, 6).round()
    outside = weights.amax(dim=1, keepdim=True) == 0
    assert outside.any()
    pool = RegionPooling(2)
    torch.testing.assert_close(pool(torch.where(outside, 50.0, features), weights), pool(features, weights))


@given(size=st.floats(0, 1e4), weight=st.floats(0, 1e-3))
def test_pooling_stays_finite(size, weight):
    features = (torch.randn(1, 2, 2, 3, 4) * size).requires_grad_()
    weights = torch.full((1, 2, 2, 3, 4), weight)
    weights[:, 1] = 0
    pooled = RegionPooling(2)(features, weights)
    pooled.sum().backward()
    assert torch.isfinite(pooled).all()
    assert torch.isfinite(features.grad).all()
    assert (pooled[:, 1] == 0).all()


@given(st.lists(st.booleans(), min_size=3, max_size=3), st.floats(-100, 100))
def test_absent_regions_weigh_exactly_nothing(present, logit):
    logits = torch.tensor([[[logit, 1.0, -2.0], [0.0, logit, 3.0]]])
    weights = softmax_over_present(logits, torch.tensor([present]))[0]
    assert (weights[:, ~torch.tensor(present)] == 0).all()
    if any(present):
        torch.testing.assert_close(weights.sum(1), torch.ones(2))
        torch.testing.assert_close(
            weights[:, torch.tensor(present)], torch.softmax(logits[0][:, torch.tensor(present)], dim=1)
        )
    else:
        assert (weights == 0).all()


def test_gradients_of_weights_stay_finite_without_any_region():
    logits = torch.randn(2, 3, 4, requires_grad=True)
    softmax_over_present(logits, torch.tensor([[False] * 4, [True, False, False, True]])).square().sum().backward()
    assert torch.isfinite(logits.grad).all()
    assert (logits.grad[0] == 0).all()


def test_what_an_absent_region_says_changes_nothing():
    torch.manual_seed(0)
    weighting = RegionWeighting(6, 5, regions=3, tasks=2, dropout=0.0).eval()
    torch.nn.init.normal_(weighting.gate.weight)
    pooled, volume = torch.randn(2, 3, 6), torch.tensor([[40.0, 9.0, LEAST_VOXELS / 2], [40.0, 0.0, 9.0]])
    told, weights = weighting(pooled, volume)
    assert (weights[0, :, 2] == 0).all()
    assert (weights[1, :, 1] == 0).all()
    changed = pooled.clone()
    changed[0, 2] += 5
    changed[1, 1] -= 5
    assert torch.equal(weighting(changed, volume)[0], told)


def test_the_size_of_a_region_is_seen():
    weighting = RegionWeighting(6, 5, regions=1, tasks=1, dropout=0.0).eval()
    pooled = torch.randn(1, 1, 6)
    small, large = (weighting(pooled, torch.tensor([[size]]))[0] for size in (10.0, 1000.0))
    assert not torch.equal(small, large)
