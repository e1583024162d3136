"""The checks of types and shapes are there, and end after some calls of a test."""

import numpy as np
import pytest
from jaxtyping import TypeCheckError
from tests.first_calls import CALLS, check_anew

from onephase.biomarkers.truncated_normal import log_ndtr
from onephase.imaging.geometry import Grid


def test_a_call_with_another_type_is_refused_at_first() -> None:
    with pytest.raises(TypeCheckError, match="log_ndtr"):
        log_ndtr("1")
    for _ in range(CALLS):
        log_ndtr(np.zeros(2))
    with pytest.raises(Exception, match=r".") as late:  # whatever text in place of an array leads to
        log_ndtr("1")
    assert not isinstance(late.value, TypeCheckError)
    check_anew()
    with pytest.raises(TypeCheckError, match="log_ndtr"):
        log_ndtr("1")


def test_in_the_next_test_it_is_refused_again() -> None:
    with pytest.raises(TypeCheckError, match="log_ndtr"):
        log_ndtr("1")


def test_a_shape_that_does_not_fit_is_refused() -> None:
    with pytest.raises(TypeCheckError, match="direction"):
        Grid(shape=(1, 2, 3), spacing_mm=(1.0, 1.0, 1.0), origin_mm=(0.0, 0.0, 0.0), direction=np.eye(2))
