import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from onephase.statistics.proportion import proportion


@given(n=st.integers(1, 300), share=st.floats(0, 1), level=st.sampled_from([0.5, 0.8, 0.95]))
def test_agrees_with_scipy(n: int, share: float, level: float) -> None:
    count = round(share * n)
    estimate = proportion(count, n, level=level)
    reference = binomtest(count, n).proportion_ci(confidence_level=level, method="wilson")
    assert estimate.low == pytest.approx(reference.low, abs=1e-12)
    assert estimate.high == pytest.approx(reference.high, abs=1e-12)
    assert estimate.low <= estimate.value <= estimate.high


def test_no_case_is_absent_and_a_wrong_count_is_refused() -> None:
    assert proportion(0, 0).reason == "there is no case"
    with pytest.raises(ValueError, match="got 3 of 2"):
        proportion(3, 2)
