"""A volume or mask to NIfTI, NRRD or MetaImage, whole or not at all."""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813 - the field's own alias

from onephase.arrays import Shaped
from onephase.errors import StorageError
from onephase.imaging.case import Mask, Volume
from onephase.imaging.geometry import Grid
from onephase.storage import file_aside

SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".mha")
CHUNK_BYTES = 1 << 20
USUAL_LEVEL = -1  # ITK's own


def write_volume(path: Path, volume: Volume) -> None:
    """Write a volume as float32 with its grid.

    Args:
        path: Where to; the suffix (.nii.gz, .nii, .nrrd or .mha) says how.
        volume: The volume.

    Raises:
        StorageError: If the suffix is another, or the disk is full; nothing is left behind.
    """
    write_array(path, volume.array, volume.grid)


def write_mask(path: Path, mask: Mask) -> None:
    """Write a mask as 0 and 1 in eight bits with its grid; see :func:`write_volume`."""
    write_array(path, mask.array.astype(np.uint8), mask.grid)


def write_array(
    path: Path, array: Shaped[np.ndarray, "slice row column"], grid: Grid, *, compression_level: int = USUAL_LEVEL
) -> None:
    """Write voxels of any number type as they are; see :func:`write_volume`.

    Args:
        path: Where to; the suffix says how.
        array: The voxels.
        grid: Where they are.
        compression_level: 1 (fast) to 9 (small), for the suffixes that compress.

    Raises:
        StorageError: If the suffix is another, or the disk is full; nothing is left behind.
    """
    if not path.name.endswith(SUFFIXES):
        message = f"{path} has no suffix that can be written: use one of {', '.join(SUFFIXES)}"
        raise StorageError(message)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(grid.spacing_mm[::-1])
    image.SetOrigin(grid.origin_mm)
    image.SetDirection(grid.direction[:, ::-1].ravel().tolist())
    with file_aside(path) as aside:
        try:
            compress = not path.name.endswith(".nii")
            sitk.WriteImage(image, str(aside), useCompression=compress, compressionLevel=compression_level)
            whole = _is_whole(aside, voxel_bytes=math.prod(array.shape) * array.itemsize)
        except (RuntimeError, EOFError, zlib.error, gzip.BadGzipFile):
            whole = False
        if not whole:
            message = f"{path} could not be written whole (is the disk full?); nothing was left half-written"
            raise StorageError(message)


def _is_whole(path: Path, *, voxel_bytes: int) -> bool:
    """Tell whether a NIfTI file has all its voxels: ITK writes a truncated one without an error."""
    if path.name.endswith(".nii"):
        return path.stat().st_size > voxel_bytes
    if not path.name.endswith(".gz"):
        return True
    there = 0
    with gzip.open(path, "rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            there += len(chunk)
    return there > voxel_bytes
