"""Where the tumour is: a mask volume or a DICOM SEG on the grid of its image."""

from pathlib import Path
from typing import TypeAlias

import numpy as np

from onephase.arrays import Shaped
from onephase.errors import ImageError
from onephase.imaging.case import Mask
from onephase.imaging.geometry import Grid
from onephase.readers.formats import Format, probe
from onephase.readers.volume_file import VolumeFile, open_volume_file

LARGEST_SHARE = 0.5
MANY_LABELS = 12
_Choice: TypeAlias = tuple[float, tuple[str, ...]]


def read_mask(
    path: Path, *, label: int | str | None, grid: Grid, frame_of_reference: str = ""
) -> tuple[Mask, tuple[str, ...]]:
    """Return the tumour mask in a file.

    Args:
        path: Mask volume (NIfTI, NRRD, MetaImage), DICOM SEG file, or a folder with one.
        label: Value of the tumour's voxels, or a segment's number or name; None when there is only one.
        grid: The image's grid; the mask must lie on it.
        frame_of_reference: The image's Frame of Reference UID; empty when it has none.

    Returns:
        The mask, and what is suspicious about it, in sentences.

    Raises:
        ImageError: If it lies on another grid, is empty, or the label is absent or not told.
        NotOurInputError: If it is an outline of something else than a tumour.
    """
    kind = probe(path)
    if kind in {Format.DICOM, Format.FOLDER}:
        from onephase.readers.dicom.seg import read_seg  # with pydicom, which a mask volume does without

        mask, warnings = read_seg(path, segment=label, grid=grid, frame_of_reference=frame_of_reference)
    elif kind is Format.ZIP:
        message = f"{path} is a ZIP, which is read for images only: unpack the mask and name its file"
        raise ImageError(message)
    else:
        mask, warnings = _volume_mask(open_volume_file(path, kind), label=label, grid=grid)
    share = np.count_nonzero(mask.array) / mask.array.size
    if share > LARGEST_SHARE:
        sentence = f"the mask covers {100 * share:.0f} % of the image: check that it is not inverted (0 for the tumour)"
        warnings = (*warnings, sentence)
    return mask, warnings


def read_labels(file: VolumeFile) -> Shaped[np.ndarray, "slice row column"]:
    """Return the values of a mask volume as they are stored.

    Raises:
        ImageError: If it holds several volumes, NaN or infinity, or is cut short.
    """
    if file.volumes != 1:
        message = f"{file.path} holds {file.volumes} volumes: a mask has one; write the tumour's mask alone"
        raise ImageError(message)
    voxels = file.read_labels()
    if np.issubdtype(voxels.dtype, np.floating) and not np.isfinite(voxels).all():
        message = f"{file.path} holds NaN or infinite values: a mask holds whole numbers; export it again"
        raise ImageError(message)
    return voxels


def _volume_mask(file: VolumeFile, *, label: int | str | None, grid: Grid) -> tuple[Mask, tuple[str, ...]]:
    voxels = read_labels(file)
    if not file.grid.same_as(grid):
        message = (
            f"{file.path}: the mask's grid ({file.grid}) differs from the image's ({grid}): "
            "export both from the same series"
        )
        raise ImageError(message)
    marked = voxels.any(axis=(1, 2))  # few slices are, and what is not touched takes neither time nor memory
    value, warnings = _value(file, voxels[marked], label)
    tumour = np.zeros(voxels.shape, dtype=np.bool_)
    tumour[marked] = voxels[marked] == voxels.dtype.type(value)
    return Mask(tumour, grid), warnings


def _value(file: VolumeFile, voxels: Shaped[np.ndarray, "slice row column"], label: int | str | None) -> _Choice:
    """Return the value of the tumour's voxels, and what is suspicious about it."""
    values, counts = np.unique(voxels[voxels != 0], return_counts=True)
    if not values.size:
        message = f"{file.path} is empty: no voxel of the mask is set; outline the tumour or name another file"
        raise ImageError(message)
    if (values != np.rint(values)).any():
        return _fraction(file.path, values, label)
    there = dict(zip(map(float, values), map(int, counts), strict=True))
    listed = ", ".join(f"{value:g} ({count} voxels)" for value, count in list(there.items())[:MANY_LABELS])
    if label is None:
        if len(there) > 1:
            message = f"{file.path} holds several labels ({listed}): name the tumour's as the mask label"
            raise ImageError(message)
        return float(next(iter(there))), ()
    wanted = _as_number(label, file.texts)
    if wanted not in there:
        message = f"{file.path} has no label {label}; the labels there are {listed}: name one of them"
        raise ImageError(message)
    return wanted, ()


def _fraction(path: Path, values: Shaped[np.ndarray, " value"], label: int | str | None) -> _Choice:
    """Accept a mask whose one label was scaled, as by an export of 0 and 1 as eight-bit grey (0.00392 is 1/255)."""
    if len(values) > 1 or str(label or 1) not in {"1", "1.0", f"{values[0]:.3g}"}:
        message = (
            f"{path} holds {len(values)} values that are no whole numbers (such as {values[0]:.3g}): write 0 and 1"
        )
        raise ImageError(message)
    sentence = f"the mask holds 0 and {values[0]:.3g} in place of whole numbers: the latter is taken for the tumour"
    return float(values[0]), (sentence,)


def _as_number(label: int | str, metadata: dict[str, str]) -> float | None:
    """Return a label as a number; a name is looked up among the segments of a Slicer .seg.nrrd file."""
    try:
        return float(label)
    except ValueError:
        names = {name: key for key, name in metadata.items() if key.endswith("_Name")}
        value = metadata.get(names.get(str(label), "").replace("_Name", "_LabelValue"), "")
        return float(value) if value.isdigit() else None
