import numpy as np
import pytest

from onephase.errors import ImageError
from onephase.imaging.case import Box, Case, Mask, SeedPoint, Volume
from onephase.imaging.geometry import Grid
from onephase.imaging.outline import outline
from onephase.imaging.plausible_outlines import Doubt, plausible_outlines

GRID = Grid.axial((20, 40, 44), (2.0, 1.0, 0.8))
BOX = Box((8.0, 36.0), (8.0, 32.0), (4.0, 16.0))


def ball(radius_mm):
    index = np.stack(np.meshgrid(*map(np.arange, GRID.shape), indexing="ij"), axis=-1)
    return np.linalg.norm((index - (10, 20, 22)) * np.asarray(GRID.spacing_mm), axis=-1) < radius_mm


def case_of(roi, *, radius_mm=9.0):
    noise = np.random.default_rng(1).standard_normal(GRID.shape)
    return Case("a", Volume((100 + 12 * noise + 200 * ball(radius_mm)).astype(np.float32), GRID), roi)


@pytest.mark.parametrize("roi", [Mask(ball(9.0), GRID), BOX, SeedPoint(22.0, 20.0, 10.0)])
def test_the_first_is_the_usual_one_and_all_come_again(roi):
    drawn, again = (plausible_outlines(case_of(roi), Doubt(6), in_plane=False) for _ in range(2))
    assert len(drawn) == 6
    np.testing.assert_array_equal(drawn[0].array, outline(case_of(roi)).array)
    assert all((one.array == other.array).all() for one, other in zip(drawn, again, strict=True))
    assert len({one.array.tobytes() for one in drawn}) == 6
    assert {one.method for one in drawn} == {drawn[0].method}


def test_volumes_spread_as_a_ball_does_whose_radius_is_drawn():
    """The spread of volumes against the closed form: 4/3 pi (r + e)^3 with e normal."""
    drawn = plausible_outlines(case_of(Mask(ball(9.0), GRID)), Doubt(60, 1.0), in_plane=False)
    radii_mm = np.cbrt([0.75 / np.pi * one.array.sum() * 1.6 for one in drawn])
    assert radii_mm.mean() == pytest.approx(9.0, abs=0.25)
    assert radii_mm.std() == pytest.approx(1.0, abs=0.2)
    centres_mm = np.array([np.argwhere(one.array).mean(axis=0) for one in drawn]) * GRID.spacing_mm
    assert centres_mm.std(axis=0) == pytest.approx(np.full(3, 0.5), abs=0.2)


def test_slices_stay_apart_in_a_stack():
    mask = Mask(ball(9.0), GRID)
    stack, volume = (plausible_outlines(case_of(mask), Doubt(8, 2.0), in_plane=flat) for flat in (True, False))
    beyond = ~mask.array.any(axis=(1, 2))
    assert not any(one.array[beyond].any() for one in stack)
    assert any(one.array[beyond].any() for one in volume)


def test_no_error_of_a_mask_is_no_change():
    drawn = plausible_outlines(case_of(Mask(ball(9.0), GRID)), Doubt(3, 0.0), in_plane=False)
    assert all((one.array == drawn[0].array).all() for one in drawn)


def test_a_small_lesion_does_not_vanish():
    drawn = plausible_outlines(case_of(Mask(ball(2.5), GRID), radius_mm=2.5), Doubt(20, 3.0), in_plane=False)
    assert len(drawn) > 15
    assert all(one.array.any() for one in drawn)


@pytest.mark.parametrize(("outlines", "error_mm"), [(0, 1.0), (101, 1.0), (5, -1.0), (5, np.nan)])
def test_doubt_that_cannot_be_is_refused(outlines, error_mm):
    with pytest.raises(ImageError, match=r"^(expected 1 to 100 outlines|the error of an outline)"):
        Doubt(outlines, error_mm)
