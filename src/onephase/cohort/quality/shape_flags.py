"""Flags of the outline's shape: its size, its place within the volume, slices that it leaves out."""

from collections.abc import Iterator

import numpy as np

from onephase.cohort.quality.flag import QualityFlag
from onephase.cohort.quality.scene import Scene
from onephase.imaging.measurements import volume_ml

AXES = ("slice", "row", "column")
SMALLEST_MM, LARGEST_MM = 2.0, 150.0
"""A lesion's longest side; what is smaller is less than MRI shows, what is larger more than a breast."""
NARROWEST_FIELD_MM, WIDEST_FIELD_MM = 30.0, 700.0
"""A volume's longer side in plane, from a cut-out lesion to more than a body coil sees."""
LARGE_SHARE, LARGE_ML = 0.25, 150.0
"""A region of more than both, as a share of all tissue in the volume and in millilitres, is no lesion."""
NAMED = 5


def implausible_size(scene: Scene) -> Iterator[QualityFlag]:
    """Flag a lesion or a field of view whose size in millimetres no breast has."""
    measured = slice(1, 3) if scene.in_plane else slice(0, 3)
    sides = ((scene.bounds[:, 1] - scene.bounds[:, 0]) * np.asarray(scene.grid.spacing_mm))[measured]
    longest, field = float(sides.max()), float(max(np.multiply(scene.grid.shape, scene.grid.spacing_mm)[1:]))
    fix = "look whether the voxel spacing is in millimetres"
    if not SMALLEST_MM <= longest <= LARGEST_MM:
        reason = f"The outline is {longest:.3g} mm at its longest, expected {SMALLEST_MM:g} to {LARGEST_MM:g}: {fix}."
        yield QualityFlag("implausible-size", reason)
    elif not NARROWEST_FIELD_MM <= field <= WIDEST_FIELD_MM:
        reason = f"The image is {field:.3g} mm wide, expected {NARROWEST_FIELD_MM:g} to {WIDEST_FIELD_MM:g}: {fix}."
        yield QualityFlag("implausible-size", reason)


def touches_border(scene: Scene) -> Iterator[QualityFlag]:
    """Flag an outline that reaches the border of the volume; a stack's first and last slice are no border."""
    ends = {
        f"{word} {name}": touched
        for name, (start, stop), size in zip(AXES, scene.bounds, scene.grid.shape, strict=True)
        for word, touched in (("first", start == 0), ("last", stop == size))
        if not (scene.in_plane and name == "slice")
    }
    touched = [words for words, yes in ends.items() if yes]
    if touched:
        reason = (
            f"The outline reaches the border of the image ({', '.join(touched)}): "
            "look whether the lesion goes on beyond it, or the outline lies elsewhere."
        )
        yield QualityFlag("touches-border", reason)


def empty_slices(scene: Scene) -> Iterator[QualityFlag]:
    """Flag slices without outline between slices that have one."""
    drawn = np.asarray(scene.lesion.any(axis=(1, 2)))
    start, stop = scene.bounds[0]
    empty = [int(start) + place + 1 for place in np.flatnonzero(~drawn[start:stop])]
    if empty:
        listed = ", ".join(map(str, empty[:NAMED])) + (f" and {len(empty) - NAMED} more" if len(empty) > NAMED else "")
        reason = (
            f"The outline leaves out {'slice' if len(empty) == 1 else 'slices'} {listed} (counted from 1) between its "
            "first and last: draw what is missing, or give each lesion a mask of its own."
        )
        yield QualityFlag("empty-slices", reason)


def covers_breast(scene: Scene) -> Iterator[QualityFlag]:
    """Flag an outline so large that it is a breast, or everything but the lesion."""
    size_ml = volume_ml(scene.lesion, scene.grid.spacing_mm)
    share = size_ml / max(scene.tissue_ml, size_ml)
    if size_ml > LARGE_ML and share > LARGE_SHARE:
        reason = (
            f"The outline holds {size_ml:.0f} ml, {share:.0%} of all tissue in the image: "
            "look whether it outlines the breast, or is inverted."
        )
        yield QualityFlag("covers-breast", reason)
