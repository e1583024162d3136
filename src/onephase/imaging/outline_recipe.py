"""How a box or a seed point is outlined, in words and in numbers; see ``semi_automatic`` for the method itself."""

from dataclasses import dataclass

ROOM_MM = 4.0
"""About a box: what is dark there tells what is bright within, for a box that fits holds little else (our choice)."""
SEED_RADIUS_MM = 20.0
IN_BOX = (
    f"semi-automatic (Otsu thresholds of the box and {ROOM_MM:g} mm around it, largest connected part within, "
    "holes filled)"
)
AT_SEED = (
    f"semi-automatic (Otsu thresholds within {SEED_RADIUS_MM:g} mm of the seed point, connected part at the seed, "
    "holes filled)"
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """What of the method is a choice.

    Attributes:
        smoothing_mm: Standard deviation of the Gaussian that smooths the image first.
        raised: By how much the threshold lies above Otsu's, as a part of the step between the mean brightness
            below it and above it; negative is below.
    """

    smoothing_mm: float = 0.7
    raised: float = 0.0


USUAL = Recipe()
