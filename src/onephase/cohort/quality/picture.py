"""A lesion as a small picture with its outline: the slice in which it is largest, close by and as a whole."""

from dataclasses import dataclass

import contourpy
import numpy as np

from onephase.arrays import Bool, Float32, Float64, Int64, UInt8
from onephase.imaging.case import Volume
from onephase.imaging.frame import lesion_bounds, patch_frame
from onephase.imaging.geometry import Grid
from onephase.imaging.regions import FAR_MM, signed_distance
from onephase.imaging.sampling import crop_of, inside_of, resample, sampling_of
from onephase.settings import ImagingSettings

SIDE = 112
"""Pixels along each side of a picture."""
WINDOW = (1.0, 99.5)  # percentiles that become black and white
UPWARD = 0.5  # direction cosine from which rows that go up are turned over
LEAST_RANGE = 1e-12
LARGEST_PIXEL_MM = 200.0  # the most that settings allow; more comes from a spacing that is flagged


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One slice as radiologists hang it: the front up in an axial slice, else the head.

    Attributes:
        grey: Grey levels, the same for every gain and offset of the volume.
        outline: The lesion's outline in pixels (column, row), line by line.
        side_mm: Length of each side.
    """

    grey: UInt8[np.ndarray, "row column"]
    outline: tuple[Float64[np.ndarray, "_ 2"], ...]
    side_mm: float


def pictures(
    volume: Volume, lesion: Bool[np.ndarray, "slice row column"], *, side_mm: float
) -> tuple[Picture, Picture]:
    """Return the slice in which a lesion is largest, close by and as a whole.

    Args:
        volume: The volume.
        lesion: The lesion's outline on its grid; not empty.
        side_mm: Side of the close picture, which is centred on the lesion: that of a patch.
    """
    at = int(lesion.sum(axis=(1, 2)).argmax())
    grid = volume.grid
    first, second, third = grid.position_mm(np.array([at, 0.0, 0.0]))
    one = Grid((1, *grid.shape[1:]), grid.spacing_mm, (float(first), float(second), float(third)), grid.direction)
    image, mask = volume.array[at : at + 1], lesion[at : at + 1]
    whole_mm = min(float(max(np.multiply(grid.shape[1:], grid.spacing_mm[1:]))), SIDE * LARGEST_PIXEL_MM)
    everything = np.array([[0, size] for size in one.shape])
    return (
        _pictured(image, mask, one, bounds=lesion_bounds(mask), side_mm=side_mm),
        _pictured(image, mask, one, bounds=everything, side_mm=whole_mm),
    )


def _pictured(
    image: Float32[np.ndarray, "1 row column"],
    mask: Bool[np.ndarray, "1 row column"],
    grid: Grid,
    *,
    bounds: Int64[np.ndarray, "3 2"],
    side_mm: float,
) -> Picture:
    one_slice = ImagingSettings(sampling="stack", spacing_mm=side_mm / SIDE, patch_voxels=(1, SIDE, SIDE))
    axes = sampling_of(_hung(patch_frame(grid, bounds, one_slice)), grid)
    inside = inside_of(axes)[0]
    values = resample(crop_of(image, axes).astype(np.float32), axes)[0]
    distance = resample(crop_of(signed_distance(mask, grid.spacing_mm, in_plane=True), axes), axes)[0]
    distance = np.where(inside, distance, np.float32(FAR_MM))
    lines = contourpy.contour_generator(z=distance, line_type=contourpy.LineType.Separate).lines(0.0)
    return Picture(
        _grey(values, inside=inside), tuple(np.asarray(line, dtype=np.float64) + 0.5 for line in lines), side_mm
    )


def _grey(
    values: Float32[np.ndarray, "row column"], *, inside: Bool[np.ndarray, "row column"]
) -> UInt8[np.ndarray, "row column"]:
    """Return values as grey levels, outside of the volume the mean of what is inside; black where nothing is."""
    if not inside.any():  # the whole image lies between two pixels, as where its spacing is in metres
        return np.zeros(values.shape, dtype=np.uint8)
    filled = np.where(inside, values, values[inside].mean())
    low, high = np.percentile(filled, WINDOW)
    scaled = (filled - low) * (255 / max(float(high - low), LEAST_RANGE))
    return np.asarray(np.clip(scaled, 0, 255).round().astype(np.uint8))


def _hung(frame: Grid) -> Grid:
    """Return the frame with rows that go down the patient, where a patch's go up."""
    if frame.direction[2, 1] < UPWARD:
        return frame
    first, second, third = frame.position_mm(np.array([0.0, frame.shape[1] - 1, 0.0]))
    turned = frame.direction * np.array([1.0, -1.0, 1.0])
    return Grid(frame.shape, frame.spacing_mm, (float(first), float(second), float(third)), turned)
