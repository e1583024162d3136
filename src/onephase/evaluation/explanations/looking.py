"""What a network says of a lesion, as it is and with one region's tissue exchanged."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

import numpy as np

from onephase.arrays import Float32, Float64
from onephase.evaluation.explanations.region_truth import TASKS
from onephase.evaluation.explanations.tissue import Tissue, with_region_of, with_surroundings
from onephase.imaging.descriptors import describe
from onephase.imaging.patch import Patch
from onephase.imaging.regions import FAR_MM
from onephase.inference.bundle import Bundle
from onephase.inference.regions import attention_on, attention_ratios
from onephase.settings import RegionSettings

REGIONS = ("core", "rim", "shell")
PROFILE_EDGES_MM = (-10.0, -8.0, -6.0, -4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0)
ByRegion: TypeAlias = Float64[np.ndarray, "case task region"]

GIVEN, DONOR, OCCLUDED, SWAPPED = 0, 1, slice(2, 2 + len(REGIONS)), slice(2 + len(REGIONS), None)
"""Where the scenes of a lesion are."""


@dataclass(frozen=True, slots=True, eq=False)
class Scenes:
    """A lesion as it is, another one, and what becomes of the first region by region.

    In this order: as it is; the other; with each region's tissue replaced by surroundings; with each region's tissue
    from the other.

    Attributes:
        image: Normalised intensities.
        distance_mm: Signed distance to the lesion surface, negative inside.
        descriptors: Computed anew.
    """

    image: Float32[np.ndarray, "scene slice row column"]
    distance_mm: Float32[np.ndarray, "scene slice row column"]
    descriptors: Float32[np.ndarray, "scene descriptor"]


@dataclass(frozen=True, slots=True, eq=False)
class Explanations:
    """The explanations of one network, all in one form: a number a case, task and region; larger is more.

    Attributes:
        weights: The network's own weight of the region; absent (NaN) for regions it does not look at.
        attention: Mean attention in the region over that of all regions; the same for every task.
        occlusion: How far the potential moves when the region is filled with surroundings.
        swap: How far it moves when the region is filled from another lesion.
        moved: The same with its sign: what the swap adds to the potential.
        wanted: What would have to be added for the other lesion's potential, a number a case and task.
        profile: Mean attention by distance to the surface; NaN where a lesion has no such depth.
    """

    weights: ByRegion
    attention: ByRegion
    occlusion: ByRegion
    swap: ByRegion
    moved: ByRegion
    wanted: Float64[np.ndarray, "case task"]
    profile: Float64[np.ndarray, "case depth"]

    def kinds(self) -> dict[str, ByRegion]:
        """Return what is tested, by the name that tables use."""
        return {
            "region weights": self.weights,
            "attention": self.attention,
            "occlusion by surroundings": self.occlusion,
            "exchange with another lesion": self.swap,
        }

    @classmethod
    def stack(cls, parts: "Sequence[Explanations]") -> "Explanations":
        """Join the explanations of one network case after case."""
        names = [one.name for one in fields(cls)]
        return cls(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})

    def to_json(self) -> dict[str, Any]:
        """Return the explanations as JSON values, None for NaN."""
        return {one.name: _plain(getattr(self, one.name)) for one in fields(self)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Explanations":
        """Return the explanations that :meth:`to_json` described."""
        return cls(**{name: np.array(array, dtype=np.float64) for name, array in value.items()})


def scenes_of(patch: Patch, donor: Patch, regions: RegionSettings, *, rng: np.random.Generator) -> Scenes:
    """Exchange each region of a lesion: for surroundings, and for that of another lesion.

    Args:
        patch: Of the lesion.
        donor: Of the other lesion.
        regions: Where the regions part.
        rng: Source of randomness: which voxels fill a region.

    Raises:
        ImageError: If the patch shows nothing beyond the shell.
    """
    own, other = (Tissue(one.image, one.distance_mm, one.frame.spacing_mm, one.against) for one in (patch, donor))
    tissues = [
        own,
        other,
        *(with_surroundings(own, name, regions, rng=rng) for name in REGIONS),
        *(with_region_of(own, other, name, regions) for name in REGIONS),
    ]
    descriptors = [
        describe(one.image, one.distance_mm, spacing_mm=one.spacing_mm, against=one.against) for one in tissues
    ]
    return Scenes(
        np.stack([one.image for one in tissues]),
        np.stack([one.distance_mm for one in tissues]),
        np.array(descriptors, dtype=np.float32),
    )


def explained(bundle: Bundle, scenes: Scenes) -> Explanations:
    """Return every explanation of a network for a lesion, one case."""
    answer = bundle.run(scenes.image, scenes.distance_mm, scenes.descriptors)
    # log odds of each receptor and the mean of logit Ki-67, in the order of the tasks
    potentials = np.column_stack([answer.potentials.unary, answer.potentials.ki67_mu])  # (scene, task)
    given, donor = potentials[GIVEN], potentials[DONOR]
    occluded, swapped = ((potentials[rows] - given).T[None] for rows in (OCCLUDED, SWAPPED))  # (1, task, region)
    looked, distance = answer.attention[GIVEN], scenes.distance_mm[GIVEN]
    return Explanations(
        weights=_weights(answer.region_weights[GIVEN], bundle),
        attention=_attention(looked, distance, bundle.settings.regions),
        occlusion=np.abs(occluded),
        swap=np.abs(swapped),
        moved=swapped,
        wanted=(donor - given)[None],
        profile=_profile(looked, distance),
    )


def _plain(array: Float64[np.ndarray, "..."]) -> Any:
    plain = array.astype(object)
    plain[np.isnan(array)] = None
    return plain.tolist()


def _weights(told: Float32[np.ndarray, "task region"], bundle: Bundle) -> ByRegion:
    network = bundle.settings.network
    weights = np.full((1, len(TASKS), len(REGIONS)), np.nan)
    for row, task in enumerate(network.tasks):
        for column, name in enumerate(network.regions):
            if name in REGIONS:
                weights[0, TASKS.index(task), REGIONS.index(name)] = told[row, column]
    return weights


def _attention(
    looked: Float32[np.ndarray, "slice row column"],
    distance: Float32[np.ndarray, "slice row column"],
    regions: RegionSettings,
) -> ByRegion:
    ratios = np.nan_to_num(attention_ratios(*attention_on(looked, distance, REGIONS, regions)))
    return np.tile(ratios, (1, len(TASKS), 1))


def _profile(
    looked: Float32[np.ndarray, "slice row column"], distance: Float32[np.ndarray, "slice row column"]
) -> Float64[np.ndarray, "case depth"]:
    profile = np.full((1, len(PROFILE_EDGES_MM) - 1), np.nan)
    depth = np.digitize(distance, PROFILE_EDGES_MM) - 1
    for column in range(profile.shape[1]):
        at = (depth == column) & (distance < FAR_MM)
        if at.any():
            profile[0, column] = looked[at].mean(dtype=np.float64)
    return profile
