"""Tubes: volume, no drawing outside the canvas, no dependence on order."""

import numpy as np
import pytest

from onephase.simulation.tubes import bent_curve, draw_tubes, random_directions

AXES = (np.arange(20) * 1.0, np.arange(24) * 0.8, np.arange(28) * 0.9)


def straight(radius):
    points = np.stack([np.full(60, 9.0), np.full(60, 9.0), np.linspace(4, 20, 60)], axis=1)
    return points, np.full(60, radius)


@pytest.mark.parametrize("radius", [1.5, 2.5, 4.0])
def test_a_straight_tube_has_the_volume_of_a_capsule(radius):
    canvas = np.zeros([len(axis) for axis in AXES], dtype=np.float32)
    points, radii = straight(radius)
    draw_tubes(canvas, AXES, points_mm=points, radii_mm=radii)
    expected = np.pi * radius**2 * 16 + 4 / 3 * np.pi * radius**3
    assert canvas.sum() * 0.72 == pytest.approx(expected, rel=0.06)
    assert canvas.max() == pytest.approx(1)


def test_the_order_of_points_does_not_matter():
    points, radii = straight(1.0)
    one, other = (np.zeros([len(axis) for axis in AXES], dtype=np.float32) for _ in range(2))
    draw_tubes(one, AXES, points_mm=points, radii_mm=radii)
    draw_tubes(other, AXES, points_mm=points[::-1].copy(), radii_mm=radii)
    np.testing.assert_array_equal(one, other)


def test_what_lies_outside_is_not_drawn():
    canvas = np.zeros([len(axis) for axis in AXES], dtype=np.float32)
    draw_tubes(canvas, AXES, points_mm=np.full((3, 3), -50.0), radii_mm=np.ones(3))
    draw_tubes(canvas, AXES, points_mm=np.zeros((0, 3)), radii_mm=np.zeros(0))
    assert not canvas.any()
    draw_tubes(canvas, AXES, points_mm=np.array([[-0.5, 9.0, 9.0]]), radii_mm=np.array([2.0]))
    assert canvas[0].any()
    assert not canvas[-1].any()  # nothing wraps round


def test_a_curve_has_its_length_and_directions_are_even():
    rng = np.random.default_rng(0)
    curve = bent_curve(np.zeros(3), np.array([0.0, 0.0, 1.0]), length_mm=30.0, bend_per_mm=0.1, step_mm=0.5, rng=rng)
    steps = np.linalg.norm(np.diff(curve, axis=0), axis=1)
    np.testing.assert_allclose(steps, 0.5)
    assert len(curve) == 60
    directions = random_directions(rng, 5000)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1)
    np.testing.assert_allclose(directions.mean(axis=0), 0, atol=0.03)
