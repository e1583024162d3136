"""Tubes around a lesion: against the bend of a tube that is known exactly, and against what is no tube."""

import numpy as np
import pytest

from onephase.imaging.lesion import Lesion, cut_out
from onephase.imaging.vessels import TUBE_MM, tubeness, vessels

SPACING = (0.3, 0.35, 0.4)
SHAPE = (56, 50, 46)
AXES = [(np.arange(size) - (size - 1) / 2) * mm for size, mm in zip(SHAPE, SPACING, strict=True)]
WHERE = np.stack(np.meshgrid(*AXES, indexing="ij"))
CENTRE = tuple(size // 2 for size in SHAPE)
FAR = np.full(SHAPE, 5.0, dtype=np.float32)


def lesion_of(image, distance=FAR, spacing=SPACING):
    return Lesion(image.astype(np.float32), 0.0, 1.0, 1.0, distance.astype(np.float32), distance < 0, spacing)


def away_from(axis):
    """Return the distance from a line along an axis, which goes through a voxel's centre."""
    where = WHERE - WHERE[(slice(None), *CENTRE)][:, None, None, None]
    return np.sqrt(sum(where[other] ** 2 for other in range(3) if other != axis))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_bend_of_a_gaussian_tube(axis):
    width, height = 1.0, 0.8
    found = tubeness(lesion_of(height * np.exp(-(away_from(axis) ** 2) / (2 * width**2))))
    # smoothed, it is a Gaussian tube again, as wide as both together; on its axis it bends by its height over that
    variance = width**2 + TUBE_MM**2
    expected = TUBE_MM**2 * height * (width**2 / variance) / variance
    assert found[CENTRE] == pytest.approx(expected, rel=0.05)  # differences over voxels
    assert found.max() == pytest.approx(found[CENTRE], rel=0.02)


def test_sheets_and_balls_are_less_of_a_tube_and_dark_ones_none():
    tube, sheet = away_from(0), np.abs(WHERE[1] - WHERE[1][CENTRE])
    ball = np.linalg.norm(WHERE - WHERE[(slice(None), *CENTRE)][:, None, None, None], axis=0)
    strength = {
        name: float(tubeness(lesion_of(np.exp(-(distance**2) / 2)))[CENTRE])
        for name, distance in (("tube", tube), ("sheet", sheet), ("ball", ball))
    }
    assert strength["sheet"] < 0.05 * strength["tube"]
    assert strength["ball"] < 0.6 * strength["tube"]
    assert tubeness(lesion_of(-np.exp(-(tube**2) / 2)))[CENTRE] == 0


BALL_SPACING = (1.5, 1.4, 1.6)
GRID = np.stack(
    np.meshgrid(
        *[(np.arange(n) - (n - 1) / 2) * mm for n, mm in zip((40, 38, 36), BALL_SPACING, strict=True)], indexing="ij"
    )
)
FROM_BALL = (np.linalg.norm(GRID, axis=0) - 8.0).astype(np.float32)


def named(tubes, *, radius=1.5, gain=1.0, offset=0.0):
    """Describe a ball with so many straight tubes, which run along the slices around it."""
    rng = np.random.default_rng(7)
    image = np.where(FROM_BALL < 0, 1.0, 0.2) + rng.normal(0, 0.005, FROM_BALL.shape)
    for place in range(tubes):
        angle = 2 * np.pi * place / max(tubes, 1)
        line = np.hypot(GRID[1] - 14 * np.cos(angle), GRID[2] - 14 * np.sin(angle))
        image = np.maximum(image, 1.3 * np.clip(radius - line + 0.5, 0, 1))
    lesion = cut_out((gain * image + offset).astype(np.float32), FROM_BALL, spacing_mm=BALL_SPACING, air=0.0)
    return {name: value for name, _, value in vessels(lesion)}


def test_more_and_thicker_vessels_fill_more():
    none, few, many = (named(tubes) for tubes in (0, 2, 6))
    thick = named(2, radius=2.5)
    for name in ("tubes at 4-8 mm plain volume", "tubes at 4-8 mm mean"):
        assert none[name] < few[name] < many[name], name
    assert few["tubes at 4-8 mm mean"] < thick["tubes at 4-8 mm mean"]
    assert none["strongest 60 mm3 of tubes"] < few["strongest 60 mm3 of tubes"] < thick["strongest 60 mm3 of tubes"]


def test_blood_is_as_bright_as_it_is_to_the_lesion():
    assert named(3, radius=3.0)["brightness of 20 mm3 of tubes"] == pytest.approx((1.3 - 0.2) / (1.0 - 0.2), abs=0.06)


def test_gain_and_offset_change_nothing():
    plain, other = named(3), named(3, gain=250.0, offset=40.0)
    assert other == pytest.approx(plain, abs=1e-3)


def test_a_lesion_without_surroundings_or_in_one_slice_is_described():
    inside = np.full((3, 4, 5), -1.0, dtype=np.float32)
    alone = {name: value for name, _, value in vessels(lesion_of(np.ones((3, 4, 5)), inside, (1.0, 1.0, 1.0)))}
    assert alone["tubes at 2-4 mm mean"] == pytest.approx(np.log(1e-3))
    assert np.isfinite(list(alone.values())).all()
    slice_alone = np.exp(-((np.arange(40)[None, None, :] - 20.0) ** 2) / 2) * np.ones((1, 30, 1))
    found = tubeness(lesion_of(slice_alone, np.full(slice_alone.shape, 5.0), (3.0, 1.0, 1.0)))
    assert found.max() < 1e-3  # a line in one slice may be a sheet: nothing bends across


def test_what_a_descriptor_looks_at_is_named():
    lesion = cut_out(np.exp(-FROM_BALL).astype(np.float32), FROM_BALL, spacing_mm=BALL_SPACING, air=0.0)
    regions = {name: needed for name, needed, _ in vessels(lesion)}
    assert regions["tubes at 12-16 mm mean"] == {"shell"}
    assert "rim" in regions["tubes at 2-4 mm mean"]  # smoothing and differences reach that far
