"""What a network says of some lesions, as they are and with one region's tissue exchanged."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Float64

from onephase.cohort.lesions import BATCH
from onephase.evaluation.explanations.region_truth import TASKS
from onephase.evaluation.explanations.tissue import Tissue, with_region_of, with_surroundings
from onephase.imaging.descriptors import describe
from onephase.imaging.patch import Patch
from onephase.imaging.regions import FAR_MM
from onephase.inference.bundle import Bundle, NetworkAnswer
from onephase.inference.regions import attention_on, attention_ratios
from onephase.settings import RegionSettings

REGIONS = ("core", "rim", "shell")
PROFILE_EDGES_MM = (-10.0, -8.0, -6.0, -4.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0)
ByRegion: TypeAlias = Float64[np.ndarray, "case task region"]


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Lesions with one region of each exchanged, or none.

    Attributes:
        tissues: The lesions.
        descriptors: Their descriptors, computed anew.
    """

    tissues: tuple[Tissue, ...]
    descriptors: Float64[np.ndarray, "case descriptor"]

    @classmethod
    def of(cls, tissues: Sequence[Tissue]) -> "Scene":
        """Return the scene of some lesions, described."""
        numbers = [describe(one.image, one.distance_mm, spacing_mm=one.spacing_mm) for one in tissues]
        return cls(tuple(tissues), np.array(numbers))


@dataclass(frozen=True, slots=True, eq=False)
class Scenes:
    """Some lesions as they are, and what becomes of them region by region.

    Attributes:
        given: As they are.
        occluded: With a region's tissue replaced by surroundings, by region.
        swapped: With a region's tissue from another lesion, by region.
        donor: Row of that other lesion.
    """

    given: Scene
    occluded: dict[str, Scene]
    swapped: dict[str, Scene]
    donor: np.ndarray


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


def scenes_of(patches: Sequence[Patch], regions: RegionSettings, *, rng: np.random.Generator) -> Scenes:
    """Exchange each region of each lesion: for surroundings, and for that of another lesion.

    Args:
        patches: Of at least two lesions.
        regions: Where the regions part.
        rng: Source of randomness: who gives to whom, and which voxels fill a region.

    Raises:
        ImageError: If a patch shows nothing beyond the shell.
    """
    tissues = [Tissue(patch.image, patch.distance_mm, patch.frame.spacing_mm) for patch in patches]
    order = rng.permutation(len(tissues))
    donor = np.empty_like(order)
    donor[order] = np.roll(order, 1)  # one ring of all, so that nobody gives to herself
    occluded = {name: Scene.of([with_surroundings(one, name, regions, rng=rng) for one in tissues]) for name in REGIONS}
    swapped = {
        name: Scene.of(
            [with_region_of(one, tissues[giver], name, regions) for one, giver in zip(tissues, donor, strict=True)]
        )
        for name in REGIONS
    }
    return Scenes(Scene.of(tissues), occluded, swapped, donor)


def explained(bundle: Bundle, scenes: Scenes) -> Explanations:
    """Return every explanation of a network for the lesions of some scenes."""
    answers = _run(bundle, scenes.given)
    given = _potentials(answers)
    occluded, swapped = (
        np.stack([_potentials(_run(bundle, scene[name])) for name in REGIONS], axis=2) - given[:, :, None]
        for scene in (scenes.occluded, scenes.swapped)
    )
    looked = np.concatenate([one.attention for one in answers])
    distances = np.stack([one.distance_mm for one in scenes.given.tissues])
    return Explanations(
        weights=_weights(answers, bundle),
        attention=_attention(looked, distances, bundle.settings.regions),
        occlusion=np.abs(occluded),
        swap=np.abs(swapped),
        moved=swapped,
        wanted=given[scenes.donor] - given,
        profile=_profile(looked, distances),
    )


def _run(bundle: Bundle, scene: Scene) -> list[NetworkAnswer]:
    answers = []
    for start in range(0, len(scene.tissues), BATCH):
        some = scene.tissues[start : start + BATCH]
        answers.append(
            bundle.run(
                np.stack([one.image for one in some]),
                np.stack([one.distance_mm for one in some]),
                scene.descriptors[start : start + BATCH].astype(np.float32),
            )
        )
    return answers


def _potentials(answers: Sequence[NetworkAnswer]) -> Float64[np.ndarray, "case task"]:
    """Return the log odds of each receptor and the mean of logit Ki-67, in the order of the tasks."""
    return np.concatenate([np.column_stack([one.potentials.unary, one.potentials.ki67_mu]) for one in answers])


def _weights(answers: Sequence[NetworkAnswer], bundle: Bundle) -> ByRegion:
    told = np.concatenate([one.region_weights for one in answers])
    network = bundle.settings.network
    weights = np.full((len(told), len(TASKS), len(REGIONS)), np.nan)
    for row, task in enumerate(network.tasks):
        for column, name in enumerate(network.regions):
            if name in REGIONS:
                weights[:, TASKS.index(task), REGIONS.index(name)] = told[:, row, column]
    return weights


def _attention(looked: np.ndarray, distances: np.ndarray, regions: RegionSettings) -> ByRegion:
    ratios = np.zeros((len(looked), len(REGIONS)))
    for row, (attention, distance) in enumerate(zip(looked, distances, strict=True)):
        ratios[row] = np.nan_to_num(attention_ratios(*attention_on(attention, distance, REGIONS, regions)))
    return np.repeat(ratios[:, None, :], len(TASKS), axis=1)


def _profile(looked: np.ndarray, distances: np.ndarray) -> Float64[np.ndarray, "case depth"]:
    profile = np.full((len(looked), len(PROFILE_EDGES_MM) - 1), np.nan)
    for row, (attention, distance) in enumerate(zip(looked, distances, strict=True)):
        depth = np.digitize(distance, PROFILE_EDGES_MM) - 1
        for column in range(profile.shape[1]):
            at = (depth == column) & (distance < FAR_MM)
            if at.any():
                profile[row, column] = attention[at].mean(dtype=np.float64)
    return profile
