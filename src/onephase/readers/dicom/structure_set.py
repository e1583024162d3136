"""A tumour out of an RT structure set: its contours, filled on the slices of the image."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.path import Path as Polygon
from pydicom import Dataset

from onephase.arrays import Bool, Float64
from onephase.errors import ImageError, NotOurInputError
from onephase.imaging.case import Mask
from onephase.imaging.geometry import Grid
from onephase.readers.dicom.files import damage_is_a_sentence, read_dataset
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
        ImageError: If the file is damaged, several structures could be meant, or its contours are no closed polygons
            on slices of the image.
        NotOurInputError: If the structure is absent, or none is of a tumour.
    """
    dataset = read_dataset(path)
    with damage_is_a_sentence(path):
        number, structure = _chosen(path, dataset, wanted=name)
        inside = np.zeros(grid.shape, dtype=np.bool_)
        for drawn in dataset.get("ROIContourSequence") or []:
            if int(drawn.ReferencedROINumber) == number:
                for contour in drawn.get("ContourSequence") or []:
                    place, polygon = _on_slice(path, contour, grid)
                    inside[place] ^= _filled(polygon, grid.shape[1:])
    if not inside.any():
        message = f"{path}: the structure {structure!r} holds no voxel of the image: was it drawn on this series?"
        raise ImageError(message)
    return Mask(inside, grid)


def _chosen(path: Path, dataset: Dataset, *, wanted: str) -> tuple[int, str]:
    """Return number and shown name of the structure that is wanted, or of the only one of a tumour."""
    items: Sequence[Dataset] = dataset.get("StructureSetROISequence") or []
    numbers = [int(item.ROINumber) for item in items]
    if len(set(numbers)) < len(numbers):
        message = f"{path} holds several structures of one number, whose contours cannot be told apart: export it again"
        raise ImageError(message)
    names = [text_of(item, "ROIName") for item in items]
    told = [shown(item, "ROIName", patient=dataset) for item in items]
    listed = ", ".join(repr(name) for name in told[:8]) or "none"
    fitting = [place for place, name in enumerate(names) if (name == wanted if wanted else _is_tumour(name))]
    if not fitting:
        message = f"{path} holds no structure {wanted or 'of a tumour'!r} (its structures: {listed}): name the tumour's"
        raise NotOurInputError(message)
    if len(fitting) > 1:
        message = f"{path} holds {len(fitting)} structures that could be meant ({listed}): name one with mask_label"
        raise ImageError(message)
    return numbers[fitting[0]], told[fitting[0]]


def _is_tumour(name: str) -> bool:
    words = name.lower().replace("_", " ")
    return bool(TUMOUR_WORDS.search(words)) and not OTHER_WORDS.search(words)


def _on_slice(path: Path, contour: Dataset, grid: Grid) -> tuple[int, Float64[np.ndarray, "point 2"]]:
    """Return the slice on which a contour lies, and its points as (column, row) in voxels."""
    if text_of(contour, "ContourGeometricType") != "CLOSED_PLANAR":
        message = (
            f"{path} holds a contour that is no closed polygon, such as a point or a line: export the tumour's outline"
        )
        raise ImageError(message)
    numbers = numbers_of(contour, "ContourData")
    if not numbers or len(numbers) % 3 or not np.isfinite(numbers).all():
        message = f"{path} holds a contour whose points are not each three numbers in mm: export the outline again"
        raise ImageError(message)
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
