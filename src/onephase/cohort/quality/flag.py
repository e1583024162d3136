"""What a flag is, and the names that flags have: they stand in files that travel with the cohort, and never change."""

from dataclasses import dataclass
from typing import Any, Final

FLAGS: Final = {
    "unreadable": "cannot be read",
    "outside-breast": "outline in air",
    "touches-border": "at the border",
    "implausible-size": "size implausible",
    "empty-slices": "slices missing",
    "flipped": "flipped",
    "covers-breast": "too large",
    "darker-than-surroundings": "too dark",
    "wrong-phase": "phase in doubt",
    "spacing-of-one": "spacing of 1 mm",
    "field-in-gauss": "field in gauss",
    "duplicate-image": "same image twice",
    "duplicate-across-splits": "same image in two splits",
    "intensity-outlier": "unlike its site",
}
"""Every flag by its name, with the words that a page shows."""
ACROSS_SPLITS: Final = "duplicate-across-splits"
"""The one flag that is no question: what is learned from is tested."""


@dataclass(frozen=True, slots=True)
class QualityFlag:
    """One doubt about a case.

    Attributes:
        name: Which doubt, a key of :data:`FLAGS`.
        reason: What was seen and what to look at, in one sentence for whoever made the images.
    """

    name: str
    reason: str

    def __post_init__(self) -> None:
        """Refuse a name that no file could hold."""
        if self.name not in FLAGS:
            message = f"there is no flag {self.name!r}"
            raise ValueError(message)

    def to_json(self) -> dict[str, Any]:
        """Return the flag as JSON values."""
        return {"name": self.name, "reason": self.reason}
