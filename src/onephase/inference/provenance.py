"""Where a prediction comes from: the bundle, the versions, the image as it was read. No patient, no path."""

import hashlib
import json
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from typing import Any

import onephase
from onephase.imaging.case import Case
from onephase.inference.bundle import Bundle
from onephase.inference.engine_name import EngineName
from onephase.inference.manifest import Provenance

NOT_ALWAYS_LOADED = ("scipy", "SimpleITK")
"""Named by what is installed: a prediction from a mask and a NIfTI file need not wait for them."""


@dataclass(frozen=True, slots=True)
class Cohort:
    """A training cohort in one line."""

    name: str
    provenance: str
    cases: int


@dataclass(frozen=True, slots=True)
class Origin:
    """Everything that must be the same for the prediction to come out the same.

    Attributes:
        bundle_name: The bundle's short name.
        bundle_sha256: The seal that stands for every byte of the bundle.
        trained_on: Whether the training cases were simulated or real.
        training_cases: How many there were.
        cohorts: Where they came from.
        settings_sha256: Digest of the settings, which every result with them shares.
        engine: The library that ran the network.
        versions: Version of onephase and of each library that touches the numbers, the engine among them.
        image_voxels: Shape (slice, row, column) of the volume as read.
        image_spacing_mm: Its spacing in the same order.
        phase: Which contrast phase was taken and why; empty for a single-phase file.
        acquisition: Facts of the acquisition that are no patient data.
    """

    bundle_name: str
    bundle_sha256: str
    trained_on: Provenance
    training_cases: int
    cohorts: tuple[Cohort, ...]
    settings_sha256: str
    engine: EngineName
    versions: dict[str, str]
    image_voxels: tuple[int, int, int]
    image_spacing_mm: tuple[float, float, float]
    phase: str
    acquisition: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """Return the origin as JSON values."""
        return {
            "bundle": {
                "name": self.bundle_name,
                "sha256": self.bundle_sha256,
                "trained_on": self.trained_on,
                "training_cases": self.training_cases,
                "cohorts": [
                    {"name": part.name, "provenance": part.provenance, "cases": part.cases} for part in self.cohorts
                ],
                "settings_sha256": self.settings_sha256,
            },
            "engine": self.engine,
            "versions": self.versions,
            "image": {
                "voxels": list(self.image_voxels),
                "spacing_mm": list(self.image_spacing_mm),
                "phase": self.phase,
                "acquisition": self.acquisition,
            },
        }


def origin_of(bundle: Bundle, case: Case) -> Origin:
    """Return where a prediction of this bundle on this case comes from."""
    manifest, grid = bundle.manifest, case.volume.grid
    loaded = ("numpy", bundle.engine.name)
    settings = json.dumps(bundle.settings.model_dump(mode="json"), sort_keys=True)
    return Origin(
        bundle_name=manifest.name,
        bundle_sha256=bundle.identity,
        trained_on=manifest.provenance,
        training_cases=manifest.cases,
        cohorts=tuple(Cohort(part.name, part.provenance, part.cases) for part in manifest.trained_on),
        settings_sha256=hashlib.sha256(settings.encode()).hexdigest(),
        engine=bundle.engine.name,
        versions={
            "onephase": onephase.__version__,
            **{name: import_module(name).__version__ for name in loaded},
            **{name: version(name) for name in NOT_ALWAYS_LOADED},
        },
        image_voxels=grid.shape,
        image_spacing_mm=grid.spacing_mm,
        phase=case.phase,
        acquisition=dict(case.source),
    )
