"""The phenotype stage: ten properties of a lesion, read from its descriptors, before anything is known of pathology.

Size, spiculation, lobulation, rim, necrosis, heterogeneity and its grain, uptake, oedema, vessels: what a radiologist
would describe, and what literature ties to biology. A cohort of some hundred cases is too small to learn how to see
them and what they mean at once. So the stage is taught to see on simulated lesions, whose phenotype is known
(`learning.phenotype`), and stands in every network with fixed weights; what the ten mean is learned from the cohort's
pathology alone. Its weights travel with the package. Our choice (decision 8).
"""

import hashlib
import json
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from onephase.arrays import Float, Int64
from onephase.errors import TrainingError
from onephase.imaging.descriptors import DESCRIPTORS
from onephase.network.taught import TAUGHT
from onephase.simulation.phenotype import CUE_NAMES
from onephase.storage import file_aside

WIDTH = 1024
FARTHEST = 5.0
"""Standard deviations at which a descriptor is cut: a scanner unlike all that were taught must not run away."""

_FACTS = "onephase"


class PhenotypeStage(nn.Module):
    """From descriptors to the latent scores of the phenotype: a linear reading and what one hidden layer adds.

    Args:
        width: Units of the hidden layer.
        dropout: Share of them that is hidden while it is taught.
    """

    centre: Tensor
    scale: Tensor
    seen: Tensor
    names: tuple[str, ...] = CUE_NAMES

    def __init__(self, *, width: int = WIDTH, dropout: float = 0.0) -> None:
        super().__init__()
        descriptors = len(DESCRIPTORS)
        self.register_buffer("centre", torch.zeros(descriptors))
        self.register_buffer("scale", torch.ones(descriptors))
        self.register_buffer("seen", torch.ones(descriptors))
        self.linear = nn.Linear(descriptors, len(CUE_NAMES))
        self.hidden = nn.Linear(descriptors, width)
        self.hide = nn.Dropout(dropout)
        self.refine = nn.Linear(width, len(CUE_NAMES), bias=False)

    def forward(self, descriptors: Float[Tensor, "batch descriptor"]) -> Float[Tensor, "batch cue"]:
        """Return the scores, about standard normal over the lesions that were taught."""
        return self.read(self.standardise(descriptors))

    def standardise(self, descriptors: Float[Tensor, "*batch descriptor"]) -> Float[Tensor, "*batch descriptor"]:
        """Return the descriptors in standard deviations of those taught; 0 for those of regions that are not seen."""
        standard: Tensor = (descriptors.float() - self.centre) / self.scale
        return standard.clamp(-FARTHEST, FARTHEST) * self.seen

    def read(self, standard: Float[Tensor, "batch descriptor"]) -> Float[Tensor, "batch cue"]:
        """Return the scores of standardised descriptors."""
        scores: Tensor = self.linear(standard) + self.refine(self.hide(functional.gelu(self.hidden(standard))))
        return scores


def taught_stage(used: Int64[Tensor, " used"]) -> PhenotypeStage:
    """Return the stage that travels with the package, its weights fixed.

    Args:
        used: Places of the descriptors that it may look at; the others count as ordinary.

    Raises:
        TrainingError: If it was taught with other descriptors than this version has.
    """
    stage = PhenotypeStage()
    stage.load_state_dict(_taught()[0])
    stage.seen.zero_()
    stage.seen[used] = 1
    return stage.requires_grad_(requires_grad=False)


def teaching_facts() -> dict[str, Any]:
    """Return how the stage of the package was taught: lessons, seed, simulator, and how well it reads."""
    return _taught()[1]


def write_stage(path: Path, stage: PhenotypeStage, *, facts: dict[str, Any]) -> None:
    """Write a stage, whole or not at all.

    Args:
        path: A safetensors file.
        stage: A taught one.
        facts: JSON values: how it was taught.

    Raises:
        StorageError: If it cannot be written.
    """
    known = {**facts, "descriptors_sha256": _descriptors_sha256(), "cues": list(CUE_NAMES)}
    with file_aside(path) as aside:
        save_file(stage.state_dict(), aside, metadata={_FACTS: json.dumps(known, allow_nan=False)})


def read_stage(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read the weights of a stage and how it was taught.

    Raises:
        TrainingError: If the file is no stage, or one of other descriptors.
    """
    try:
        with safe_open(path, framework="pt") as opened:
            facts = json.loads(opened.metadata()[_FACTS])
            weights = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - it is no mapping
    except (OSError, SafetensorError, KeyError, TypeError, json.JSONDecodeError) as fault:
        message = f"{path} is no phenotype stage ({fault}): make one with `onephase teach-phenotype`"
        raise TrainingError(message) from None
    if facts.get("descriptors_sha256") != _descriptors_sha256() or facts.get("cues") != list(CUE_NAMES):
        message = f"{path} was taught with other descriptors than this version has: run `onephase teach-phenotype`"
        raise TrainingError(message)
    return weights, facts


@cache
def _taught() -> tuple[dict[str, Tensor], dict[str, Any]]:
    with resources.as_file(resources.files("onephase.network") / TAUGHT) as path:
        return read_stage(path)


def _descriptors_sha256() -> str:
    return hashlib.sha256("\n".join(DESCRIPTORS).encode()).hexdigest()
