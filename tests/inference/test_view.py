"""Planes hang as radiologists hang them, whatever the order in which the scanner stored its voxels."""

import itertools

import numpy as np
import pytest

from onephase.imaging.case import Volume
from onephase.imaging.geometry import Grid
from onephase.inference.view import PIXEL_MM, view

CENTRE_MM = np.array([10.0, -5.0, 30.0])


def ramp_volume(direction: np.ndarray, axis: int) -> Volume:
    """Return a volume that brightens along one LPS axis, stored along any axes."""
    size = np.array([44, 60, 70])
    spacing = np.array([2.0, 1.5, 1.2])
    origin = CENTRE_MM - direction @ ((size - 1) / 2 * spacing)
    grid = Grid((44, 60, 70), (2.0, 1.5, 1.2), tuple(origin.tolist()), direction)
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1).astype(np.float64)
    return Volume(grid.position_mm(index)[..., axis].astype(np.float32), grid)


def ball(frame: Grid) -> np.ndarray:
    """Return the signed distance to a ball of 8 mm about the centre."""
    index = np.stack(np.meshgrid(*map(np.arange, frame.shape), indexing="ij"), axis=-1).astype(np.float64)
    return (np.linalg.norm(frame.position_mm(index) - CENTRE_MM, axis=-1) - 8).astype(np.float32)


FRAMES = [
    np.eye(3)[:, list(order)] * np.array(signs, dtype=np.float64)
    for order in itertools.permutations(range(3))
    for signs in ((1, 1, 1), (-1, 1, -1))
]


@pytest.mark.parametrize("direction", FRAMES)
def test_every_storage_order_hangs_alike(direction: np.ndarray) -> None:
    origin = CENTRE_MM - direction @ np.full(3, 23.5 * 1.5)
    frame = Grid((48, 48, 48), (1.5, 1.5, 1.5), tuple(origin.tolist()), direction)
    distance = ball(frame)
    brightening = {}
    for axis in range(3):
        planes = view(ramp_volume(direction, axis), frame, distance_mm=distance, attention=np.exp(-np.abs(distance)))
        for plane in planes:
            grey = plane.image.astype(int)
            brightening[plane.name, axis] = (np.sign(grey[20, -5] - grey[20, 5]), np.sign(grey[-5, 20] - grey[5, 20]))
    # To the right and down, along x (to the patient's left), y (to posterior), z (to the head).
    assert [brightening["axial", axis] for axis in range(3)] == [(1, 0), (0, 1), (0, 0)]
    assert [brightening["sagittal", axis] for axis in range(3)] == [(0, 0), (1, 0), (0, -1)]
    assert [brightening["coronal", axis] for axis in range(3)] == [(1, 0), (0, 0), (0, -1)]
    axial, sagittal, coronal = planes
    assert (axial.letters.left, axial.letters.right, axial.letters.top, axial.letters.bottom) == ("R", "L", "A", "P")
    assert (sagittal.letters.left, sagittal.letters.right, sagittal.letters.top) == ("A", "P", "H")
    assert (coronal.letters.left, coronal.letters.right, coronal.letters.bottom) == ("R", "L", "F")
    acquired = ("sagittal", "coronal", "axial")[int(np.argmax(np.abs(direction[:, 0])))]
    assert [plane.name for plane in planes if plane.acquired] == [acquired]


def test_the_lesion_is_drawn_to_scale() -> None:
    frame = Grid.axial((48, 48, 48), (1.5, 1.5, 1.5), origin_mm=tuple((CENTRE_MM - 23.5 * 1.5).tolist()))
    distance = ball(frame)
    planes = view(
        ramp_volume(np.eye(3)[:, ::-1].copy(), 0), frame, distance_mm=distance, attention=np.ones_like(distance)
    )
    for plane in planes:
        area_mm2 = float((plane.distance_mm <= 0).sum()) * PIXEL_MM**2
        assert area_mm2 == pytest.approx(np.pi * 8**2, rel=0.05)
        assert plane.attention.max() == pytest.approx(1)


def test_an_oblique_scan_shows_two_letters() -> None:
    turn = np.deg2rad(30)
    rotation = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    direction = rotation @ np.eye(3)[:, ::-1]
    origin = CENTRE_MM - direction @ np.full(3, 23.5 * 1.5)
    frame = Grid((48, 48, 48), (1.5, 1.5, 1.5), tuple(origin.tolist()), direction)
    axial, sagittal, coronal = view(
        ramp_volume(direction, 0), frame, distance_mm=ball(frame), attention=np.ones(frame.shape, dtype=np.float32)
    )
    assert (axial.letters.right, axial.letters.left) == ("LP", "RA")
    assert coronal.letters.top == sagittal.letters.top == "H"


def test_a_lesion_smaller_than_a_voxel_is_shown() -> None:
    frame = Grid.axial((48, 48, 48), (1.5, 1.5, 1.5), origin_mm=tuple((CENTRE_MM - 23.5 * 1.5).tolist()))
    distance = ball(frame) + np.float32(8.2)
    planes = view(
        ramp_volume(np.eye(3)[:, ::-1].copy(), 1), frame, distance_mm=distance, attention=np.zeros_like(distance)
    )
    assert {plane.image.shape for plane in planes} == {(88, 88)}


def test_a_long_lesion_is_shown_whole_though_its_deepest_point_lies_at_one_end() -> None:
    frame = Grid.axial((48, 48, 48), (1.5, 1.5, 1.5), origin_mm=tuple((CENTRE_MM - 23.5 * 1.5).tolist()))
    index = np.stack(np.meshgrid(*map(np.arange, frame.shape), indexing="ij"), axis=-1).astype(np.float64)
    from_middle = frame.position_mm(index) - CENTRE_MM
    head = np.linalg.norm(from_middle - (0, 0, 22), axis=-1) - 10  # a ball at one end of a thin rod
    rod = np.maximum(np.linalg.norm(from_middle[..., :2], axis=-1) - 4, np.abs(from_middle[..., 2]) - 31)
    distance = np.minimum(head, rod).astype(np.float32)
    _, sagittal, coronal = view(
        ramp_volume(np.eye(3)[:, ::-1].copy(), 0), frame, distance_mm=distance, attention=np.ones_like(distance)
    )
    for plane in (sagittal, coronal):
        inside = plane.distance_mm <= 0
        assert inside.any(axis=1).sum() * PIXEL_MM == pytest.approx(63, abs=2)
        assert not inside[[0, -1]].any()
