import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.conftest import DASK_END_SECONDS, running_dask, wait_for_workers
from tests.evaluation.benchmarking.conftest import (
    EXTERNAL,
    INTERNAL,
    PATCH,
    RIVALS,
    SETTINGS,
    Done,
    Trainer,
    answers_of_studies,
)
from tests.test_storage import wait_until_somebody_waits_for

from onephase.biomarkers.panel import Events
from onephase.biomarkers.posterior import PanelPosterior
from onephase.biomarkers.prior import fit_prior
from onephase.cohort.lesions import Lesion, events_of, lesions_of
from onephase.cohort.prepared import RECORDS, PreparedCohort, open_prepared
from onephase.cohort.records import Record, write_records
from onephase.errors import CohortError, StorageError, TrainingError
from onephase.evaluation.benchmarking import benchmark
from onephase.evaluation.benchmarking.benchmark import Benchmark, _digest, answer, run_benchmark, unfinished
from onephase.evaluation.benchmarking.benchmark_report import write_report
from onephase.evaluation.benchmarking.plan import Run
from onephase.evaluation.contestants import cohort_alone
from onephase.evaluation.predictions import read_predictions
from onephase.settings import ImagingSettings, LearningSettings
from onephase.storage import alone_in
from onephase.work.cluster import Cluster


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


def test_who_knows_nothing_has_learned_from_nobody_who_is_tested(done: Done, folder: Path) -> None:
    records = {record.case_id: record for record in open_prepared(folder).records}
    for run in done.benchmark.plan.runs:
        split_of = done.benchmark.plan.part(run.part).split_of
        trained, learned = (
            events_of([records[case] for case, split in split_of.items() if split in splits])
            for splits in (("train",), ("train", "validation"))
        )
        found = read_predictions(done.benchmark.folder(run))
        prior = PanelPosterior.from_potentials(fit_prior(trained)).repeated(len(found))
        np.testing.assert_allclose(found.posteriors["prior"].log_cells, prior.log_cells, rtol=1e-4)
        np.testing.assert_allclose(found.posteriors["prior"].mu, prior.mu, rtol=1e-4)
        np.testing.assert_allclose(found.ki67_constant, np.median(learned.ki67.mean(axis=1)))


def test_interrupted_twice_it_ends_in_the_same_answers_and_trains_nothing_again(
    done: Done, planned: Callable[[Path], Benchmark], trainer: Trainer, tmp_path: Path
) -> None:
    whole, trainings = answers_of_studies(done.benchmark.out), len(done.trainer.runs)
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
    for protocol, predictions in answers_of_studies(broken.out).items():
        assert [record.case_id for record in predictions.records] == [
            record.case_id for record in whole[protocol].records
        ]
        for name, posterior in whole[protocol].posteriors.items():
            np.testing.assert_array_equal(predictions.posteriors[name].log_cells, posterior.log_cells)
    run_benchmark(broken)
    assert len(trainer.runs) == trainings


def test_two_workers_never_do_the_same_run(done: Done, trainer: Trainer, tmp_path: Path) -> None:
    elsewhere = replace(done.benchmark, out=tmp_path)
    run = elsewhere.plan.runs[0]
    second = threading.Thread(target=answer, args=(elsewhere, run))
    with alone_in(elsewhere.folder(run)):  # as the first, whose leader was killed
        second.start()
        wait_until_somebody_waits_for(elsewhere.folder(run))
        shutil.copytree(done.benchmark.folder(run), elsewhere.folder(run), dirs_exist_ok=True)
    second.join()
    assert not trainer.runs


def test_on_a_cluster_a_killed_worker_loses_no_run_and_the_answers_are_the_same(
    done: Done, planned: Callable[[Path], Benchmark], scheduler: Path, tmp_path: Path
) -> None:
    stand_ins = tmp_path / "stand_ins.py"  # in the place of training and of slow rivals, in each worker that starts
    stand_ins.write_text(
        "import pytest\nfrom tests.evaluation.benchmarking.conftest import employ\nemploy(pytest.MonkeyPatch())\n"
    )
    place = ("--no-dashboard", "--local-directory", str(tmp_path), "--preload", str(stand_ins))
    worker = ("worker", "--scheduler-file", str(scheduler), "--nthreads", "1", "--no-nanny", *place)
    far = planned(tmp_path / "far")
    with running_dask(*worker) as victim, running_dask(*worker):
        wait_for_workers(scheduler, 2)

        def kill(task: str, ready: int, total: int) -> None:
            if (task, ready) == ("runs", 3):
                victim.kill()

        run_benchmark(far, workers=Cluster(str(scheduler)), progress=kill)
        victim.wait(timeout=DASK_END_SECONDS)
    whole = answers_of_studies(done.benchmark.out)
    for protocol, predictions in answers_of_studies(far.out).items():
        assert predictions.posteriors.keys() == whole[protocol].posteriors.keys()
        for name, posterior in whole[protocol].posteriors.items():
            np.testing.assert_array_equal(predictions.posteriors[name].log_cells, posterior.log_cells)


def test_other_settings_are_not_mixed_in(done: Done) -> None:
    other = SETTINGS.model_copy(update={"learning": LearningSettings(epochs=3)})
    with pytest.raises(TrainingError, match="was made with other settings or cases: name another --out"):
        run_benchmark(replace(done.benchmark, settings=other))


@pytest.mark.parametrize(
    "other",
    [
        {"site": "birch"},
        {"patient_id": "patient 1"},
        {"events": Events(np.ones((1, 8), dtype=bool), np.array([[0.0, 1.0]]), np.array([-1], dtype=np.int8))},
    ],
)
def test_answers_for_another_cohort_are_not_taken_up(
    done: Done, folder: Path, other: dict[str, Any], tmp_path: Path
) -> None:
    """A site that was corrected, a patient found to be another's: splits alone would not show it."""
    changed = _copied(done, folder, tmp_path, lambda record: replace(record, **other))
    with pytest.raises(TrainingError, match="was made with other settings or cases: name another --out"):
        unfinished(changed)


def test_corrected_covariates_are_those_of_the_tables_and_train_nothing_again(
    done: Done, folder: Path, trainer: Trainer, tmp_path: Path
) -> None:
    changed = _copied(done, folder, tmp_path, lambda record: replace(record, covariates={"age": "99"}))
    run_benchmark(changed)
    assert trainer.runs == []
    for protocol, predictions in answers_of_studies(changed.out).items():
        assert predictions.records[0].covariates == {"age": "99"}, protocol
        assert predictions.records[1].covariates["age"] != "99"


def test_the_contestant_of_covariates_is_not_taken_up_with_others(done: Done, folder: Path, tmp_path: Path) -> None:
    wide, run = replace(done.benchmark, covariates=("age",)), Run("internal", "covariates", "covariates")
    run = replace(run, part=wide.plan.parts[0].name)
    members = lesions_of([open_prepared(folder)])
    other = [replace(members[0], record=replace(members[0].record, covariates={"age": "99"})), *members[1:]]
    assert _digest(wide, run, members) != _digest(wide, run, other)
    plain = replace(run, contestant="cohort alone")
    assert _digest(wide, plain, members) == _digest(wide, plain, other)


def _copied(done: Done, folder: Path, tmp_path: Path, change: Callable[[Record], Record]) -> Benchmark:
    """Return the finished benchmark elsewhere, after the first tested case of its cohort has changed."""
    cohort, out = tmp_path / "prepared", tmp_path / "out"
    shutil.copytree(folder, cohort)
    shutil.copytree(done.benchmark.out, out)
    tested = {one.records[0].case_id for one in answers_of_studies(out).values()}
    records = [change(one) if one.case_id in tested else one for one in open_prepared(cohort).records]
    write_records(cohort / RECORDS, records)
    return replace(done.benchmark, out=out, prepared=(cohort,))


def test_what_the_cohort_lacks_is_refused_before_anything_is_done(done: Done, tmp_path: Path) -> None:
    elsewhere = replace(done.benchmark, out=tmp_path / "out")
    other = SETTINGS.model_copy(update={"imaging": ImagingSettings(patch_voxels=PATCH, spacing_mm=1.0)})
    with pytest.raises(
        StorageError, match=r"with imaging\.spacing_mm = 2\.0, the benchmark has 1\.0: prepare the cohort again"
    ):
        run_benchmark(replace(elsewhere, settings=other))
    with pytest.raises(CohortError, match="no case has the covariate 'grade', expected one of: age"):
        run_benchmark(replace(elsewhere, covariates=("age", "grade")))
    with pytest.raises(CohortError, match=r"case case 0 stands in .* name each folder once"):
        run_benchmark(replace(elsewhere, prepared=elsewhere.prepared * 2))
    assert not elsewhere.out.exists()


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


def test_who_must_know_every_site_answers_where_it_does_and_in_no_other_study(
    done: Done, trainer: Trainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[set[str]] = []

    def knows(training: Sequence[Lesion], tested: Sequence[Lesion]) -> PanelPosterior:
        seen.append({lesion.record.site for lesion in tested})
        return cohort_alone(training, tested)

    name = "radiomics, ridge, harmonised"
    monkeypatch.setitem(RIVALS, name, knows)
    monkeypatch.setattr(benchmark, "radiomics_features", lambda *_, **__: None)
    shutil.copytree(done.benchmark.out, tmp_path / "moved")
    runs = (*done.benchmark.plan.runs, Run("internal", name, name), Run("2-fold adaptation 1", name, name))
    moved = replace(done.benchmark, out=tmp_path / "moved", plan=replace(done.benchmark.plan, runs=runs))
    run_benchmark(moved)
    assert seen == [{"alder", "birch"}, {"larch"}]  # some of the external site's cases were learned from there
    found = answers_of_studies(moved.out)
    assert name in found["internal test"].posteriors
    assert name not in found["frozen external test"].posteriors
    alone, own = (found["internal test"].posteriors[one].log_cells for one in ("cohort alone", name))
    np.testing.assert_array_equal(alone, own)


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
    predictions = answers_of_studies(moved.out)["internal test"]
    single, prior = predictions.posteriors["single tasks"], predictions.posteriors["prior"]
    means = [(one.cells() * one.mu).sum(axis=1) for one in (single, prior)]
    np.testing.assert_allclose(*means)
    whole = answers_of_studies(done.benchmark.out)["internal test"].posteriors["single tasks"]
    np.testing.assert_allclose(single.marginals(), whole.marginals(), atol=1e-8)
