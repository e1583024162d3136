"""Whether outlines lie as they are documented to lie: asked of the images, since no header tells.

Where the array order or slice direction of a set's outlines is documented but stands in no header, the tumour
itself decides: after contrast it is brighter than what surrounds it. Every way in which the order could be
another (mirrored along an axis, rows and columns swapped) is tried on a few cases, and the documented one has
to be the best in more than half of them. Otherwise the import stops.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, combinations

import numpy as np
from scipy.ndimage import binary_dilation

from onephase.arrays import Bool, Float32
from onephase.errors import CohortError
from onephase.imaging.frame import box_of

SAMPLE = 12
SHELL_VOXELS = 3
AXES = ("slice", "row", "column")


def refuse_other_order(
    cases: Iterable[tuple[Float32[np.ndarray, "slice row column"], Bool[np.ndarray, "slice row column"]]],
    *,
    what: str,
    axes: Sequence[str] = AXES,
) -> str:
    """Refuse outlines that fit their images better in another order than the documented one.

    Args:
        cases: Image after contrast (or its rise by contrast), and outline in the documented order, of a few cases.
        what: What the outlines are, for the message.
        axes: Axes along which the order is in doubt; rows and columns are tried swapped where both are.

    Returns:
        A sentence for the record: in how many cases the documented order fits best.

    Raises:
        CohortError: If the documented order is the best in half of the cases or fewer.
    """
    best: list[str] = []
    for image, outline in cases:
        ways = contrasts(image, outline, axes=axes)
        best.append(max(ways, key=ways.__getitem__))
    if not best:
        return f"{what}: none is here to be looked at"
    fitting = sum(not way for way in best)
    if 2 * fitting <= len(best):
        others = " or ".join(sorted({way for way in best if way}))
        message = (
            f"{what} fit their images in the documented order in {fitting} of {len(best)} cases only, and better "
            f"{others}: this release has another order, so nothing was imported"
        )
        raise CohortError(message)
    return f"{what} fit their images in the documented order in {fitting} of {len(best)} cases looked at"


def contrasts(
    image: Float32[np.ndarray, "slice row column"],
    outline: Bool[np.ndarray, "slice row column"],
    *,
    axes: Sequence[str] = AXES,
) -> dict[str, float]:
    """Return by how much the inside is brighter than a shell around it, for each way in which the outline may lie.

    The documented way comes first and has no name; of ways that are equally good it is the one.
    """
    return {way: _contrast(image, turned) for way, turned in _ways(outline, axes)}


def _ways(
    outline: Bool[np.ndarray, "slice row column"], axes: Sequence[str]
) -> Iterator[tuple[str, Bool[np.ndarray, "slice row column"]]]:
    may_swap = {"row", "column"} <= set(axes) and outline.shape[1] == outline.shape[2]
    for swapped in (False, True) if may_swap else (False,):
        for mirrored in chain.from_iterable(combinations(axes, count) for count in range(len(axes) + 1)):
            words = ["with rows and columns swapped"] if swapped else []
            words += [f"mirrored along the {axis}" for axis in mirrored]
            turned = outline.transpose(0, 2, 1) if swapped else outline
            yield " and ".join(words), np.flip(turned, tuple(AXES.index(axis) for axis in mirrored))


def _contrast(image: Float32[np.ndarray, "slice row column"], outline: Bool[np.ndarray, "slice row column"]) -> float:
    tight = box_of(outline)  # a dilation of the whole volume takes seconds
    near = tuple(slice(max(0, side.start - SHELL_VOXELS), side.stop + SHELL_VOXELS) for side in tight)
    inside, around = outline[near], image[near]
    shell = binary_dilation(inside, iterations=SHELL_VOXELS) & ~inside
    return float(around[inside].mean() - around[shell].mean()) if shell.any() else 0.0
