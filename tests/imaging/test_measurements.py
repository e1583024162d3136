"""What is measured on an outline, against every pair of corners."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from onephase.imaging import measurements
from onephase.imaging.measurements import longest_mm, volume_ml

SPACING_MM = (2.0, 0.9, 0.7)


def by_every_corner(mask: np.ndarray) -> float:
    offsets = np.stack(np.meshgrid(*[(0, 1)] * 3), axis=-1).reshape(-1, 3)
    corners = (np.argwhere(mask)[:, np.newaxis] + offsets).reshape(-1, 3) * np.asarray(SPACING_MM)
    return float(pdist(np.unique(corners, axis=0)).max())


@pytest.mark.parametrize("filled", [0.03, 0.3, 0.95])
@pytest.mark.parametrize("shape", [(4, 5, 6), (1, 7, 3), (9, 1, 1), (8, 3, 9)])
def test_the_longest_extent_is_that_of_every_pair_of_corners(shape: tuple[int, int, int], filled: float) -> None:
    rng = np.random.default_rng(7)
    for _ in range(5):
        mask = rng.random(shape) < filled
        mask[tuple(rng.integers(shape))] = True
        assert longest_mm(mask, SPACING_MM) == pytest.approx(by_every_corner(mask), rel=1e-12)


@pytest.mark.parametrize("slices", [1, 8])  # no hull is taken of what lies in one plane
def test_of_many_voxels_the_hull_is_enough(monkeypatch: pytest.MonkeyPatch, slices: int) -> None:
    mask = np.random.default_rng(7).random((slices, 11, 12)) < 0.5
    monkeypatch.setattr(measurements, "MANY_VOXELS", 10)
    assert longest_mm(mask, SPACING_MM) == pytest.approx(by_every_corner(mask), rel=1e-12)


def test_one_voxel_is_as_long_as_its_diagonal() -> None:
    assert longest_mm(np.ones((1, 1, 1), dtype=bool), SPACING_MM) == pytest.approx(np.linalg.norm(SPACING_MM))


def test_a_volume_counts_voxels() -> None:
    assert volume_ml(np.ones((4, 5, 6), dtype=bool), SPACING_MM) == pytest.approx(4 * 5 * 6 * 2.0 * 0.9 * 0.7 / 1000)
