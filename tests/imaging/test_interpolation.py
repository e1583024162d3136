import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from onephase.imaging.interpolation import interpolated


@given(shape=st.tuples(*[st.integers(1, 6)] * 3), seed=st.integers(0, 1000), whole=st.booleans())
def test_values_are_those_of_scipy(shape, seed, whole):
    rng = np.random.default_rng(seed)
    values = rng.random(shape).astype(np.float32)
    index = rng.uniform(-0.6, np.array(shape) - 0.4, (40, 3))
    if whole:
        index = np.rint(index)
    expected = map_coordinates(values, index.T, order=1, mode="constant", cval=7.0, output=np.float64)
    np.testing.assert_allclose(interpolated(values, index, outside=7.0), expected, atol=1e-14)


@pytest.mark.parametrize("kind", [bool, np.uint8, np.float64])
def test_numbers_of_any_kind_are_interpolated(kind):
    values = np.zeros((1, 1, 2), dtype=kind)
    values[0, 0, 1] = 1
    index = np.array([[[0.0, 0.0, 0.25], [0.0, 0.0, 1.0]], [[0.0, 0.0, 1.1], [0.0, 0.0, 0.0]]])
    found = interpolated(values, index, outside=np.nan)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, [[0.25, 1.0], [np.nan, 0.0]])


def test_no_point_is_no_value():
    assert interpolated(np.ones((2, 2, 2)), np.empty((0, 3)), outside=0.0).shape == (0,)
