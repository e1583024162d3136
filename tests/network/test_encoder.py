import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from onephase.network.encoder import Encoder  # noqa: E402

pytestmark = pytest.mark.torch


def test_each_stage_stands_over_its_blocks():
    encoder = Encoder(2, (3, 4, 5), stem_stride=2, in_plane=False)
    assert encoder.blocks == ((2, 2, 2), (4, 4, 4), (8, 8, 8))
    features = encoder(torch.randn(2, 2, 8, 16, 24))
    assert [tuple(stage.shape) for stage in features] == [(2, 3, 4, 8, 12), (2, 4, 2, 4, 6), (2, 5, 1, 2, 3)]


def test_a_full_stem_keeps_the_grid():
    encoder = Encoder(1, (3, 4), stem_stride=1, in_plane=False)
    assert [tuple(stage.shape[2:]) for stage in encoder(torch.randn(2, 1, 4, 6, 8))] == [(4, 6, 8), (2, 3, 4)]


def test_slices_of_a_stack_do_not_see_each_other():
    encoder = Encoder(1, (3, 4), stem_stride=2, in_plane=True).eval()
    assert encoder.blocks == ((1, 2, 2), (1, 4, 4))
    stack = torch.randn(1, 1, 5, 8, 12)
    changed = stack.clone()
    changed[:, :, 2] += 1
    for before, after in zip(encoder(stack), encoder(changed), strict=True):
        differs = (before != after).flatten(3).any(3).any(1)[0]  # (slice,)
        assert differs.tolist() == [False, False, True, False, False]


def test_mirrored_kernels_see_a_mirrored_patch_mirrored():
    """A voxel of a stage lies at the centre of its block, so mirroring shifts nothing."""
    encoder = Encoder(1, (3, 4), stem_stride=2, in_plane=False).eval()
    with torch.no_grad():
        for parameter in encoder.parameters():
            if parameter.ndim == 5:
                parameter.copy_((parameter + parameter.flip(4)) / 2)
    patch = torch.randn(2, 1, 4, 8, 12)
    for straight, mirrored in zip(encoder(patch), encoder(patch.flip(4)), strict=True):
        torch.testing.assert_close(mirrored, straight.flip(4))
