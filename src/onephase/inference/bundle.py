"""The bundle: a folder with everything that a prediction needs, sealed, and nothing that can run code.

=====================  ==================================================================
``bundle.json``        what it was trained on, seeds, validation figures, sha256 of the rest
``network.onnx``       the exported network, which every prediction runs
``weights.safetensors``  the same weights, for whoever trains on
``settings.json``      every setting, resolved
``calibration.json``   scale and offset of the potentials: 1 and 0 unless validation cases showed a gain
``prior.json``         the panel of the training cohort, before anything is seen
``split.csv``          which case was in which split
``model_card.md``      the same for people
=====================  ==================================================================
"""

import csv
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors.numpy
from pydantic import ValidationError
from safetensors import SafetensorError

import onephase
from onephase.arrays import Float32
from onephase.biomarkers.calibration import Calibration
from onephase.biomarkers.potentials import Potentials
from onephase.csv_text import csv_text
from onephase.errors import BundleError
from onephase.imaging.descriptors import DESCRIPTORS
from onephase.inference.engine import Engine, open_engine
from onephase.inference.engine_name import USUAL_ENGINE, EngineName
from onephase.inference.manifest import (
    MANIFEST_NAME,
    FileFacts,
    Manifest,
    TrainingCohort,
    ValidationFigure,
    manifest_bytes,
)
from onephase.inference.model_card import model_card
from onephase.inference.sealed_folder import read_manifest, read_sealed_folder
from onephase.settings import Settings
from onephase.storage import folder_aside

LIMITS_BYTES: Mapping[str, int] = {
    "network.onnx": 1 << 30,
    "weights.safetensors": 1 << 30,
    "settings.json": 1 << 20,
    "calibration.json": 1 << 16,
    "prior.json": 1 << 16,
    "split.csv": 1 << 26,
    "model_card.md": 1 << 20,
}
SPLIT_COLUMNS = ("case_id", "split")


@dataclass(frozen=True, slots=True, eq=False)
class BundleContents:
    """What training hands over to be written as a bundle.

    Attributes:
        name: A short name for people.
        network: The exported network, the bytes of one ONNX file.
        weights: The network's parameters by name.
        settings: Every setting of the run, resolved.
        calibration: Fitted on the validation cases.
        prior: Potentials of one case: the panel of the training cohort.
        split: Split of each case by case id.
        trained_on: The cohorts that the network has learned from.
        seeds: Seeds of the run by what they seed.
        validation: Figures measured on the validation cases by name.
    """

    name: str
    network: bytes
    weights: Mapping[str, np.ndarray]
    settings: Settings
    calibration: Calibration
    prior: Potentials
    split: Mapping[str, str]
    trained_on: tuple[TrainingCohort, ...]
    seeds: Mapping[str, int]
    validation: Mapping[str, ValidationFigure]


@dataclass(frozen=True, slots=True, eq=False)
class NetworkAnswer:
    """What the network says about a batch of patches.

    Attributes:
        potentials: Of the panel, not yet calibrated.
        attention: Where the network looked, 0 or more, on the patch's grid.
        region_weights: Weight of each region for each task, in the order of the bundle's network
            settings; each row sums to 1 over the regions that are present.
    """

    potentials: Potentials
    attention: Float32[np.ndarray, "case slice row column"]
    region_weights: Float32[np.ndarray, "case task region"]


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """A bundle whose every byte was checked, ready to predict.

    Attributes:
        manifest: What it says about itself.
        engine: The network.
        weights: The network's parameters by name; predicting does not use them.
        settings: Every setting of the training run.
        calibration: To be applied to the network's potentials.
        prior: Potentials of one case: the panel of the training cohort.
        split: Split of each case that training has seen or set apart.
        card: The model card, markdown.
    """

    manifest: Manifest
    engine: Engine
    weights: Mapping[str, np.ndarray]
    settings: Settings
    calibration: Calibration
    prior: Potentials
    split: Mapping[str, str]
    card: str

    @property
    def identity(self) -> str:
        """The sha256 that stands for every byte of the bundle."""
        return self.manifest.seal

    def run(
        self,
        images: Float32[np.ndarray, "case slice row column"],
        distance_mm: Float32[np.ndarray, "case slice row column"],
        descriptors: Float32[np.ndarray, "case descriptor"],
    ) -> NetworkAnswer:
        """Run the exported network on patches prepared with the bundle's settings.

        Args:
            images: Normalised intensities.
            distance_mm: Signed distance to the lesion surface, negative inside.
            descriptors: The lesions in numbers.

        Raises:
            BundleError: If the patches are not of the bundle's shape, or the answer is not finite.
        """
        raw = self.engine.run(images, distance_mm, descriptors)
        names = ("unary", "ki67_mu", "ki67_sigma", "coupling", "shift")
        try:
            potentials = Potentials(**{name: raw[name].astype(np.float64) for name in names})
        except ValueError as fault:
            message = f"the network of bundle {self.manifest.name} gave an answer that is no panel: {fault}"
            raise BundleError(message) from None
        return NetworkAnswer(potentials, raw["attention"], raw["region_weights"])


def write_bundle(folder: Path, contents: BundleContents) -> Manifest:
    """Write a bundle, whole or not at all.

    Args:
        folder: Where it shall stand; a bundle already there is replaced.
        contents: What goes into it.

    Returns:
        Its manifest.

    Raises:
        StorageError: If it cannot be written; nothing half-written is left.
    """
    files = {
        "network.onnx": contents.network,
        "weights.safetensors": safetensors.numpy.save(
            {name: np.ascontiguousarray(a) for name, a in contents.weights.items()}
        ),
        "settings.json": _json_bytes(contents.settings.model_dump(mode="json")),
        "calibration.json": _json_bytes(contents.calibration.to_json()),
        "prior.json": _json_bytes(contents.prior.to_json()),
        "split.csv": _split_bytes(contents.split),
    }
    manifest = Manifest(
        name=contents.name,
        onephase_version=onephase.__version__,
        descriptors=DESCRIPTORS,
        trained_on=contents.trained_on,
        seeds=dict(contents.seeds),
        validation=dict(contents.validation),
        files={},
    )
    files["model_card.md"] = model_card(manifest, contents.settings).encode()
    facts = {
        name: FileFacts(bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
        for name, content in files.items()
    }
    manifest = manifest.model_copy(update={"files": facts}).sealed()
    with folder_aside(folder) as aside:
        for name, content in {**files, MANIFEST_NAME: manifest_bytes(manifest)}.items():
            (aside / name).write_bytes(content)
    return manifest


def identity_of(folder: Path) -> str:
    """Return the seal of a bundle, which stands for every byte of it; only ``bundle.json`` is read and checked.

    Raises:
        BundleError: If it is no bundle of this version, or holds other files than a bundle does.
    """
    return read_manifest(folder, files=LIMITS_BYTES).seal


def load_bundle(folder: Path, *, threads: int = 1, engine: EngineName = USUAL_ENGINE) -> Bundle:
    """Load a bundle after checking every byte of it.

    Args:
        folder: The bundle.
        threads: Threads that one run of the network may use.
        engine: The library that runs it.

    Raises:
        BundleError: In one sentence naming the file that is missing, unknown, changed, not readable,
            a pickle, or that points outside the bundle. There is no fallback.
        MissingExtraError: If the engine is not installed.
    """
    manifest, files = read_sealed_folder(folder, limits=LIMITS_BYTES)
    try:
        weights = safetensors.numpy.load(files["weights.safetensors"])
        settings = Settings.model_validate_json(files["settings.json"])
        calibration = Calibration.from_json(json.loads(files["calibration.json"]))
        prior = Potentials.from_json(json.loads(files["prior.json"]))
        split = _parse_split(files["split.csv"])
        card = files["model_card.md"].decode()
    except (SafetensorError, ValidationError, ValueError, KeyError, TypeError) as fault:
        message = f"bundle {folder} is of another version or was made wrongly: {str(fault).splitlines()[0]}"
        raise BundleError(message) from None
    if manifest.descriptors != DESCRIPTORS:
        message = f"bundle {folder} was trained with other descriptors than this version has: train it again"
        raise BundleError(message)
    network = open_engine(files["network.onnx"], source=str(folder / "network.onnx"), threads=threads, name=engine)
    if network.patch_voxels != settings.imaging.patch_voxels:
        message = (
            f"bundle {folder}: network.onnx takes patches of {network.patch_voxels} voxels, settings.json says "
            f"{settings.imaging.patch_voxels}: export the network again"
        )
        raise BundleError(message)
    return Bundle(manifest, network, weights, settings, calibration, prior, split, card)


def _json_bytes(value: object) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _split_bytes(split: Mapping[str, str]) -> bytes:
    return csv_text([SPLIT_COLUMNS, *split.items()]).encode()


def _parse_split(content: bytes) -> dict[str, str]:
    rows = csv.DictReader(io.StringIO(content.decode(), newline=""))
    if rows.fieldnames is None or tuple(rows.fieldnames) != SPLIT_COLUMNS:
        message = f"split.csv has columns {rows.fieldnames}, expected {list(SPLIT_COLUMNS)}"
        raise ValueError(message)
    return {row["case_id"]: row["split"] for row in rows}
