import json
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from onephase.biomarkers.calibration import Calibration
from onephase.biomarkers.panel import Events
from onephase.biomarkers.potentials import Potentials
from onephase.cohort.lesions import Lesion, events_of, lesions_of
from onephase.cohort.prepared import FAILURES, RECORDS, PreparedCohort, fingerprint_of, open_prepared
from onephase.cohort.records import Record, write_records
from onephase.errors import CohortError, StorageError, TrainingError
from onephase.evaluation import contestants
from onephase.evaluation.benchmarking import benchmark, benchmark_report
from onephase.evaluation.benchmarking.benchmark import Benchmark, answer, run_benchmark, unfinished
from onephase.evaluation.benchmarking.benchmark_report import seed_table, write_report
from onephase.evaluation.benchmarking.plan import Design, Run, plan_benchmark
from onephase.evaluation.benchmarking.pooling import pooled, stored_plan
from onephase.evaluation.contestants import cohort_alone, rivals
from onephase.evaluation.predictions import Predictions, read_predictions
from onephase.evaluation.study import study_of
from onephase.imaging.descriptors import DESCRIPTORS
from onephase.imaging.geometry import Grid
from onephase.imaging.patch import Patch
from onephase.imaging.patches import writing
from onephase.inference.bundle import Bundle
from onephase.inference.engine import Engine
from onephase.inference.manifest import Manifest, TrainingCohort
from onephase.settings import ImagingSettings, LearningSettings, NetworkSettings, Settings

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
    """A prepared cohort of two internal sites and an external one; ER-positive lesions are brighter."""
    rng, folder = np.random.default_rng(1), tmp_path_factory.mktemp("prepared")
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
            patch = Patch(image, rng.normal(size=PATCH).astype(np.float32), numbers, frame, "given", (), facts)
            writer.add(f"case {row}", patch, key=str(row))
    write_records(folder / RECORDS, records)
    (folder / FAILURES).write_text("[]")
    return folder


@dataclass
class Session:
    """A session whose answer is the mean of the image, in a strength that tells the training run."""

    strength: float

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
        toy = (TrainingCohort(name="toy", provenance="simulated", cases=1, labels={}),)
        manifest = Manifest(
            name="toy",
            onephase_version="0",
            descriptors=DESCRIPTORS,
            trained_on=toy,
            seeds={},
            validation={},
            files={},
            seal="a" * 64,
        )
        prior = Potentials(np.zeros((1, 3)), np.full(1, -1.2), np.ones(1), np.zeros(3), np.zeros(3))
        engine = Engine(Session(strength), PATCH)
        self.bundles[out] = Bundle(manifest, engine, {}, settings, Calibration.identity(), prior, split, "")
        return out


def _employ(patch: pytest.MonkeyPatch) -> Trainer:
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
    return _employ(monkeypatch)


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
        trainer = _employ(patch)
        run_benchmark(whole, progress=lambda *news: told.append(news))
    return Done(whole, trainer, told)


def _pooled(out: Path) -> dict[str, Predictions]:
    plan, _ = stored_plan(out)
    return {protocol: pooled(out, plan, protocol, facts={})[0] for protocol in plan.words}


def test_each_study_has_its_own_cases_and_every_contestant(done: Done) -> None:
    assert done.told[0] == ("runs", 0, 7 + 2 + 2 * 2)
    assert done.told[-1] == ("runs", 13, 13)
    assert len(done.trainer.runs) == 7 + 2
    found = _pooled(done.benchmark.out)
    assert list(found) == ["internal test", "frozen external test", "2-fold adaptation"]
    for name, predictions in found.items():
        sites = {record.site for record in predictions.records}
        assert sites == ({"alder", "birch"} if name == "internal test" else {"larch"})
        assert next(iter(predictions.posteriors)) == "onephase"
        assert "never takes part" not in predictions.posteriors
    assert {"onephase, 2 seeds", "single tasks", "core only", "cohort alone", "prior"} < set(
        found["frozen external test"].posteriors
    )
    assert set(found["2-fold adaptation"].posteriors) == {"onephase", "cohort alone", "prior"}
    assert len(found["2-fold adaptation"]) == len(found["frozen external test"]) == EXTERNAL
    assert "Frozen external test" in found["frozen external test"].protocol
    assert "no external test" in found["2-fold adaptation"].protocol
    assert sorted(set(found["2-fold adaptation"].fold)) == [0, 1]
    assert {record.split for record in found["internal test"].calibration.records} == {"validation"}


def test_answers_are_those_of_the_first_seed_of_all_seeds_and_of_four_tasks(done: Done, folder: Path) -> None:
    predictions = _pooled(done.benchmark.out)["frozen external test"]
    store = open_prepared(folder).store
    rows = store.rows([record.case_id for record in predictions.records])
    mean = store.image[rows].astype(np.float64).mean(axis=(1, 2, 3))
    for name, strength in {"onephase": 1.4, "onephase, 2 seeds": 1.9, "core only": 1.4, "single tasks": 1.1}.items():
        er = predictions.posteriors[name].marginals()[:, 0]
        np.testing.assert_allclose(er, 1 / (1 + np.exp(-strength * mean)), rtol=1e-5)


def test_a_run_changes_what_its_form_changes_and_nothing_else(done: Done) -> None:
    trainer = done.trainer
    seen = [settings.network for settings, _ in trainer.runs if settings.learning.seed == 1]
    assert sum(network == SETTINGS.network for network in seen) == 1 + 2
    assert sum(network.regions == ("core",) for network in seen) == 1
    assert sum(len(network.tasks) == 1 for network in seen) == 4
    assert [settings.learning.seed for settings, _ in trainer.runs].count(2) == 1
    for settings, split in trainer.runs:
        assert settings.model_copy(update={"network": SETTINGS.network, "learning": SETTINGS.learning}) == SETTINGS
        external = [split[f"case {row}"] for row in range(INTERNAL, INTERNAL + EXTERNAL)]
        assert set(external) in ({"external"}, {"test", "train", "validation"})


def test_interrupted_twice_it_ends_in_the_same_answers_and_trains_nothing_again(
    done: Done, planned: Callable[[Path], Benchmark], trainer: Trainer, tmp_path: Path
) -> None:
    whole, trainings = _pooled(done.benchmark.out), len(done.trainer.runs)
    broken = planned(tmp_path / "broken")
    for fails_at in (3, 8):
        trainer.fails_at = fails_at
        with pytest.raises(KeyboardInterrupt):
            run_benchmark(broken)
        with pytest.raises(StorageError, match="is not finished: start the benchmark again, and it goes on"):
            write_report(broken.out)
    run_benchmark(broken)
    assert len(trainer.runs) == trainings
    assert unfinished(broken) == ()
    for protocol, predictions in _pooled(broken.out).items():
        assert [record.case_id for record in predictions.records] == [
            record.case_id for record in whole[protocol].records
        ]
        for name, posterior in whole[protocol].posteriors.items():
            np.testing.assert_array_equal(predictions.posteriors[name].log_cells, posterior.log_cells)
    run_benchmark(broken)
    assert len(trainer.runs) == trainings


def test_other_settings_are_not_mixed_in(done: Done) -> None:
    other = SETTINGS.model_copy(update={"learning": LearningSettings(epochs=3)})
    with pytest.raises(TrainingError, match="was made with other settings or cases: choose another folder"):
        run_benchmark(replace(done.benchmark, settings=other))


def test_what_the_cohort_lacks_is_refused_before_anything_is_done(done: Done, tmp_path: Path) -> None:
    elsewhere = replace(done.benchmark, out=tmp_path / "out")
    other = SETTINGS.model_copy(update={"imaging": ImagingSettings(patch_voxels=PATCH, spacing_mm=1.0)})
    with pytest.raises(
        StorageError, match=r"with imaging\.spacing_mm = 2\.0, the benchmark has 1\.0: prepare the cohort again"
    ):
        run_benchmark(replace(elsewhere, settings=other))
    with pytest.raises(CohortError, match="no case has the covariate 'grade', expected one of: age"):
        run_benchmark(replace(elsewhere, covariates=("age", "grade")))
    assert not elsewhere.out.exists()


def test_everything_is_made_again_from_what_is_stored(
    done: Done, trainer: Trainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmark_report, "study_of", partial(study_of, resamples=40))
    shutil.copytree(done.benchmark.out, tmp_path / "moved")
    report = write_report(tmp_path / "moved")
    assert not trainer.runs
    assert list(report.pages) == ["internal test", "frozen external test", "2-fold adaptation"]
    for protocol, page in report.pages.items():
        text = page.read_text()
        assert "SIMULATED" in text
        assert report.studies[protocol].protocol in text
        tables = page.parent / "tables"
        assert (tables / "summary.csv").read_text() == report.summaries[protocol].to_csv()
        assert (tables / "seeds.csv").read_text() == report.seeds[protocol].to_csv()
    overview = report.overview.read_text()
    assert "SIMULATED" in overview
    for protocol, page in report.pages.items():
        assert report.studies[protocol].protocol in overview
        assert f'<a href="{page.relative_to(tmp_path / "moved")}">All of the {protocol}</a>' in overview
    assert {one.second for one in report.studies["internal test"].whole.versus} >= {"single tasks", "core only"}
    assert [row[0] for row in report.summaries["2-fold adaptation"].rows] == ["onephase", "cohort alone", "prior"]
    assert read_predictions(tmp_path / "moved" / "internal-test").facts["seeds"] == [1, 2]
    timing = json.loads((tmp_path / "moved" / "timing.json").read_text())
    assert len(timing["runs"]) == 13
    assert timing["seconds"] == pytest.approx(sum(timing["runs"].values()))


def test_seeds_are_told_by_mean_and_range(done: Done) -> None:
    plan, _ = stored_plan(done.benchmark.out)
    predictions, seeds = pooled(done.benchmark.out, plan, "frozen external test", facts={})
    table = seed_table(predictions, seeds, settings=SETTINGS)
    assert [row[:2] for row in table.rows] == [("onephase", "2")]
    gains = []
    events = events_of(predictions.records)
    for posterior in seeds["onephase"].values():
        gain = posterior.log_probability(events) - predictions.posteriors["prior"].log_probability(events)
        gains.append(gain.mean())
    assert table.rows[0][-1] == f"{np.mean(gains):.3f} ({min(gains):.3f} to {max(gains):.3f})"


def test_a_folder_without_a_benchmark_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"plan\.json is missing"):
        write_report(tmp_path)
    (tmp_path / "plan.json").write_text('{"parts": []}')
    with pytest.raises(StorageError, match=r"is no plan of a benchmark .*: start the benchmark again"):
        write_report(tmp_path)


def test_a_contestant_is_given_lesions_it_may_learn_from_and_others_to_answer(
    done: Done, trainer: Trainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[set[str], set[str]]] = []

    def looks(training: Sequence[Lesion], tested: Sequence[Lesion]) -> None:
        seen.append(tuple({lesion.record.split for lesion in lesions} for lesions in (training, tested)))  # type: ignore[arg-type]

    monkeypatch.setitem(RIVALS, "never takes part", looks)
    run = next(run for run in done.benchmark.plan.runs if run.contestant == "never takes part")
    answer(replace(done.benchmark, out=tmp_path), run)
    assert seen == [({"train", "validation"}, {"test", "external"})]


def test_radiomics_features_are_measured_before_the_runs_by_all_workers(
    done: Done, trainer: Trainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[tuple[int, int]] = []

    def measure(prepared: PreparedCohort, records: Sequence[Record], *, workers: int, progress: Any) -> None:
        measured.append((len(records), workers))

    monkeypatch.setattr(benchmark, "radiomics_features", measure)
    monkeypatch.setitem(RIVALS, "radiomics, ridge", lambda training, tested: None)
    runs = (Run("internal", "radiomics, ridge", "radiomics, ridge"),)
    alone = replace(done.benchmark, out=tmp_path, plan=replace(done.benchmark.plan, runs=runs))
    run_benchmark(alone, workers=2)
    run_benchmark(alone, workers=2)
    assert measured == [(INTERNAL + EXTERNAL, 2)]


def test_a_task_without_labels_has_no_network(done: Done, trainer: Trainer, tmp_path: Path) -> None:
    trainer.cannot_teach = "ki67"
    shutil.copytree(done.benchmark.out, tmp_path / "moved")
    moved = replace(done.benchmark, out=tmp_path / "moved")
    run = next(run for run in moved.plan.runs if run.label == "single tasks ki67")
    shutil.rmtree(moved.folder(run))
    answer(moved, run)
    assert not trainer.runs
    predictions = _pooled(moved.out)["internal test"]
    single, prior = predictions.posteriors["single tasks"], predictions.posteriors["prior"]
    means = [(one.cells() * one.mu).sum(axis=1) for one in (single, prior)]
    np.testing.assert_allclose(*means)
    whole = _pooled(done.benchmark.out)["internal test"].posteriors["single tasks"]
    np.testing.assert_allclose(single.marginals(), whole.marginals(), atol=1e-8)


@pytest.mark.parametrize("name", ["descriptors, ridge", "descriptors, boosting", "covariates"])
def test_who_sees_the_cue_finds_it(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contestants, "INNER_FOLDS", 3)
    lesions = lesions_of([open_prepared(folder)])
    posterior = rivals(["age"])[name](lesions[:INTERNAL], lesions[INTERNAL:])
    assert posterior is not None
    positive = np.array([lesion.record.events.status("er")[0] == 1 for lesion in lesions[INTERNAL:]])
    er = posterior.marginals()[:, 0]
    assert (er[positive][:, None] > er[~positive]).mean() > 0.9  # AUC


def test_covariates_take_part_where_they_are_named_and_tell_cases_apart(folder: Path) -> None:
    lesions = lesions_of([open_prepared(folder)])
    assert "covariates" not in rivals()
    assert rivals(["age"])["covariates"](lesions[:1], lesions[1:]) is None
