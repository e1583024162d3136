"""The nearest voxel of the other kind, against scipy's exact transform, which knows no reach."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt

from onephase.imaging.nearest import offsets_to_nearest

EVERYWHERE = 1e4


@given(
    shape=st.one_of(st.tuples(*[st.integers(1, 9)] * 2), st.tuples(*[st.integers(1, 7)] * 3)),
    spacing=st.tuples(*[st.sampled_from([0.33, 0.7, 1.0, 1.5, 4.0])] * 3),
    share=st.floats(0.05, 0.98),
    seed=st.integers(0, 1000),
    farthest_mm=st.sampled_from([2.0, 7.3, EVERYWHERE]),
)
def test_offsets_lead_to_the_nearest(shape, spacing, share, seed, farthest_mm):
    where = np.random.default_rng(seed).random(shape) < share
    spacing = spacing[: len(shape)]
    reached, offsets = offsets_to_nearest(where, spacing, farthest_mm=farthest_mm)
    found = np.full(where.shape, np.inf)
    found.reshape(-1)[reached] = np.linalg.norm(offsets.astype(float), axis=0)
    if where.all():  # scipy answers something all the same
        assert reached.size == 0
        return
    exact = distance_transform_edt(where, sampling=spacing)
    near = where & (exact < farthest_mm - 1e-3)
    np.testing.assert_allclose(found[near], exact[near], rtol=1e-5)
    assert np.isinf(found[~where | (exact > farthest_mm + 1e-3)]).all()


def test_there_is_a_voxel_of_the_other_kind_at_every_offset():
    where = np.random.default_rng(4).random((9, 10, 11)) < 0.8
    spacing = (2.0, 0.7, 1.0)
    reached, offsets = offsets_to_nearest(where, spacing, farthest_mm=EVERYWHERE)
    steps = np.rint(offsets / np.array(spacing, dtype=np.float32)[:, np.newaxis]).astype(int).T
    padded = np.pad(where, 11, constant_values=True)
    for index, step in zip(np.argwhere(where), steps, strict=True):
        signs = np.stack(np.meshgrid(*[(-1, 1)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
        assert (~padded[tuple((index + 11 + signs * step).T)]).any()
    assert len(reached) == where.sum()


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
@pytest.mark.parametrize("flipped", [(), (0,), (1, 2)])
def test_of_two_equally_near_the_same_is_taken_however_the_image_is_turned(order, flipped):
    where = np.random.default_rng(8).random((8, 8, 8)) < 0.9
    spacing = (2.0, 1.0, 1.0)  # two steps of one are as long as one of the other
    turned = np.flip(where.transpose(order), flipped)
    _, offsets = offsets_to_nearest(where, spacing, farthest_mm=EVERYWHERE)
    _, others = offsets_to_nearest(turned, tuple(spacing[axis] for axis in order), farthest_mm=EVERYWHERE)

    def widest(steps: np.ndarray, mm: tuple[float, ...]) -> np.ndarray:
        return (steps * np.array(mm)[:, np.newaxis]).max(axis=0)

    place = np.flip(np.arange(where.size).reshape(where.shape).transpose(order), flipped)[turned]
    back = np.argsort(place)
    expected = widest(offsets, spacing)
    np.testing.assert_allclose(widest(others, tuple(spacing[axis] for axis in order))[back], expected, rtol=1e-6)
