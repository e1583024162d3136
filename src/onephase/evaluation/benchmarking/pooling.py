"""From the stored runs of a benchmark to the predictions of each protocol, without any training."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np

from onephase.arrays import Int64
from onephase.biomarkers.posterior import PanelPosterior
from onephase.cohort.flow import CohortFlow
from onephase.cohort.records import Record, Split
from onephase.errors import StorageError
from onephase.evaluation.benchmarking.benchmark import PLAN, RUNS
from onephase.evaluation.benchmarking.divisions import Part
from onephase.evaluation.benchmarking.ensembles import average, join_tasks
from onephase.evaluation.benchmarking.plan import SINGLE_TASKS, Plan, Run
from onephase.evaluation.oracle import with_oracle
from onephase.evaluation.predictions import NETWORK, PRIOR, Predictions, ensemble_name, read_predictions
from onephase.evaluation.study import Compared
from onephase.settings import TaskName
from onephase.storage import read_json

Seeds = dict[str, dict[int, PanelPosterior]]
"""By contestant, then by seed; 0 where nothing is drawn."""


def stored_plan(out: Path) -> tuple[Plan, dict[str, Any]]:
    """Return the plan of a benchmark's folder, and the settings it ran with as JSON values.

    Raises:
        StorageError: If no benchmark was started there, or its plan is broken.
    """
    if not (out / PLAN).exists():
        message = f"{out} holds no benchmark: run `onephase benchmark --out {out}` first"
        raise StorageError(message)
    described = read_json(out / PLAN)
    try:
        return Plan.from_json(described), described["settings"]
    except (KeyError, TypeError) as fault:
        message = f"{out / PLAN} is no plan of a benchmark ({fault}): start the benchmark again"
        raise StorageError(message) from None


def stored_flow(out: Path) -> tuple[CohortFlow, ...]:
    """Return what became of the rows of the cohort tables; nothing in the folder of an earlier version."""
    return tuple(CohortFlow(**one) for one in read_json(out / PLAN).get("cohort_flow", ()))


def stored_records(out: Path) -> dict[str, Record]:
    """Return every case as the benchmark last saw it, by name; none in the folder of an earlier version."""
    told = [Record.from_json(one, folder=out) for one in read_json(out / PLAN).get("records", ())]
    return {record.case_id: record for record in told}


def stored_runs(out: Path, plan: Plan) -> dict[str, Predictions]:
    """Return what every run answered, by its folder; of its cases, what the benchmark last saw.

    Raises:
        StorageError: If a run is not finished, or its answers are broken.
    """
    last = stored_records(out)
    return {run.folder: _stored(out, run, last=last) for run in plan.runs}


def pooled(
    plan: Plan, protocol: str, *, runs: Mapping[str, Predictions], facts: Mapping[str, Any]
) -> tuple[Predictions, Seeds]:
    """Return every contestant's answers under one protocol, and those of each seed apart.

    A trained contestant's row is its first seed; the ensemble of all its seeds is a row of its own.

    Args:
        plan: What was run.
        protocol: A name in ``plan.words``.
        runs: What every run answered, by its folder.
        facts: For the report.
    """
    answered = [_of_part(runs, plan, part, protocol=protocol) for part in plan.tested_by(protocol)]
    seeds = {
        name: {seed: PanelPosterior.stack([own[name][seed] for _, own in answered]) for seed in by_seed}
        for name, by_seed in answered[0][1].items()
        if all(name in own for _, own in answered)
    }
    posteriors: dict[str, PanelPosterior] = {}
    for name, by_seed in seeds.items():
        members = list(by_seed.values())
        posteriors[name] = members[0]
        if len(members) > 1:
            posteriors[ensemble_name(name, len(members))] = average(members)
    joined = Predictions.joined([predictions for predictions, _ in answered], facts=facts)
    whole = replace(joined, protocol=plan.words[protocol], posteriors={**posteriors, PRIOR: joined.posteriors[PRIOR]})
    return with_oracle(whole), seeds


def without_answers(plan: Plan, protocol: str, *, runs: Mapping[str, Predictions]) -> tuple[str, ...]:
    """Return who was planned and has no answers to some cases of a protocol: what it learned from cannot teach it."""
    names = {
        run.label: None
        for part in plan.tested_by(protocol)
        for run in plan.runs
        if run.part == part.name and not _answers(runs[run.folder], run, part.tests[protocol])
    }
    return tuple(names)


def compared_in(seeds: Seeds) -> Compared:
    """Return who is compared with whom, like with like.

    Where every trained contestant has as many seeds, the ensemble of its seeds speaks for it; else its first seed does,
    as it does for the network. A contestant that draws nothing has but one row.

    Args:
        seeds: Answers by contestant and seed.
    """
    drawn = {name: len(by_seed) for name, by_seed in seeds.items() if 0 not in by_seed}
    several = drawn[NETWORK] > 1 and len(set(drawn.values())) == 1
    rows = {name: ensemble_name(name, drawn[name]) if several and name in drawn else name for name in seeds}
    return Compared(rows[NETWORK], tuple(row for name, row in rows.items() if name != NETWORK))


def _of_part(stored: Mapping[str, Predictions], plan: Plan, part: Part, *, protocol: str) -> tuple[Predictions, Seeds]:
    """Return the tested cases of a division with the network and the prior, and every contestant by seed."""
    runs = [run for run in plan.runs if run.part == part.name]
    first = stored[next(run for run in runs if run.contestant == NETWORK).folder]
    rows = _rows(first, part.tests[protocol])
    prior = first.posteriors[PRIOR].take(rows)
    told: dict[str, dict[int, dict[str, PanelPosterior]]] = {}
    for run in runs:
        found, split = stored[run.folder], part.tests[protocol]
        if _answers(found, run, split):  # some take part only where they can
            own = found.posteriors[run.label].take(_rows(found, split))
            told.setdefault(run.contestant, {}).setdefault(run.seed or 0, {})[run.label] = own
    return first.take(rows), {
        contestant: {seed: _whole_panel(contestant, by_label, prior) for seed, by_label in by_seed.items()}
        for contestant, by_seed in told.items()
    }


def _answers(found: Predictions, run: Run, split: Split) -> bool:
    """Tell whether a run has answers to the cases of a split."""
    return run.label in found.posteriors and len(_rows(found, split)) > 0


def _rows(predictions: Predictions, split: Split) -> Int64[np.ndarray, " case"]:
    return np.flatnonzero([record.split == split for record in predictions.records])


def _whole_panel(contestant: str, by_label: Mapping[str, PanelPosterior], prior: PanelPosterior) -> PanelPosterior:
    """Return the panel of a contestant, which four networks make together where each has one task."""
    if contestant != SINGLE_TASKS:
        return by_label[contestant]
    by_task = {task: by_label.get(f"{SINGLE_TASKS} {task}") for task in get_args(TaskName)}
    return join_tasks({task: posterior for task, posterior in by_task.items() if posterior is not None}, prior)


def _stored(out: Path, run: Run, *, last: Mapping[str, Record]) -> Predictions:
    folder = out / RUNS / run.folder
    if not (folder / "predictions.json").exists():
        message = f"the run {run.folder} of {out} is not finished: start the benchmark again, and it goes on"
        raise StorageError(message)
    found = read_predictions(folder)
    records = tuple(replace(last.get(one.case_id, one), split=one.split) for one in found.records)
    return replace(found, records=records)
