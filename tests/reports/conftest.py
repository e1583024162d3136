"""A prediction made by hand, so that a page needs neither network nor image."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from onephase.biomarkers.evidence import read_evidence
from onephase.biomarkers.posterior import PanelPosterior
from onephase.biomarkers.potentials import Potentials
from onephase.biomarkers.wording import describe
from onephase.imaging.case import Volume
from onephase.imaging.geometry import Grid
from onephase.inference.cautions import policy_cautions, training_caution
from onephase.inference.prediction import Given, Outline, Prediction, Region
from onephase.inference.provenance import Cohort, Origin
from onephase.inference.reading import read_off
from onephase.inference.view import View, view
from onephase.settings import RegionSettings

TASKS = ("er", "pr", "her2", "ki67")


def posterior(unary: tuple[float, float, float], *, ki67_mu: float) -> PanelPosterior:
    """Return the posterior of one case."""
    return PanelPosterior.from_potentials(
        Potentials(np.array([unary]), np.array([ki67_mu]), np.array([0.9]), np.array([0.5, 0.0, 0.0]), np.zeros(3))
    )


def three_planes() -> View:
    """Return the planes of a ball in noise."""
    grid = Grid.axial((30, 40, 44), (1.5, 1.5, 1.5))
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1).astype(np.float64)
    distance = (
        np.linalg.norm(grid.position_mm(index) - grid.position_mm(np.array([15.0, 20.0, 22.0])), axis=-1) - 9
    ).astype(np.float32)
    noise = np.random.default_rng(4).normal(100, 5, grid.shape)
    volume = Volume((noise + 60 * (distance < 0)).astype(np.float32), grid)
    return view(volume, grid, distance_mm=distance, attention=np.exp(-np.abs(distance) / 3))


@pytest.fixture(scope="session")
def made() -> Callable[..., Prediction]:
    """Make a prediction with any field exchanged."""
    alone, prior = posterior((1.4, 0.8, -1.0), ki67_mu=-1.0), posterior((0.8, 0.5, -1.2), ki67_mu=-1.3)
    readings = read_off(PanelPosterior.stack([alone, alone, prior]), policy="ki67_20")
    prediction = Prediction(
        case_id="case-7",
        reading=readings[0],
        image_alone=readings[1],
        prior=readings[2],
        given=None,
        policy="ki67_20",
        policy_cautions=policy_cautions("ki67_20"),
        training_caution=training_caution("simulated"),
        warnings=("the shell is cut by the border of the volume",),
        regions=tuple(
            Region(name, 1.5, 0.3, ratio, dict.fromkeys(TASKS, 1 / 3))
            for name, ratio in (("core", 2.0), ("rim", 1.1), ("shell", None))
        ),
        radii=RegionSettings(),
        outline=Outline("given", {"volume_ml": 3.05, "longest_mm": 18.0}),
        origin=Origin(
            bundle_name="toy",
            bundle_sha256="a" * 64,
            trained_on="simulated",
            training_cases=10,
            cohorts=(Cohort("toy cohort", "simulated", 10),),
            settings_sha256="b" * 64,
            versions={"onephase": "0.1.0", "numpy": "2", "onnxruntime": "1"},
            image_voxels=(30, 40, 44),
            image_spacing_mm=(1.5, 1.5, 1.5),
            phase="",
            acquisition={"modality": "MR"},
        ),
        view=three_planes(),
    )

    def make(**exchanged: Any) -> Prediction:
        return replace(prediction, **exchanged)

    return make


@pytest.fixture(scope="session")
def told(made: Callable[..., Prediction]) -> Prediction:
    """A prediction to which pathology was given."""
    alone, events = posterior((1.4, 0.8, -1.0), ki67_mu=-1.0), read_evidence(case_id="case-7", her2="3+", ki67="18")
    reading = read_off(alone.given(events), policy="ki67_20")[0]
    return made(reading=reading, given=Given(describe(events)[0], float(np.exp(alone.log_probability(events)[0]))))
