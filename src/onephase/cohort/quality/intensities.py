"""What a site's images have in common, in four numbers each: what stands far from them was made in another way."""

from typing import Final

import numpy as np

from onephase.cohort.quality.scene import Scene

INTENSITIES: Final = {
    "scale": "the range of its values",
    "middle": "the brightness of its tissue",
    "contrast": "the brightness of its lesion",
    "roughness": "its noise or sharpness",
}
"""Every number by its name, with the words of a reason."""
LEAST = 1e-9


def intensities(scene: Scene) -> dict[str, float]:
    """Return the numbers of one case; all but the scale are the same for every gain and offset.

    Returns:
        ``scale``: decimal logarithm of the range from dark to bright. ``middle``: where the median lies in that range.
        ``contrast``: where the lesion's median lies, less ``middle``. ``roughness``: decimal logarithm of the
        median step between neighbours of a row in the lesion's largest slice, as a share of the range.
    """
    dark, middle = scene.levels.dark, scene.levels.middle
    span = max(scene.levels.bright - dark, LEAST)
    at = int(scene.lesion.sum(axis=(1, 2)).argmax())
    steps = np.abs(np.diff(scene.image[at], axis=1))
    return {
        "scale": float(np.log10(span)),
        "middle": (middle - dark) / span,
        "contrast": (float(np.median(scene.image[scene.lesion])) - middle) / span,
        "roughness": float(np.log10(max(float(np.median(steps)) / span if steps.size else 0.0, LEAST))),
    }
