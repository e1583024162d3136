from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onephase.errors import ImageError
from onephase.evaluation.robustness.change import Original
from onephase.evaluation.robustness.outline_changes import boxed, regrown, shifted
from onephase.imaging.case import Box, Case

VOXEL_MM3 = 1.5 * 1.0 * 1.25
Ball = Callable[..., Original]


def _rng() -> np.random.Generator:
    return np.random.default_rng(5)


def _centre_mm(case: Case) -> np.ndarray:
    return case.volume.grid.position_mm(np.argwhere(case.roi.array).mean(axis=0))


@pytest.mark.parametrize("by_mm", [-3.0, -1.0, 0.0, 2.0, 3.0])
def test_a_regrown_ball_has_the_volume_of_a_ball_of_that_radius(ball: Ball, by_mm: float) -> None:
    changed = regrown(ball(8.0), _rng(), by_mm=by_mm)
    volume = changed.roi.array.sum() * VOXEL_MM3
    assert volume == pytest.approx(4 / 3 * np.pi * (8.0 + by_mm) ** 3, rel=0.12)


def test_growing_by_nothing_changes_nothing(ball: Ball) -> None:
    original = ball()
    np.testing.assert_array_equal(regrown(original, _rng(), by_mm=0.0).roi.array, original.mask.array)


def test_what_is_eroded_away_is_refused_in_one_sentence(ball: Ball) -> None:
    with pytest.raises(ImageError, match="nothing of the outline is left"):
        regrown(ball(2.0), _rng(), by_mm=-3.0)


def test_growing_reaches_the_edge_of_the_volume_and_no_further(ball: Ball) -> None:
    original = ball(25.0)  # the ball is cut by the volume already
    grown = regrown(original, _rng(), by_mm=3.0)
    assert grown.roi.array.shape == original.mask.array.shape
    assert (grown.roi.array | original.mask.array == grown.roi.array).all()


@given(seed=st.integers(0, 1000), by_mm=st.sampled_from([1.0, 2.0, 3.0]))
def test_a_shifted_outline_keeps_its_volume_and_moves_as_far_as_asked(ball: Ball, seed: int, by_mm: float) -> None:
    original = ball(8.0)
    changed = shifted(original, np.random.default_rng(seed), by_mm=by_mm)
    moved = np.linalg.norm(_centre_mm(changed) - _centre_mm(original.case))
    assert moved == pytest.approx(by_mm, abs=0.5)  # less than half a voxel is no step of a mask
    assert changed.roi.array.sum() == pytest.approx(original.mask.array.sum(), rel=0.1)


def test_slices_that_are_not_contiguous_keep_their_outline_to_themselves(ball: Ball) -> None:
    original = ball(8.0, in_plane=True)
    for changed in (shifted(original, _rng(), by_mm=3.0), regrown(original, _rng(), by_mm=2.0)):
        np.testing.assert_array_equal(changed.roi.array.any(axis=(1, 2)), original.mask.array.any(axis=(1, 2)))


def test_the_box_holds_the_outline_tightly(ball: Ball) -> None:
    original = ball(8.0)
    box = boxed(original, _rng()).roi
    assert isinstance(box, Box)
    found = np.argwhere(original.mask.array)
    assert box.bounds == tuple((a, b + 1) for a, b in zip(found.min(axis=0), found.max(axis=0), strict=True))


def test_a_case_without_a_mask_has_no_box_to_gain(ball: Ball) -> None:
    original = ball()
    without = replace(original, record=replace(original.record, mask=None))
    with pytest.raises(ImageError, match="drawn from a box or a seed point already"):
        boxed(without, _rng())
