"""The lesion is what its phenotype says: size, necrotic volume, texture, rim, spicules, lobes, oedema."""

import numpy as np
import pytest

from onephase.simulation.lesion import (
    Ellipsoid,
    Phenotype,
    draw_ellipsoid,
    grow_lesion,
    outlined,
)

AXES = (np.arange(-30, 31) * 1.0, np.arange(-33, 34) * 0.9, np.arange(-38, 39) * 0.8)
PLAIN = Phenotype(
    size_mm=24.0,
    spiculation=0.0,
    lobulation=0.02,
    rim=0.0,
    necrosis=0.0,
    heterogeneity=0.12,
    correlation_mm=3.0,
    uptake_per_min=0.2,
    oedema=0.0,
    vessels=0.0,
)
BALL = Ellipsoid(np.zeros(3), np.array([12.0, 12.0, 12.0]), np.eye(3))
VOXEL_ML = 1.0 * 0.9 * 0.8 / 1000


def grown(seed=1, body=BALL, **changes):
    return grow_lesion(np.random.default_rng(seed), phenotype=PLAIN._replace(**changes), body=body, axes=AXES)


def test_a_plain_lesion_is_its_ellipsoid():
    volume = grown().tissue.sum() * VOXEL_ML
    assert volume == pytest.approx(4 / 3 * np.pi * 1.2**3, rel=0.05)


def test_the_ellipsoid_has_the_size_as_its_longest_diameter():
    body = draw_ellipsoid(np.random.default_rng(5), size_mm=31.0)
    assert 2 * body.semi_axes_mm.max() == pytest.approx(31)
    np.testing.assert_allclose(body.axes @ body.axes.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(body.reach_mm(body.axes), body.semi_axes_mm)
    distance = body.radial_distance_mm(AXES)
    inside = np.stack(np.meshgrid(*AXES, indexing="ij"), axis=-1) - body.centre_mm
    level = ((inside @ body.axes.T / body.semi_axes_mm) ** 2).sum(axis=-1)
    sure = np.abs(level - 1) > 1e-3
    np.testing.assert_array_equal((distance < 0)[sure], (level < 1)[sure])


@pytest.mark.parametrize("share", [0.1, 0.4])
def test_necrosis_has_its_volume_and_a_living_wall(share):
    maps = grown(necrosis=share)
    inside = maps.tissue >= 0.5
    assert maps.necrosis[inside].mean() == pytest.approx(share, abs=0.03)
    assert maps.necrosis[BALL.radial_distance_mm(AXES) > -1].max() < 0.5


@pytest.mark.parametrize("spread", [0.15, 0.6])
def test_texture_has_its_spread_over_the_living_lesion(spread):
    maps = grown(heterogeneity=spread)
    inside = BALL.radial_distance_mm(AXES) < -1
    assert maps.log_uptake[inside].std() == pytest.approx(spread, rel=0.1)
    assert maps.log_uptake[inside].mean() == pytest.approx(0, abs=0.05)


def test_texture_of_longer_correlation_changes_more_slowly():
    def step(correlation):
        inside = BALL.radial_distance_mm(AXES) < -2
        values = grown(correlation_mm=correlation, heterogeneity=0.5).log_uptake
        return (np.diff(values, axis=2)[inside[:, :, 1:]] ** 2).mean()

    assert step(1.6) > 2 * step(3.0) > 4 * step(6.5)


def test_a_rim_takes_up_more_than_the_interior():
    profile = grown(rim=1.0)
    distance = BALL.radial_distance_mm(AXES)
    surface, interior = (distance > -1) & (distance < 0), distance < -5
    assert profile.log_uptake[surface].mean() - profile.log_uptake[interior].mean() > 1.0
    plain = grown(rim=0.0)
    assert abs(plain.log_uptake[surface].mean() - plain.log_uptake[interior].mean()) < 0.15


def test_spicules_reach_out_and_a_reader_takes_their_base_only():
    plain, spiculated = grown(), grown(spiculation=0.9)
    beyond = BALL.radial_distance_mm(AXES) > 4
    assert not plain.tissue[beyond].any()
    assert spiculated.tissue[beyond].sum() * VOXEL_ML > 0.1
    assert outlined(spiculated.outline).sum() > outlined(plain.outline).sum()
    assert (spiculated.outline[beyond] >= 0.5).sum() < (spiculated.tissue[beyond] >= 0.5).sum()


def test_lobes_push_the_surface_out_and_in():
    def roughness(lobulation):
        maps = grown(lobulation=lobulation)
        surface = (maps.tissue > 0.2) & (maps.tissue < 0.8)
        return BALL.radial_distance_mm(AXES)[surface].std()

    assert roughness(0.02) < 0.8
    assert roughness(0.25) > 2


def test_oedema_lies_around_the_lesion_and_fades():
    assert not grown().oedema.any()
    oedema = grown(oedema=0.9).oedema
    distance = BALL.radial_distance_mm(AXES)
    near, far = (distance > 1) & (distance < 3), (distance > 9) & (distance < 11)
    assert oedema[near].mean() > 2 * oedema[far].mean() > 0
    assert not oedema[distance > 16].any()


def test_the_outline_keeps_the_largest_part():
    shares = np.zeros((4, 5, 6), dtype=np.float32)
    shares[0, 0, 0] = 1
    shares[2:4, 2:4, 2:5] = 0.6
    mask = outlined(shares)
    assert mask.sum() == 12
    assert not mask[0, 0, 0]
