"""The two maps behind a prediction, where they can be laid over an image: distance to the lesion, and attention."""

from dataclasses import dataclass

import numpy as np

from onephase.arrays import Float32, UInt8
from onephase.imaging.geometry import Grid
from onephase.imaging.interpolation import interpolated
from onephase.imaging.regions import FAR_MM, memberships
from onephase.settings import RegionSettings

LABELLED = ("core", "rim", "shell")
"""Regions in the order of their labels, which begin at 1; 0 is outside of all of them."""


@dataclass(frozen=True, slots=True, eq=False)
class Maps:
    """Maps of one lesion on one grid.

    Attributes:
        grid: Where their voxels are.
        distance_mm: Signed distance to the lesion surface, negative inside, as the network was given it.
        attention: Where the network looked, 0 or more.
    """

    grid: Grid
    distance_mm: Float32[np.ndarray, "slice row column"]
    attention: Float32[np.ndarray, "slice row column"]

    def __post_init__(self) -> None:
        """Make the arrays read-only."""
        for array in (self.distance_mm, self.attention):
            array.setflags(write=False)

    def on(self, grid: Grid) -> "Maps":
        """Return the maps on another grid, interpolated; what lies beyond them is far away and not looked at.

        Interpolating the distance and not its labels is shape-based interpolation (Raya and Udupa 1990,
        doi 10.1109/42.52980): a region keeps a smooth border on a finer grid.
        """
        near = self._box_on(grid)
        index = np.stack(np.meshgrid(*(np.arange(part.start, part.stop) for part in near), indexing="ij"), axis=-1)
        points = self.grid.index_of(grid.position_mm(index.astype(np.float64)))
        known = self.distance_mm < FAR_MM  # the others lie beyond the volume or the reach: nothing to average with
        weight = interpolated(known, points, outside=0.0)
        summed_mm = interpolated(np.where(known, self.distance_mm, 0), points, outside=0.0)
        distance_mm = np.full(grid.shape, FAR_MM, dtype=np.float32)
        distance_mm[near] = np.where(weight > 0, summed_mm / np.where(weight > 0, weight, 1), FAR_MM)
        attention = np.zeros(grid.shape, dtype=np.float32)
        attention[near] = interpolated(self.attention, points, outside=0.0)
        return Maps(grid, distance_mm, attention)

    def labels(self, radii: RegionSettings) -> UInt8[np.ndarray, "slice row column"]:
        """Return the region to which each voxel belongs most, by its place in :data:`LABELLED` plus 1; 0 is none."""
        labels = np.zeros(self.grid.shape, dtype=np.uint8)
        near = self.distance_mm < FAR_MM
        member = memberships(self.distance_mm[near], radii)
        inside = np.stack([member[name] for name in LABELLED])
        outside = 1 - inside.sum(axis=0, keepdims=True)
        labels[near] = np.concatenate([outside, inside]).argmax(axis=0)
        return labels

    def _box_on(self, grid: Grid) -> tuple[slice, ...]:
        """Return the box of a grid that holds every voxel within these maps; empty when none does."""
        corners = np.array(np.meshgrid(*[(0.0, size - 1.0) for size in self.grid.shape])).reshape(3, -1).T
        index = grid.index_of(self.grid.position_mm(corners))
        starts = np.clip(np.ceil(index.min(axis=0)), 0, grid.shape).astype(int)
        stops = np.clip(np.floor(index.max(axis=0)) + 1, starts, grid.shape).astype(int)
        return tuple(slice(int(start), int(stop)) for start, stop in zip(starts, stops, strict=True))
