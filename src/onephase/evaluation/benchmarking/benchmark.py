"""Every run of a plan, once: train or fit, let it answer for the cases it has not seen, and keep the answers.

A run is a folder below ``runs/`` with its predictions, known by a digest of everything that decides them. What is
finished is never done again; what was cut off goes on from its last epoch. Tables are made from these folders alone
(:mod:`onephase.evaluation.benchmarking.pooling`).
"""

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import onephase
from onephase.baselines.covariates import refuse_unfit_columns
from onephase.baselines.radiomics_features import radiomics_features
from onephase.biomarkers.posterior import PanelPosterior
from onephase.biomarkers.prior import fit_prior
from onephase.cohort.flow import flow_of
from onephase.cohort.lesions import Lesion, events_of, lesions_of
from onephase.cohort.prepared import PreparedCohort, open_prepared, refuse_other_settings, refuse_repeated_cases
from onephase.errors import TrainingError
from onephase.evaluation.benchmarking.divisions import Part
from onephase.evaluation.benchmarking.plan import SINGLE_TASKS, Plan, Run
from onephase.evaluation.contestants import OF_KNOWN_SITES, RADIOMICS, network_answers, rivals, told_by
from onephase.evaluation.predictions import NETWORK, PRIOR, Predictions, write_predictions
from onephase.evaluation.protocol import (
    LEARNED_FROM,
    assigned_splits,
    calibration_answers,
    finished_answers,
    gathered,
    run_digest,
)
from onephase.inference.bundle import load_bundle
from onephase.progress import Progress, silent
from onephase.settings import NetworkSettings, Settings
from onephase.storage import alone_in, write_json
from onephase.work.workers import Workers, in_order

RUNS, PLAN = "runs", "plan.json"


@dataclass(frozen=True, slots=True)
class Benchmark:
    """What all runs share; small, for it travels to every worker.

    Attributes:
        out: Folder of the benchmark.
        prepared: Folders of the prepared cohorts.
        settings: Of the network in full.
        plan: The runs.
        covariates: Columns of the cohort table that the contestant ``covariates`` looks at.
    """

    out: Path
    prepared: tuple[Path, ...]
    settings: Settings
    plan: Plan
    covariates: tuple[str, ...] = ()

    def folder(self, run: Run) -> Path:
        """Return where a run keeps its answers."""
        return self.out / RUNS / run.folder

    def settings_of(self, run: Run) -> Settings:
        """Return the settings of a run: those in full with what its form of the network changes, and its seed."""
        if run.changes is None or run.seed is None:
            return self.settings
        network = NetworkSettings.model_validate({**self.settings.network.model_dump(), **run.changes})
        learning = self.settings.learning.model_copy(update={"seed": run.seed})
        return self.settings.model_copy(update={"network": network, "learning": learning})


def run_benchmark(benchmark: Benchmark, *, workers: Workers = 1, progress: Progress = silent) -> None:
    """Do every run of a benchmark that is not finished, several at a time.

    Args:
        benchmark: What to do. ``plan.json`` is written into its folder first.
        workers: Who works.
        progress: Told after each run.

    Raises:
        TrainingError: If a run in the folder was made with other settings or cases, training fails, or this is
            one process of several under ``torchrun``.
        WorkerError: If a worker was killed; started again, the benchmark goes on where it stopped.
        MissingExtraError: If radiomics shall take part and MIRP is not installed.
        StorageError: If a file cannot be written.
    """
    from onephase.learning.device import refuse_several

    refuse_several("a benchmark")
    runs = benchmark.plan.runs
    waiting = unfinished(benchmark)
    prepared = [open_prepared(folder) for folder in benchmark.prepared]
    described = {
        "settings": benchmark.settings.model_dump(mode="json"),
        "cohort_flow": [one.to_json() for one in flow_of(prepared)],
        # as the tables give them now: covariates may have been corrected since a run was finished
        "records": [record.to_json(folder=benchmark.out) for one in prepared for record in one.records],
    }
    write_json(benchmark.out / PLAN, benchmark.plan.to_json() | described)
    if any(run.contestant in RADIOMICS for run in waiting):
        for one in prepared:
            radiomics_features(one, one.records, workers=workers, progress=progress)
    progress("runs", len(runs) - len(waiting), len(runs))
    sees = (benchmark.out, *benchmark.prepared)
    with closing(in_order(partial(answer, benchmark), waiting, workers=workers, sees=sees)) as answers:
        for done, _ in enumerate(answers, start=len(runs) - len(waiting) + 1):
            progress("runs", done, len(runs))


def unfinished(benchmark: Benchmark) -> tuple[Run, ...]:
    """Return the runs whose answers are not stored yet.

    Raises:
        TrainingError: If a run in the folder was made with other settings.
        StorageError: If a cohort was prepared with others.
        CohortError: If two cases have one id, or a covariate that a contestant shall look at is not fit for it.
    """
    prepared = [open_prepared(folder) for folder in benchmark.prepared]
    refuse_other_settings(prepared, benchmark.settings, who="the benchmark")
    refuse_repeated_cases(prepared)
    refuse_unfit_columns([record for one in prepared for record in one.records], benchmark.covariates)
    members = {part.name: lesions_of(assigned_splits(prepared, part.split_of)) for part in benchmark.plan.parts}
    return tuple(
        run
        for run in benchmark.plan.runs
        if finished_answers(benchmark.folder(run), _digest(benchmark, run, members[run.part])) is None
    )


def answer(benchmark: Benchmark, run: Run) -> None:
    """Do one run and write its answers, unless they are there."""
    part = benchmark.plan.part(run.part)
    prepared = assigned_splits([open_prepared(folder) for folder in benchmark.prepared], part.split_of)
    members = lesions_of(prepared)
    digest, folder = _digest(benchmark, run, members), benchmark.folder(run)
    with alone_in(folder):  # a worker of a cluster may still be at it for a leader that was killed
        if finished_answers(folder, digest) is not None:
            return
        started = time.perf_counter()
        training = [lesion for lesion in members if lesion.record.split in LEARNED_FROM]
        tested = _answerable(run, part, members)
        if run.changes is None:
            posterior, calibration = told_by(rivals(benchmark.covariates)[run.contestant], training, tested), None
        else:
            posterior, calibration = _trained(benchmark, run, prepared, tested=tested, fold=part.fold)
        told = {} if posterior is None else {run.label: posterior}
        facts = {
            "run": digest,
            "onephase": onephase.__version__,
            "part": run.part,
            "seed": run.seed,
            "seconds": round(time.perf_counter() - started, 1),
        }
        told[PRIOR] = _prior(training).repeated(len(tested))
        answered = gathered(told, training, tested, fold=part.fold, words=run.part, facts=facts)
        write_predictions(folder, replace(answered, calibration=calibration))


def _answerable(run: Run, part: Part, members: Sequence[Lesion]) -> list[Lesion]:
    """Return the tested lesions that a contestant answers for.

    One that must know every site takes part in the protocols whose sites it has learned from, and in no other.
    """
    splits = set(part.tests.values())
    if run.contestant in OF_KNOWN_SITES:
        known = {one.record.place for one in members if one.record.split in LEARNED_FROM}
        beyond = {one.record.split for one in members if one.record.split in splits and one.record.place not in known}
        splits = splits - beyond or splits
    return [one for one in members if one.record.split in splits]


def _trained(
    benchmark: Benchmark, run: Run, prepared: Sequence[PreparedCohort], *, tested: Sequence[Lesion], fold: int
) -> tuple[PanelPosterior | None, Predictions | None]:
    """Train one network; return what it says of the tested lesions, and of those that it was calibrated on.

    A single task that the training cases cannot teach has no answers, for a cohort may lack a label altogether.
    """
    from onephase.learning.train import refuse_one_class, train  # torch is needed here alone, not to pool answers

    settings = benchmark.settings_of(run)
    if run.contestant == SINGLE_TASKS:
        records = [record for one in prepared for record in one.records if record.split == "train"]
        try:
            refuse_one_class(events_of(records), settings.network)
        except TrainingError:
            return None, None
    path = train(prepared, settings, out=benchmark.folder(run) / "bundle", resume=True)
    bundle = load_bundle(path)
    answers = network_answers(bundle, tested)
    if run.contestant != NETWORK:  # conformal sets are those of the network in full
        return answers, None
    calibrating = [lesion for lesion in lesions_of(prepared) if lesion.record.split == "validation"]
    return answers, calibration_answers(bundle, calibrating, fold=fold)


def _prior(training: Sequence[Lesion]) -> PanelPosterior:
    """Return what the training cases alone say of any one case, as a bundle keeps it."""
    records = [lesion.record for lesion in training if lesion.record.split == "train"]
    return PanelPosterior.from_potentials(fit_prior(events_of(records)))


def _digest(benchmark: Benchmark, run: Run, members: Sequence[Lesion]) -> str:
    choices: dict[str, Any] = {"contestant": run.label, "tests": dict(benchmark.plan.part(run.part).tests)}
    if run.changes is not None:
        choices["settings"] = benchmark.settings_of(run).model_dump(mode="json")
    elif run.contestant == "covariates":
        columns = benchmark.covariates
        choices["covariates"] = [columns, [[one.record.covariates.get(name) for name in columns] for one in members]]
    elif run.contestant in OF_KNOWN_SITES:
        choices["answers"] = "where all sites are known"
    return run_digest(members, choices)
