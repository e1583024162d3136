"""The result: everything that a report says about one case, in numbers and sentences."""

from dataclasses import dataclass
from typing import Any

from onephase.inference.maps import Maps
from onephase.inference.outline_spread import OutlineSpread
from onephase.inference.provenance import Origin
from onephase.inference.reading import Reading
from onephase.inference.view import View
from onephase.settings import RegionSettings, SubtypePolicy

PREDICTION_NAME = "prediction.json"
SCHEMA = "onephase-prediction/1"
EVEN = 0.1
"""A region within so much of the average of all regions stands out in nothing."""
RESEARCH_USE = (
    "Research use only. These are probabilities under a statistical model, not a diagnosis; "
    "no decision about a patient may rest on them."
)


@dataclass(frozen=True, slots=True)
class Given:
    """What pathology had found and the prediction was told.

    Attributes:
        facts: In words, one for each thing that was given.
        probability: How probable that was under the image alone; a small value says that image and
            pathology disagree.
    """

    facts: tuple[str, ...]
    probability: float


@dataclass(frozen=True, slots=True)
class Region:
    """One region of the lesion and its surroundings.

    Attributes:
        name: ``core``, ``rim``, ``shell`` or ``whole``.
        volume_ml: Its volume, by soft membership; 0 when the lesion has none.
        attention_share: The part of the attention on all regions that falls into it.
        attention_ratio: That part over its part of all regions' volume: 1 is no preference;
            None for an empty region.
        weights: What the network made of it, task by task; a task's weights sum to 1 over the regions.
    """

    name: str
    volume_ml: float
    attention_share: float
    attention_ratio: float | None
    weights: dict[str, float]


@dataclass(frozen=True, slots=True)
class Outline:
    """Where the outline of the tumour came from.

    Attributes:
        method: ``given``, or the semi-automatic method that drew it.
        measurements: Millimetres and millilitres taken from it, by name.
        spread: What other plausible outlines would have answered; None where the answer rests on this one alone.
    """

    method: str
    measurements: dict[str, float]
    spread: OutlineSpread | None = None

    @property
    def semi_automatic(self) -> bool:
        """Whether a program drew it."""
        return self.method != "given"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Prediction:
    """The answer for one case.

    Attributes:
        case_id: Name of the case; never a patient's name.
        reading: The answer, with everything that was given.
        image_alone: The same before anything was given.
        prior: The panel of the training cohort, before the image was seen.
        given: What was given, or None; also None where it leaves every answer open.
        policy: The rule that parts the subtypes.
        policy_cautions: What must be said beside every subtype.
        training_caution: What must be said of a bundle that learned from simulated cases; else empty.
        warnings: Sentences that must stay with the result, the weightiest first.
        regions: The regions, inside out.
        radii: Where the regions part.
        outline: Where the outline came from.
        origin: Where it all comes from.
        view: Pictures for the report; they take no part in the JSON.
        maps: Distance and attention on the patch, for overlays; they take no part in the JSON.
    """

    case_id: str
    reading: Reading
    image_alone: Reading
    prior: Reading
    given: Given | None
    policy: SubtypePolicy
    policy_cautions: tuple[str, ...]
    training_caution: str
    warnings: tuple[str, ...]
    regions: tuple[Region, ...]
    radii: RegionSettings
    outline: Outline
    origin: Origin
    view: View
    maps: Maps

    @property
    def all_warnings(self) -> tuple[str, ...]:
        """The warnings with the one about the training before them, the weightiest first."""
        return (self.training_caution, *self.warnings) if self.training_caution else self.warnings

    @property
    def attention_is_even(self) -> bool:
        """Whether attention parts no region from another, so that its picture must not be read as a finding."""
        ratios = [region.attention_ratio for region in self.regions if region.attention_ratio is not None]
        return all(abs(ratio - 1) < EVEN for ratio in ratios)

    def to_json(self) -> dict[str, Any]:
        """Return the prediction as JSON values, described in ``docs/prediction.md``."""
        return {
            "schema": SCHEMA,
            "research_use": RESEARCH_USE,
            "case_id": self.case_id,
            "warnings": list(self.all_warnings),
            "result": self.reading.to_json(),
            "image_alone": self.image_alone.to_json(),
            "prior": self.prior.to_json(),
            "given": self.given and {"facts": list(self.given.facts), "probability": self.given.probability},
            "subtype_policy": self.policy,
            "policy_cautions": list(self.policy_cautions),
            "outline": {
                "method": self.outline.method,
                "semi_automatic": self.outline.semi_automatic,
                "measurements": self.outline.measurements,
                "spread": self.outline.spread and self.outline.spread.to_json(),
            },
            "regions": [
                {
                    "name": region.name,
                    "volume_ml": region.volume_ml,
                    "attention_share": region.attention_share,
                    "attention_ratio": region.attention_ratio,
                    "weights": region.weights,
                }
                for region in self.regions
            ],
            "region_radii_mm": {
                "core_depth": self.radii.core_depth_mm,
                "rim_reach": self.radii.rim_reach_mm,
                "shell_reach": self.radii.shell_reach_mm,
            },
            "origin": self.origin.to_json(),
        }
