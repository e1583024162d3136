"""A tumour out of an RT structure set: its contours, filled on the slices of the image."""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64
from matplotlib.path import Path as Polygon

from onephase.errors import ImageError, NotOurInputError
from onephase.imaging.case import Mask
from onephase.imaging.geometry import Grid
from onephase.readers.dicom.files import read_dataset
from onephase.readers.dicom.header_text import numbers_of, shown, text_of
from onephase.readers.dicom.tumour_codes import OTHER_WORDS, TUMOUR_WORDS

OFF_SLICE = 0.25  # of the slice distance


def read_structure(path: Path, *, name: str, grid: Grid) -> Mask:
    """Return a structure of an RT structure set as a mask on the grid of its image.

    A voxel is inside where its centre is; contours of one slice that lie in each other leave holes, as the standard
    has it (PS3.3 C.8.8.6.3, keyholes apart).

    Args:
        path: The RTSTRUCT file.
        name: The structure's name; empty for the only one that its name calls a tumour.
        grid: The image's grid.

    Raises:
        ImageError: If the structure is absent, several could be meant, or its contours lie on no slice of the image.
        NotOurInputError: If no structure is of a tumour.
    """
    dataset = read_dataset(path)
    names = {int(item.ROINumber): text_of(item, "ROIName") for item in dataset.get("StructureSetROISequence") or []}
    number = _chosen(path, names, wanted=name)
    inside = np.zeros(grid.shape, dtype=np.bool_)
    for drawn in dataset.get("ROIContourSequence") or []:
        if int(drawn.ReferencedROINumber) == number:
            for contour in drawn.get("ContourSequence") or []:
                place, polygon = _on_slice(path, contour, grid)
                inside[place] ^= _filled(polygon, grid.shape[1:])
    if not inside.any():
        message = f"{path}: the structure {names[number]!r} holds no voxel of the image: was it drawn on this series?"
        raise ImageError(message)
    return Mask(inside, grid)


def _chosen(path: Path, names: dict[int, str], *, wanted: str) -> int:
    """Return the number of the structure that is wanted, or the only one of a tumour."""
    listed = ", ".join(repr(name) for name in list(names.values())[:8]) or "none"
    if wanted:
        fitting = [number for number, name in names.items() if name == wanted]
    else:
        low = {number: name.lower().replace("_", " ") for number, name in names.items()}
        fitting = [n for n, name in low.items() if TUMOUR_WORDS.search(name) and not OTHER_WORDS.search(name)]
    if not fitting:
        message = f"{path} holds no structure {wanted or 'of a tumour'!r} (its structures: {listed}): name the tumour's"
        raise NotOurInputError(message)
    if len(fitting) > 1:
        message = f"{path} holds {len(fitting)} structures that could be meant ({listed}): name one with mask_label"
        raise ImageError(message)
    return fitting[0]


def _on_slice(path: Path, contour: Any, grid: Grid) -> tuple[int, Float64[np.ndarray, "point 2"]]:
    """Return the slice on which a contour lies, and its points as (column, row) in voxels."""
    if text_of(contour, "ContourGeometricType") != "CLOSED_PLANAR":
        message = f"{path} holds a contour that is {shown(contour, 'ContourGeometricType')}, not closed and planar"
        raise ImageError(message)
    numbers = numbers_of(contour, "ContourData")
    points = grid.index_of(np.array(numbers, dtype=np.float64).reshape(-1, 3))
    place = round(float(points[:, 0].mean()))
    if np.abs(points[:, 0] - place).max() > OFF_SLICE or not 0 <= place < grid.shape[0]:
        message = f"{path}: its contours do not lie on the slices of the image: export both from the same series"
        raise ImageError(message)
    return place, points[:, [2, 1]]


def _filled(polygon: Float64[np.ndarray, "point 2"], shape: tuple[int, int]) -> Bool[np.ndarray, "row column"]:
    rows, columns = np.indices(shape)
    centres = np.stack([columns.ravel(), rows.ravel()], axis=1)
    return np.asarray(Polygon(polygon, closed=False).contains_points(centres)).reshape(shape)
