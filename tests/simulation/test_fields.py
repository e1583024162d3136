"""Random fields: mean, variance and correlation length, and that a grid does not change them."""

import numpy as np
import pytest

from onephase.errors import ImageError
from onephase.simulation.fields import RandomField, standardised

AXES = (np.linspace(-20, 20, 41), np.linspace(-24, 24, 49), np.linspace(-28, 28, 57))


@pytest.fixture(scope="module")
def many():
    rng = np.random.default_rng(1)
    return np.stack([RandomField.draw(rng, axes=AXES, correlation_mm=3.0).on(AXES) for _ in range(40)])


def test_the_ensemble_is_centred_and_of_unit_variance(many):
    assert abs(many.mean()) < 0.02
    assert many.var() == pytest.approx(1, abs=0.05)
    np.testing.assert_allclose(many.var(axis=(0, 1, 2)), 1, atol=0.25)  # at every column alike


@pytest.mark.parametrize("axis", [1, 2, 3])
def test_correlation_falls_to_a_given_share_at_the_correlation_length(many, axis):
    ahead = np.take(many, range(3, many.shape[axis]), axis=axis)
    behind = np.take(many, range(many.shape[axis] - 3), axis=axis)
    assert (ahead * behind).mean() == pytest.approx(np.exp(-0.5), abs=0.05)


def test_a_field_is_the_same_on_a_finer_grid():
    field = RandomField.draw(np.random.default_rng(2), axes=AXES, correlation_mm=4.0)
    fine = tuple(np.linspace(axis[0], axis[-1], 2 * len(axis) - 1) for axis in AXES)
    # A weight row is normalised at its own position, so a shared position has the same value.
    np.testing.assert_allclose(field.on(fine)[::2, ::2, ::2], field.on(AXES), atol=1e-5)


def test_standardised_is_centred_over_its_region_only():
    field = RandomField.draw(np.random.default_rng(4), axes=AXES, correlation_mm=9.0).on(AXES)
    where = np.zeros(field.shape, dtype=bool)
    where[10:20, 10:30, 10:40] = True
    values = standardised(field, where)
    assert values[where].mean() == pytest.approx(0, abs=1e-4)
    assert values[where].std() == pytest.approx(1, abs=1e-4)


def test_standardised_of_no_spread_is_zero():
    assert not standardised(np.ones((4, 5, 6), dtype=np.float32), np.ones((4, 5, 6), dtype=bool)).any()
    assert not standardised(np.ones((4, 5, 6), dtype=np.float32), np.zeros((4, 5, 6), dtype=bool)).any()


def test_a_correlation_length_must_be_positive():
    with pytest.raises(ImageError, match="greater than 0 mm, got 0"):
        RandomField.draw(np.random.default_rng(0), axes=AXES, correlation_mm=0.0)
