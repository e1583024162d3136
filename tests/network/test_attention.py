import math

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from onephase.network.attention import FAINTEST, NoAttention, SpatialAttention, enlarge, relative_to_strongest  # noqa: E402

pytestmark = pytest.mark.torch


def _features():
    return [torch.randn(2, 3, 4, 6, 8), torch.randn(2, 5, 2, 3, 4)]


def test_untrained_attention_treats_every_voxel_alike():
    assert torch.equal(SpatialAttention((3, 5))(_features()), torch.full((2, 1, 4, 6, 8), 0.5))


def test_votes_of_all_scales_add_up_on_the_finest_grid():
    attention, (fine, coarse) = SpatialAttention((3, 5)), _features()
    for vote in attention.votes:
        torch.nn.init.normal_(vote.weight)
    map_ = attention([fine, coarse])
    assert map_.shape == (2, 1, 4, 6, 8)
    assert ((map_ > 0) & (map_ < 1)).all()
    by_hand = attention.votes[0](fine) + enlarge(attention.votes[1](coarse), (4, 6, 8))
    assert by_hand.min() > FAINTEST
    torch.testing.assert_close(map_, torch.sigmoid(by_hand))


def test_no_voxel_counts_nothing():
    attention = SpatialAttention((2,))
    torch.nn.init.constant_(attention.votes[0].weight, -20.0)
    map_ = attention([torch.rand(1, 2, 3, 4, 5) + 1])
    torch.testing.assert_close(map_, torch.full_like(map_, 1 / (1 + math.exp(9))))


def test_without_attention_the_map_is_one():
    assert torch.equal(NoAttention()(_features()), torch.ones(2, 1, 4, 6, 8))


def test_enlarging_is_linear_between_block_centres():
    coarse = torch.tensor([1.0, 3.0]).view(1, 1, 1, 1, 2)
    assert enlarge(coarse, (1, 1, 4)).flatten().tolist() == [1.0, 1.5, 2.5, 3.0]


def test_the_strongest_voxel_of_each_case_is_one():
    shown = relative_to_strongest(torch.rand(3, 4, 5, 6) + 0.1)
    assert torch.equal(shown.amax(dim=(1, 2, 3)), torch.ones(3))
