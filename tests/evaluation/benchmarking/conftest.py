"""A toy cohort of two internal sites and an external one, and its benchmark with a trainer that is no network."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.evaluation.conftest import MeanOfImage, bundle_around

from onephase.biomarkers.panel import Events
from onephase.cohort.prepared import FAILURES, RECORDS, PreparedCohort, fingerprint_of, open_prepared
from onephase.cohort.records import Record, write_records
from onephase.errors import TrainingError
from onephase.evaluation.benchmarking import benchmark
from onephase.evaluation.benchmarking.benchmark import Benchmark, run_benchmark
from onephase.evaluation.benchmarking.plan import Design, plan_benchmark
from onephase.evaluation.benchmarking.pooling import pooled, stored_plan, stored_runs
from onephase.evaluation.contestants import cohort_alone
from onephase.evaluation.predictions import Predictions
from onephase.imaging.descriptors import DESCRIPTORS
from onephase.imaging.geometry import Grid
from onephase.imaging.patch import Patch
from onephase.imaging.patches import writing
from onephase.imaging.yardsticks import Yardsticks
from onephase.inference.bundle import Bundle
from onephase.settings import ImagingSettings, NetworkSettings, Settings

PATCH = (4, 5, 6)
SETTINGS = Settings(imaging=ImagingSettings(patch_voxels=PATCH, spacing_mm=2.0))
DESIGN = Design(
    seeds=2,
    other_seeds=1,
    folds=2,
    adapted=("onephase", "cohort alone"),
    without=(
        "couplings off",
        "attention off",
        "one scale",
        "core and rim",
        "whole crop",
        "phenotype off",
        "phenotype and descriptors off",
    ),
)
INTERNAL, EXTERNAL = 40, 16
SIDES = ("longest_mm", "height_mm", "depth_mm", "width_mm")
RIVALS = {"cohort alone": cohort_alone, "never takes part": lambda training, tested: None}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy cohort."""
    return write_toy_cohort(tmp_path_factory.mktemp("prepared"))


def write_toy_cohort(folder: Path) -> Path:
    """Write a prepared cohort of two internal sites and an external one; ER-positive lesions are brighter."""
    rng = np.random.default_rng(1)
    records, frame = [], Grid.axial(PATCH, (2.0, 2.0, 2.0))
    with writing(folder, fingerprint=fingerprint_of(SETTINGS), patch_voxels=PATCH) as writer:
        for row in range(INTERNAL + EXTERNAL):
            cell = (0, 6, 7, 4, 1)[row % 5]
            start = rng.integers(5, 60) / 100
            records.append(
                Record(
                    case_id=f"case {row}",
                    patient_id=f"patient {row}",
                    image=folder / f"{row}.nii.gz",
                    events=Events(
                        (np.arange(8) == cell)[None], np.array([[start, start + 0.01]]), np.array([-1], dtype=np.int8)
                    ),
                    cohort="toy",
                    site="larch" if row >= INTERNAL else ("alder", "birch")[row % 2],
                    split="external" if row >= INTERNAL else ("train", "validation", "train", "test")[row // 2 % 4],
                    provenance="simulated",
                    covariates={"age": str(40 + 30 * (cell > 3) + row % 5)},
                )
            )
            image = (rng.normal(size=PATCH) + (1 if cell > 3 else -1)).astype(np.float32)
            numbers = rng.normal(size=len(DESCRIPTORS)).astype(np.float32)
            numbers[:50] += 2 * (cell > 3)
            facts = {"volume_ml": 1.0 + row, **dict.fromkeys(SIDES, 10.0)}
            distance = rng.normal(size=PATCH).astype(np.float32)
            patch = Patch(image, distance, Yardsticks.even(air=-3.0), numbers, frame, "given", (), facts)
            writer.add(f"case {row}", patch, key=str(row))
    write_records(folder / RECORDS, records)
    (folder / FAILURES).write_text("[]")
    return folder


@dataclass
class Trainer:
    """Stands in for training: notes settings and splits of each run; fails at the run whose number is given."""

    runs: list[tuple[Settings, dict[str, str]]] = field(default_factory=list)
    bundles: dict[Path, Bundle] = field(default_factory=dict)
    fails_at: int = -1
    cannot_teach: str = ""

    def refuse_one_class(self, events: Events, network: NetworkSettings) -> None:
        assert len(events) == 20  # those that train, and no other
        if network.tasks == (self.cannot_teach,):
            message = "only one class"
            raise TrainingError(message)

    def train(self, cohorts: Sequence[PreparedCohort], settings: Settings, *, out: Path, **_: Any) -> Path:
        if len(self.runs) == self.fails_at:
            self.fails_at = -1
            raise KeyboardInterrupt
        split = {record.case_id: record.split for cohort in cohorts for record in cohort.records}
        self.runs.append((settings, split))
        strength = settings.learning.seed + len(settings.network.tasks) / 10
        self.bundles[out] = bundle_around(MeanOfImage(strength), settings, split=split, provenance="simulated")
        return out


def employ(patch: pytest.MonkeyPatch) -> Trainer:
    """Put the trainer in the place of the real one, so that no torch is needed here, and rivals that are quick."""
    trainer = Trainer()
    room = SimpleNamespace(train=trainer.train, refuse_one_class=trainer.refuse_one_class)
    patch.setitem(sys.modules, "onephase.learning.train", room)
    patch.setattr(benchmark, "load_bundle", trainer.bundles.__getitem__)
    patch.setattr(benchmark, "rivals", lambda columns: RIVALS)
    return trainer


@pytest.fixture
def trainer(monkeypatch: pytest.MonkeyPatch) -> Trainer:
    """A trainer for one test."""
    return employ(monkeypatch)


@pytest.fixture(scope="module")
def planned(folder: Path) -> Callable[[Path], Benchmark]:
    """A function that plans the benchmark of the toy cohort into a folder."""

    def planned(out: Path) -> Benchmark:
        records = open_prepared(folder).records
        plan = plan_benchmark(records, DESIGN, network=SETTINGS.network, others=tuple(RIVALS), seed=1)
        return Benchmark(out, (folder,), SETTINGS, plan)

    return planned


@dataclass(frozen=True)
class Done:
    """A finished benchmark, who trained in it, and what was told of it."""

    benchmark: Benchmark
    trainer: Trainer
    told: list[tuple[str, int, int]]


@pytest.fixture(scope="module")
def done(planned: Callable[[Path], Benchmark], tmp_path_factory: pytest.TempPathFactory) -> Done:
    """The benchmark of the toy cohort, finished."""
    whole, told = planned(tmp_path_factory.mktemp("whole")), []
    with pytest.MonkeyPatch.context() as patch:
        trainer = employ(patch)
        run_benchmark(whole, progress=lambda *news: told.append(news))
    return Done(whole, trainer, told)


def answers_of_studies(out: Path) -> dict[str, Predictions]:
    plan, _ = stored_plan(out)
    runs = stored_runs(out, plan)
    return {protocol: pooled(plan, protocol, runs=runs, facts={})[0] for protocol in plan.words}
