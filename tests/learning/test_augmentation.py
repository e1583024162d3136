import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from onephase.imaging.regions import FAR_MM  # noqa: E402
from onephase.learning.augmentation import AugmentationDraw  # noqa: E402
from onephase.settings import AugmentationSettings, ImagingSettings  # noqa: E402

pytestmark = pytest.mark.torch

NOTHING = AugmentationSettings(flip=False, shift_mm=0, gain=0, noise=0, bias=0, outline_mm=0)
VOLUME = ImagingSettings(patch_voxels=(4, 5, 6))


def _draw(settings, *, cases=3, seed=0, imaging=VOLUME):
    return AugmentationDraw.draw(torch.Generator().manual_seed(seed), cases=cases, settings=settings, imaging=imaging)


def _patches(cases=3):
    generator = torch.Generator().manual_seed(5)
    return (
        torch.randn(cases, 1, 4, 5, 6, generator=generator),
        torch.randn(cases, 1, 4, 5, 6, generator=generator) * 5,
    )


def _only(**settings):
    return NOTHING.model_copy(update=settings)


def test_nothing_changes_where_nothing_may():
    image, distance_mm = _patches()
    changed = _draw(NOTHING).apply(image, distance_mm)
    torch.testing.assert_close(changed, (image, distance_mm))


def test_a_draw_can_be_replayed_and_a_seed_means_the_same_draw():
    patches = _patches()
    first = _draw(AugmentationSettings())
    torch.testing.assert_close(first.apply(*patches), first.apply(*patches), rtol=0, atol=0)
    torch.testing.assert_close(_draw(AugmentationSettings()).apply(*patches), first.apply(*patches), rtol=0, atol=0)
    assert not torch.equal(_draw(AugmentationSettings(), seed=1).apply(*patches)[0], first.apply(*patches)[0])


def test_flips_and_shifts_move_image_and_distance_alike():
    image, distance_mm = _patches(8)
    draw = _draw(_only(flip=True, shift_mm=3.0), cases=8)
    assert draw.flip.any(0).all()
    assert (draw.shift != 0).any(0).all()
    moved, moved_mm = draw.apply(image, distance_mm)
    for case in range(8):
        axes = [axis for axis in range(3) if draw.flip[case, axis]]
        expected, expected_mm = (np.flip(part[case, 0].numpy(), axes) for part in (image, distance_mm))
        shift = draw.shift[case].tolist()
        for place in np.ndindex(4, 5, 6):
            source = tuple(index - step for index, step in zip(place, shift, strict=True))
            inside = all(0 <= index < size for index, size in zip(source, (4, 5, 6), strict=True))
            assert moved[case, 0][place] == (expected[source] if inside else 0)
            assert moved_mm[case, 0][place] == (expected_mm[source] if inside else FAR_MM)


def test_a_stack_is_not_shifted_across_its_slices():
    stack = ImagingSettings(sampling="stack", patch_voxels=(4, 5, 6))
    shift = _draw(_only(shift_mm=6.0), cases=50, imaging=stack).shift
    assert (shift[:, 0] == 0).all()
    assert shift[:, 1:].abs().max() == 4


def test_gain_and_bias_are_factors_and_bias_is_smooth():
    image, distance_mm = torch.ones(200, 1, 4, 5, 6), torch.zeros(200, 1, 4, 5, 6)
    gained = _draw(_only(gain=0.2), cases=200).apply(image, distance_mm)[0]
    assert torch.equal(gained.amin(dim=(2, 3, 4)), gained.amax(dim=(2, 3, 4)))
    assert abs(gained[:, 0, 0, 0, 0].log().std() - 0.2) < 0.03
    biased = _draw(_only(bias=0.2), cases=200).apply(image, distance_mm)[0].log()
    assert biased.mean(dim=(2, 3, 4)).abs().max() < 1e-4
    assert 0.1 < biased.std() < 0.4
    third_difference = biased.diff(n=3, dim=4)
    assert third_difference.abs().max() < 1e-3  # quadratic along each axis


def test_one_slice_has_no_bias_across_slices():
    image, distance_mm = torch.ones(50, 1, 1, 5, 6), torch.zeros(50, 1, 1, 5, 6)
    biased = _draw(_only(bias=0.2), cases=50).apply(image, distance_mm)[0].log()
    assert biased.mean(dim=(2, 3, 4)).abs().max() < 1e-4


def test_noise_has_the_drawn_deviation():
    draw = _draw(_only(noise=0.5), cases=3)
    image = torch.zeros(3, 1, 20, 20, 20)
    noisy = draw.apply(image, image)[0]
    np.testing.assert_allclose(noisy.std(dim=(1, 2, 3, 4)), draw.noise_sd, rtol=0.05)
    assert (draw.noise_sd <= 0.5).all()


def test_what_lies_outside_the_volume_has_no_noise():
    """As in prediction, where preparation leaves it at 0; a voxel of the lesion that is 0 was scanned."""
    image, distance_mm = _patches()
    image[:, :, :2], distance_mm[:, :, :2] = 0, FAR_MM
    image[:, :, 3], distance_mm[:, :, 3] = 0, 2.0
    noisy, _ = _draw(_only(noise=0.5, gain=0.1, bias=0.1)).apply(image, distance_mm)
    assert (noisy[:, :, :2] == 0).all()
    assert (noisy[:, :, 2:] != image[:, :, 2:]).all()
    moved, moved_mm = _draw(_only(noise=0.5, shift_mm=3.0), cases=3).apply(*_patches())
    assert (moved[moved_mm == FAR_MM] == 0).all()
    assert (moved_mm == FAR_MM).any()


def test_the_outline_moves_in_millimetres():
    image, distance_mm = _patches(50)
    draw = _draw(_only(outline_mm=0.7), cases=50)
    moved = draw.apply(image, distance_mm)[1] - distance_mm
    torch.testing.assert_close(moved, draw.outline_mm.view(-1, 1, 1, 1, 1).expand_as(moved), rtol=1e-4, atol=1e-5)
    assert abs(draw.outline_mm.std() - 0.7) < 0.2
