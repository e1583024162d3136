import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from onephase.imaging.quantiles import quantile, quantiles


@given(
    values=arrays.arrays(
        st.sampled_from([np.float32, np.float64]), st.integers(1, 40), elements=st.floats(-1e3, 1e3, width=32)
    ),
    shares=st.lists(st.floats(0, 1), min_size=1, max_size=5),
)
def test_they_are_numpys(values: np.ndarray, shares: list[float]):
    np.testing.assert_allclose(
        quantiles(values, tuple(shares)),
        np.quantile(values, shares),
        rtol=1e-12 if values.dtype == np.float64 else 1e-5,
        atol=1e-10 if values.dtype == np.float64 else 1e-4,
    )


def test_the_middle_is_the_median_and_values_of_any_shape_are_taken():
    values = np.arange(12.0).reshape(3, 4)[::-1]
    assert quantile(values, 0.5) == np.median(values) == 5.5
    assert quantiles(values, (0.0, 1.0)).tolist() == [0.0, 11.0]
    with pytest.raises(IndexError):
        quantile(np.empty(0), 0.5)
