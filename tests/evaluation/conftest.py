"""Two small invented cohorts with predictions: one records ER, PR, HER2 and Ki-67, the other HR and HER2."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onephase.biomarkers.calibration import Calibration
from onephase.biomarkers.panel import CELLS, Events
from onephase.biomarkers.posterior import PanelPosterior
from onephase.biomarkers.potentials import Potentials
from onephase.cohort.records import Record
from onephase.evaluation.predictions import Predictions
from onephase.evaluation.study import Study, study_of
from onephase.imaging.descriptors import DESCRIPTORS
from onephase.inference.bundle import Bundle
from onephase.inference.engine import Engine
from onephase.inference.manifest import Manifest, Provenance, TrainingCohort
from onephase.settings import Settings

CASES = 160


def _event(cell: int, ki67: float, *, hr_only: bool) -> Events:
    if hr_only:
        positive = CELLS[:, 0] | CELLS[:, 1]
        cells = (positive == positive[cell]) & (CELLS[:, 2] == CELLS[cell, 2])
        return Events(cells[None], np.array([[0.0, 1.0]]), np.array([-1], dtype=np.int8))
    percent = int(100 * ki67)
    return Events(
        (np.arange(8) == cell)[None], np.array([[percent / 100, (percent + 1) / 100]]), np.array([-1], dtype=np.int8)
    )


def _potentials(unary: np.ndarray, ki67_mu: np.ndarray) -> Potentials:
    sigma = np.full(len(unary), 0.8)
    return Potentials(unary, ki67_mu, sigma, np.array([0.4, 0.0, 0.0]), np.array([-0.2, 0.0, 0.1]))


@pytest.fixture(scope="session")
def make_predictions() -> Callable[..., Predictions]:
    """A function that invents predictions: the network sees the truth with noise, the prior sees nothing."""

    def make(*, cases: int = CASES, seed: int = 1, provenance: str = "real") -> Predictions:
        rng = np.random.default_rng(seed)
        cell = rng.choice(8, size=cases, p=[0.15, 0.08, 0.02, 0.02, 0.1, 0.03, 0.45, 0.15])
        logit_ki67 = rng.normal(-1.2, 0.8, size=cases)
        ki67 = 1 / (1 + np.exp(-logit_ki67))
        records = tuple(
            Record(
                case_id=f"case {row}",
                patient_id=f"patient {row - 1 if row % 20 == 1 else row}",  # every twentieth has two lesions
                image=Path(f"{row}.nii.gz"),
                events=_event(int(cell[row]), float(ki67[row]), hr_only=row % 2 == 0),
                cohort="hr-only" if row % 2 == 0 else "full",
                site=f"site {row % 3}",
                provenance=provenance,
                covariates={"age": str(30 + row % 50), "menopause": ("pre", "post", "")[row % 3]},
            )
            for row in range(cases)
        )
        seen = 2.0 * CELLS[cell] - 1 + rng.normal(0, 1, size=(cases, 3))
        network = _potentials(seen, logit_ki67 + rng.normal(0, 0.6, size=cases))
        geometry = _potentials(0.3 * seen + rng.normal(0, 0.5, size=(cases, 3)), np.full(cases, -1.2))
        prior = _potentials(np.tile([0.8, 0.5, -1.0], (cases, 1)), np.full(cases, -1.2))
        posteriors = {"onephase": network, "geometry": geometry, "prior": prior}
        return Predictions(
            protocol="invented",
            records=records,
            fold=np.arange(cases, dtype=np.int64) % 5,
            volume_ml=rng.gamma(2, 5, size=cases),
            ki67_constant=np.full(cases, 0.23),
            posteriors={name: PanelPosterior.from_potentials(one) for name, one in posteriors.items()},
            facts={"seed": seed},
        )

    return make


@pytest.fixture(scope="session")
def few(make_predictions: Callable[..., Predictions]) -> Predictions:
    """Predictions of 30 lesions of 28 patients, cases to calibrate on beside them."""
    few = make_predictions(cases=30)
    return replace(few, calibration=few)


@pytest.fixture(scope="session")
def few_study(few: Predictions) -> Study:
    """The study of ``few``."""
    return study_of(few, policy="ki67_20", resamples=40, seed=7)


@pytest.fixture(scope="session")
def predictions(make_predictions: Callable[..., Predictions]) -> Predictions:
    """Predictions of 160 lesions of 152 patients."""
    return make_predictions()


class MeanOfImage:
    """A session whose answer is the mean of the image, in a strength that may tell one network from another."""

    def __init__(self, strength: float = 1.0) -> None:
        self.strength = strength

    def run(self, names: Sequence[str], inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        image = inputs["image"][:, 0]  # (case, slice, row, column)
        cases, mean = len(image), self.strength * image.mean(axis=(1, 2, 3))
        answers = {
            "unary": np.stack([mean, mean, -mean], axis=1),
            "ki67_mu": np.full(cases, -1.2),
            "ki67_sigma": np.full(cases, 0.8),
            "attention": image,
            "region_weights": np.full((cases, 4, 3), 1 / 3),
            "coupling": np.zeros(3),
            "shift": np.zeros(3),
        }
        return [answers[name].astype(np.float32) for name in names]


def with_files_of_its_own(record: Record, folder: Path) -> Record:
    """Return a record whose image and mask are copies in a folder, to be changed."""
    for name, source in (("images", record.image), ("masks", record.mask)):
        assert source is not None
        (folder / name).mkdir(parents=True, exist_ok=True)
        shutil.copy(source, folder / name)
    assert record.mask is not None
    return replace(record, image=folder / "images" / record.image.name, mask=folder / "masks" / record.mask.name)


def bundle_around(
    session: Any, settings: Settings, *, split: dict[str, str] | None = None, provenance: Provenance = "real"
) -> Bundle:
    """Return a bundle around anything that runs like an onnxruntime session."""
    manifest = Manifest(
        name="toy",
        onephase_version="0",
        descriptors=DESCRIPTORS,
        trained_on=(TrainingCohort(name="toy", provenance=provenance, cases=1, labels={}),),
        seeds={},
        validation={},
        files={},
    ).sealed()
    prior = _potentials(np.zeros((1, 3)), np.array([-1.2]))
    engine = Engine(session, settings.imaging.patch_voxels)
    return Bundle(manifest, engine, {}, settings, Calibration.identity(), prior, split or {}, "card")


@pytest.fixture(scope="session")
def toy_bundle() -> Callable[..., Bundle]:
    """:func:`bundle_around`."""
    return bundle_around
