"""Maps on another grid: checked against a ball, whose distance is known everywhere."""

from itertools import pairwise

import numpy as np
import pytest

from onephase.imaging.geometry import Grid
from onephase.imaging.regions import FAR_MM
from onephase.inference.maps import LABELLED, Maps
from onephase.settings import RegionSettings

RADIUS_MM = 8.0
TURNED = np.array([[0.0, 0.0, -1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])


def outward_mm(grid: Grid, centre_mm: np.ndarray) -> np.ndarray:
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1).astype(np.float64)
    return np.linalg.norm(grid.position_mm(index) - centre_mm, axis=-1) - RADIUS_MM


def ball(grid: Grid, centre_mm: np.ndarray) -> Maps:
    distance_mm = outward_mm(grid, centre_mm).astype(np.float32)
    return Maps(grid, np.where(distance_mm > 12, np.float32(FAR_MM), distance_mm), np.exp(-np.abs(distance_mm) / 5))


@pytest.fixture(scope="module")
def patch() -> Grid:
    return Grid((30, 32, 34), (1.5, 1.5, 1.5), (0.0, 0.0, 0.0), TURNED)


def test_the_same_grid_changes_nothing(patch):
    maps = ball(patch, patch.position_mm(np.array([15.0, 16.0, 17.0])))
    again = maps.on(patch)
    np.testing.assert_allclose(again.distance_mm, maps.distance_mm, atol=1e-4)
    np.testing.assert_allclose(again.attention, maps.attention, atol=1e-4)


def test_a_finer_grid_of_other_axes_has_the_distance_of_the_ball(patch):
    centre_mm = patch.position_mm(np.array([15.0, 16.0, 17.0]))
    fine = Grid(
        (40, 44, 48), (1.1, 0.8, 0.7), tuple((centre_mm - [16.0, 17.0, 21.0]).tolist()), np.eye(3)[:, ::-1].copy()
    )
    maps = ball(patch, centre_mm).on(fine)
    expected = outward_mm(fine, centre_mm)
    near = (expected > -3) & (expected < 9)  # nearer to the tip of the cone it is no line, nor at the end of the reach
    np.testing.assert_allclose(maps.distance_mm[near], expected[near], atol=0.12)
    assert (maps.distance_mm[expected > 16] == FAR_MM).all()


def test_labels_are_the_bands_of_the_distance(patch):
    maps = ball(patch, patch.position_mm(np.array([15.0, 16.0, 17.0])))
    radii = RegionSettings()
    labels = maps.labels(radii)
    edges = (-np.inf, -radii.core_depth_mm, radii.rim_reach_mm, radii.shell_reach_mm)
    for label, (low, high) in enumerate(pairwise(edges), start=1):
        band = (maps.distance_mm > low + 0.01) & (maps.distance_mm < high - 0.01)
        assert (labels[band] == label).all()
        assert band.any()
    assert (labels[maps.distance_mm > radii.shell_reach_mm] == 0).all()
    assert len(LABELLED) == labels.max()


def test_what_a_patch_does_not_know_does_not_spoil_its_neighbours(patch):
    """Beyond the volume a patch holds FAR_MM by decree; a lesion at the border keeps its regions up to it."""
    centre_mm = patch.position_mm(np.array([15.0, 16.0, 17.0]))
    whole = ball(patch, centre_mm)
    cut = whole.distance_mm.copy()
    cut[:13] = FAR_MM
    between = Grid(
        (17, 64, 68), (1.5, 0.75, 0.75), tuple(patch.position_mm(np.array([12.4, 0.0, 0.0])).tolist()), TURNED
    )
    kept = Maps(patch, cut, whole.attention).on(between).labels(RegionSettings())
    expected = whole.on(between).labels(RegionSettings())
    assert (kept[1:] == expected[1:]).all()
    assert (kept[0] == expected[0]).mean() > 0.97  # from the nearest known plane, 0.9 mm away
    assert kept[0].any()


def test_a_grid_elsewhere_has_nothing_on_it(patch):
    maps = ball(patch, patch.position_mm(np.array([15.0, 16.0, 17.0])))
    away = maps.on(Grid.axial((4, 5, 6), (1.0, 1.0, 1.0), origin_mm=(900.0, 0.0, 0.0)))
    assert (away.distance_mm == FAR_MM).all()
    assert not away.attention.any()
    assert not away.labels(RegionSettings()).any()


def test_maps_cannot_be_written_to(patch):
    maps = ball(patch, np.zeros(3))
    with pytest.raises(ValueError, match="read-only"):
        maps.attention[0, 0, 0] = 1
