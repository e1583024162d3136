"""Explanations that were tested: what they say, what is true, when they mean nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from onephase.evaluation.explanations.agreement import Agreement, RegionTruth
from onephase.evaluation.explanations.sanity import SanityCheck
from onephase.statistics.estimate import Estimate

ByTask = dict[str, dict[str, Estimate]]


@dataclass(frozen=True, slots=True)
class CheckedExplanation:
    """One kind of explanation.

    Attributes:
        figures: Mean by task and region.
        sanity: Whether it can mean anything.
        agreement: How well it ranks the regions; None where no truth is known, for a real cohort.
    """

    figures: ByTask
    sanity: SanityCheck
    agreement: Agreement | None

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        return {
            "figures": _plain(self.figures),
            "sanity": self.sanity.to_json(),
            "agreement": self.agreement and self.agreement.to_json(),
        }


@dataclass(frozen=True, slots=True)
class CheckedExplanations:
    """Every explanation of a bundle, tested.

    Attributes:
        bundle: Its seal.
        cases: Cases that were looked at, one lesion a patient.
        simulated: Simulated cases among them.
        problems: Why others were not.
        kinds: By name.
        transfer: By task and region, the share of the difference between two lesions' potentials that travels with the
            tissue of the region; what is left travels with the outline, or with nothing but all regions at once.
        profile: Attention by distance to the surface: middle of the depth in mm, mean.
        truth: Where the truth lies; None for a real cohort.
        facts: Seeds and versions.
    """

    bundle: str
    cases: int
    simulated: int
    problems: tuple[str, ...]
    kinds: Mapping[str, CheckedExplanation]
    transfer: ByTask
    profile: tuple[tuple[float, Estimate], ...]
    truth: RegionTruth | None
    facts: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        return {
            "bundle": self.bundle,
            "cases": self.cases,
            "simulated": self.simulated,
            "problems": list(self.problems),
            "kinds": {name: one.to_json() for name, one in self.kinds.items()},
            "transfer": _plain(self.transfer),
            "attention_profile": [{"depth_mm": depth, "attention": one.to_json()} for depth, one in self.profile],
            "truth": self.truth and self.truth.to_json(),
            "facts": dict(self.facts),
        }


def _plain(figures: ByTask) -> dict[str, dict[str, Any]]:
    return {task: {name: one.to_json() for name, one in own.items()} for task, own in figures.items()}
