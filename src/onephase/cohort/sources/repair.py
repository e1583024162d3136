"""Masks that a set stores in a way that no reader can trust, written anew beside the cohort table."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from onephase.cohort.sources.source import LeaveOut
from onephase.imaging.case import Mask
from onephase.imaging.geometry import Grid
from onephase.storage import sha256_of
from onephase.writers.volume_file import write_mask

FOLDER = "masks"
SHORT = 12


def mask_on_grid(
    read: Callable[[], Bool[np.ndarray, "slice row column"]], *, source: Path, grid: Grid, folder: Path, case_id: str
) -> Path:
    """Return a mask file that lies on the grid of its image, written where it is not there yet.

    Its name holds the hash of what it was made from, so that a second import finds it and a changed file does not.

    Args:
        read: Returns the mask in the order of the image.
        source: The file that it is made from.
        grid: The image's grid.
        folder: The cohort table's folder; the mask goes into ``masks/`` below it.
        case_id: Name of the case.

    Raises:
        LeaveOut: If no voxel of the mask is set.
        StorageError: If it cannot be written; nothing half-written is left.
    """
    geometry = f"{grid.shape} {grid.spacing_mm} {grid.origin_mm} {grid.direction.tolist()}"
    made_from = hashlib.sha256(f"{sha256_of(source)} {geometry}".encode()).hexdigest()
    path = folder / FOLDER / f"{case_id}-{made_from[:SHORT]}.nii.gz"
    if not path.exists():
        inside = read()
        if not inside.any():
            reason = "its mask is empty"
            raise LeaveOut(reason)
        write_mask(path, Mask(np.ascontiguousarray(inside), grid))
    return path
