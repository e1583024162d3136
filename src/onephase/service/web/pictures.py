"""Volumes and maps as the viewer takes them: NIfTI in memory, on the volume's own voxels."""

import struct
from dataclasses import dataclass

import numpy as np

from onephase.arrays import Float32, Int8, Int16, UInt8
from onephase.imaging.case import Volume
from onephase.imaging.geometry import Grid
from onephase.inference.maps import Maps
from onephase.settings import FARTHEST_SHELL_MM, RegionSettings

HEADER_BYTES, VOXEL_OFFSET = 348, 352
UINT8, INT16 = (2, 8), (4, 16)
"""NIfTI's code of a number type, and its bits."""
MILLIMETRES, SCANNER = 2, 1
GREYEST = 32767
DISTANCE_STEP_MM = 0.1
"""Distances are sent in tenths of a millimetre, in eight bits: up to 12.7 mm on either side."""
FARTHEST_STEP = 127
RAS_OF_LPS = np.diag([-1.0, -1.0, 1.0])


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """The voxels of a volume about a lesion.

    Attributes:
        start: First voxel (slice, row, column).
        grid: The grid of the crop.
    """

    start: tuple[int, int, int]
    grid: Grid


def crop_about(maps: Maps, grid: Grid) -> Crop:
    """Return the voxels of a volume's grid that reach as far from the lesion as any shell does."""
    near = np.argwhere(maps.distance_mm <= FARTHEST_SHELL_MM)
    low, high = (near.min(axis=0), near.max(axis=0)) if len(near) else (np.zeros(3), np.array(maps.grid.shape) - 1)
    corners = np.array(np.meshgrid(*zip(low, high, strict=True)), dtype=np.float64).reshape(3, -1).T
    index = grid.index_of(maps.grid.position_mm(corners))
    start = np.clip(np.floor(index.min(axis=0)), 0, np.array(grid.shape) - 1).astype(int)
    stop = np.clip(np.ceil(index.max(axis=0)) + 1, start + 1, grid.shape).astype(int)
    first, second, third = map(int, start)
    high_, rows, columns = map(int, stop - start)
    origin = tuple(map(float, grid.position_mm(start.astype(np.float64))))
    cropped = Grid((high_, rows, columns), grid.spacing_mm, (origin[0], origin[1], origin[2]), grid.direction)
    return Crop((first, second, third), cropped)


def image_nifti(volume: Volume) -> bytes:
    """Return a volume in 16 bits, with the slope and intercept that give its own values back."""
    low, high = float(volume.array.min()), float(volume.array.max())
    slope = (high - low) / GREYEST
    grey = np.rint((volume.array - np.float32(low)) / np.float32(slope)).astype(np.int16)
    return nifti(grey, volume.grid, slope=slope, intercept=low)


def attention_nifti(maps: Maps) -> bytes:
    """Return the attention in 8 bits, 255 where it is strongest."""
    peak = float(maps.attention.max()) or 1.0
    return nifti(np.rint(255 * maps.attention / np.float32(peak)).astype(np.uint8), maps.grid)


def labels_nifti(maps: Maps, radii: RegionSettings) -> bytes:
    """Return the regions by the place of each in :data:`~onephase.inference.maps.LABELLED` plus 1; 0 is none."""
    return nifti(maps.labels(radii), maps.grid)


def distance_steps(distance_mm: Float32[np.ndarray, "slice row column"]) -> Int8[np.ndarray, "slice row column"]:
    """Return signed distances in steps of :data:`DISTANCE_STEP_MM`."""
    return np.clip(np.rint(distance_mm / DISTANCE_STEP_MM), -FARTHEST_STEP, FARTHEST_STEP).astype(np.int8)


def nifti(
    array: UInt8[np.ndarray, "slice row column"] | Int16[np.ndarray, "slice row column"],
    grid: Grid,
    *,
    slope: float = 1.0,
    intercept: float = 0.0,
) -> bytes:
    """Return voxels with their grid as a NIfTI-1 file.

    Args:
        array: Unsigned voxels of 8 bits or signed ones of 16.
        grid: Where they are.
        slope: What one step of a voxel is worth.
        intercept: The value of a voxel of 0.

    References:
        NIfTI-1.1, nifti1.h: places of the header's fields, method 3 (sform) for the position in RAS.
    """
    code, bits = UINT8 if array.dtype == np.uint8 else INT16
    header = bytearray(VOXEL_OFFSET)
    struct.pack_into("<i", header, 0, HEADER_BYTES)
    struct.pack_into("<8h", header, 40, 3, *array.shape[::-1], 1, 1, 1, 1)  # columns first
    struct.pack_into("<2h", header, 70, code, bits)
    struct.pack_into("<8f", header, 76, 1, *grid.spacing_mm[::-1], 0, 0, 0, 0)
    struct.pack_into("<3f", header, 108, VOXEL_OFFSET, slope, intercept)
    struct.pack_into("<b", header, 123, MILLIMETRES)
    struct.pack_into("<2h", header, 252, 0, SCANNER)
    steps = RAS_OF_LPS @ grid.index_to_mm[:, ::-1]
    rows = np.column_stack([steps, RAS_OF_LPS @ np.asarray(grid.origin_mm)])  # (RAS, column row slice origin)
    struct.pack_into("<12f", header, 280, *rows.ravel().tolist())
    struct.pack_into("<4s", header, 344, b"n+1")
    return bytes(header) + np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes()
