import numpy as np
import pytest

from onephase.errors import ImageError
from onephase.imaging.case import Mask
from onephase.imaging.geometry import Grid
from onephase.imaging.outline_moves import moved

SPACING_MM = (2.0, 0.8, 1.1)
SHAPE = (20, 50, 40)
VOXEL_MM3 = float(np.prod(SPACING_MM))


def _ball(radius_mm: float) -> Mask:
    index = np.stack(np.meshgrid(*(np.arange(size) for size in SHAPE), indexing="ij"), axis=-1)
    away_mm = (index - (np.array(SHAPE) - 1) / 2) * SPACING_MM
    return Mask(np.linalg.norm(away_mm, axis=-1) <= radius_mm, Grid.axial(SHAPE, SPACING_MM, origin_mm=(0.0, 0.0, 0.0)))


def _centre_mm(mask: Mask) -> np.ndarray:
    return np.argwhere(mask.array).mean(axis=0) * SPACING_MM


@pytest.mark.parametrize("outward_mm", [-2.0, 0.0, 2.5])
def test_a_ball_becomes_a_ball_of_that_radius_beside(outward_mm: float) -> None:
    ball = _ball(9.0)
    step_mm = (2.0, -1.2, 0.7)
    other = moved(ball, outward_mm=outward_mm, step_mm=step_mm, in_plane=False)
    assert other.array.sum() * VOXEL_MM3 == pytest.approx(4 / 3 * np.pi * (9 + outward_mm) ** 3, rel=0.12)
    np.testing.assert_allclose(_centre_mm(other) - _centre_mm(ball), step_mm, atol=0.25)


def test_what_does_not_move_stays_as_it_was() -> None:
    np.testing.assert_array_equal(moved(_ball(7.0), in_plane=False).array, _ball(7.0).array)


def test_slices_keep_to_themselves_where_they_are_not_contiguous() -> None:
    ball = _ball(7.0)
    grown = moved(ball, outward_mm=3.0, in_plane=True)
    np.testing.assert_array_equal(grown.array.any(axis=(1, 2)), ball.array.any(axis=(1, 2)))
    assert grown.array.sum() > ball.array.sum()


def test_nothing_left_is_said() -> None:
    with pytest.raises(ImageError, match="nothing of the outline is left"):
        moved(_ball(3.0), outward_mm=-4.0, in_plane=False)


def test_a_surface_that_may_not_go_deeper_always_leaves_something() -> None:
    left = moved(_ball(3.0), outward_mm=-40.0, deepest=0.5, in_plane=False)
    assert 0 < left.array.sum() < _ball(3.0).array.sum()
