"""How much hangs on the outline: the answers under each plausible one, from the lowest to the highest."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from onephase.inference.reading import Reading

Range: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True)
class OutlineSpread:
    """The lowest and the highest answer over several outlines of one lesion.

    Attributes:
        outlines: How many there were.
        error_mm: Standard deviation of the surface between them, where their recipe does not part them.
        volume_ml: Of the lesion.
        positive: Probability of being positive: ``er``, ``pr``, ``her2`` and ``hr``.
        ki67_median_percent: The point prediction.
        subtypes: Probability of each surrogate subtype.
    """

    outlines: int
    error_mm: float
    volume_ml: Range
    positive: dict[str, Range]
    ki67_median_percent: Range
    subtypes: dict[str, Range]

    def to_json(self) -> dict[str, Any]:
        """Return the spread as JSON values."""
        return {
            "outlines": self.outlines,
            "error_mm": self.error_mm,
            "volume_ml": _ends(self.volume_ml),
            "positive": {name: _ends(ends) for name, ends in self.positive.items()},
            "ki67_median_percent": _ends(self.ki67_median_percent),
            "subtypes": {name: _ends(ends) for name, ends in self.subtypes.items()},
        }


def spread_of(readings: Sequence[Reading], *, volumes_ml: Sequence[float], error_mm: float) -> OutlineSpread:
    """Return the spread of the readings under each outline.

    Args:
        readings: One an outline.
        volumes_ml: Volume of the lesion in each.
        error_mm: Standard deviation of the surface between them.
    """
    return OutlineSpread(
        outlines=len(readings),
        error_mm=error_mm,
        volume_ml=_range(volumes_ml),
        positive={name: _range([one.positive[name] for one in readings]) for name in readings[0].positive},
        ki67_median_percent=_range([one.ki67.median_percent for one in readings]),
        subtypes={name: _range([one.subtypes[name] for one in readings]) for name in readings[0].subtypes},
    )


def _range(values: Sequence[float]) -> Range:
    return min(values), max(values)


def _ends(ends: Range) -> dict[str, float]:
    return dict(zip(("lowest", "highest"), ends, strict=True))
