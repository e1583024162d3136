"""``onephase benchmark``: the form of the paper's study on any cohort, in one command that goes on where it stopped."""

from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onephase.cli.options import (
    AsJson,
    Scheduler,
    SettingsFile,
    Workers,
    a_word_of_the_command,
    settings_of,
    workers_of,
)
from onephase.cli.terminal import TerminalProgress, say, say_json, say_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onephase.cohort.records import Record
    from onephase.evaluation.benchmarking.benchmark_report import BenchmarkReport
    from onephase.evaluation.benchmarking.duration import Duration
    from onephase.evaluation.benchmarking.plan import Plan, Run
    from onephase.evaluation.benchmarking.presets import Preset
    from onephase.evaluation.pages.table import Table
    from onephase.evaluation.study import Study
    from onephase.progress import Progress
    from onephase.work.workers import Workers as WhoWorks

USUAL_PRESET = "paper"
SEED = 1
"""Of a simulated cohort; training seeds are counted from 1 too."""


def benchmark(  # noqa: PLR0913 - one parameter for each option
    prepared: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PREPARED...]", help="Folders that `onephase prepare` wrote; simulated where left out."
        ),
    ] = None,
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the benchmark.", show_default=False)],
    preset: Annotated[
        str, typer.Option(help="paper: 3 seeds, 5 folds; quick: minutes, to see it work.")
    ] = USUAL_PRESET,
    settings: SettingsFile = None,
    external_site: Annotated[
        list[str] | None,
        typer.Option(
            help="Cases of this site are the external ones, 'cohort: site' where several have it; repeatable.",
            show_default=False,
        ),
    ] = None,
    leave_sites_out: Annotated[
        bool, typer.Option("--leave-sites-out", help="Leave out each site in turn too.")
    ] = False,
    cross_validate: Annotated[
        bool, typer.Option("--cross-validate", help="Answer all cases by folds too; for cohorts without a test set.")
    ] = False,
    learn_from: Annotated[
        list[int] | None,
        typer.Option(help="Also learn from only so many training cases, for a learning curve; repeatable.", min=2),
    ] = None,
    covariate: Annotated[
        list[str] | None,
        typer.Option(help="Column of the table for the contestant 'covariates'; repeatable.", show_default=False),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(help="Leave this contestant out, such as 'radiomics, ridge'; repeatable.", show_default=False),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(min=1, help="Training runs of each network, in the preset's place.", show_default=False),
    ] = None,
    folds: Annotated[int | None, typer.Option(min=2, help="Folds, in the preset's place.", show_default=False)] = None,
    workers: Workers = 0,
    scheduler: Scheduler = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and its time; nothing is done.")] = False,
    stored: Annotated[bool, typer.Option("--stored", help="Make all pages again from stored answers alone.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compare the network, its ablations and simpler rivals on the same splits and seeds: internal, external, adapted.

    Internal test, frozen external test (the primary one) and adaptation by folds of the external cases are three
    studies with a page each, never mixed; folds of all cases, sites left out and a learning curve come on demand.
    Interrupted at any point, the same command goes on where it stopped.
    What each contestant is, and what the presets do: docs/benchmark.md. Simulated figures are never clinical evidence.

    See it work:  onephase benchmark --preset quick --out benchmark

    On your cohort:  onephase benchmark prepared --external-site NAME --out benchmark

    How many cases help:  onephase benchmark prepared --learn-from 100 --learn-from 300 --out benchmark
    """
    from onephase.cli.places import refuse_bundle
    from onephase.evaluation.benchmarking.presets import preset_of
    from onephase.work.workers import count_of

    named = (prepared, settings, external_site, learn_from, covariate, without, seeds, folds, workers, scheduler)
    if stored and any((*named, preset != USUAL_PRESET, leave_sites_out, cross_validate, dry_run)):
        message = "--stored goes with --out alone: pages show what was run; for other runs, leave --stored out"
        raise typer.BadParameter(message)
    refuse_bundle(out)
    who = workers_of(workers, scheduler)
    if not stored:
        with a_word_of_the_command():
            chosen = preset_of(preset)
        design = replace(
            chosen.design,
            seeds=seeds or chosen.design.seeds,
            other_seeds=seeds or chosen.design.other_seeds,
            folds=folds or chosen.design.folds,
            external_sites=tuple(external_site or ()),
            leave_sites_out=leave_sites_out,
            cross_validate=cross_validate,
            sizes=tuple(learn_from or ()),
            without=(*chosen.design.without, *(without or ())),
        )
        chosen = replace(
            chosen,
            design=design,
            settings=chosen.settings if settings is None else settings_of(settings),
            covariates=tuple(covariate or (() if prepared else chosen.covariates)),
        )
        if dry_run:
            _say_plan(chosen, prepared or [], out, workers=count_of(who), as_json=as_json)
            return
    with TerminalProgress() as progress:
        if not stored:
            _run(chosen, prepared or [], out, workers=who, progress=progress)
        report = _report(out, progress)
    _say_report(report, out, as_json=as_json)


def _run(preset: "Preset", prepared: list[Path], out: Path, *, workers: "WhoWorks", progress: "Progress") -> None:
    from onephase.cohort.prepared import open_prepared
    from onephase.evaluation.benchmarking.benchmark import Benchmark, run_benchmark, unfinished
    from onephase.evaluation.benchmarking.duration import estimate
    from onephase.work.workers import count_of

    count = count_of(workers)
    folders = prepared or [_simulated(preset, out, workers=workers, progress=progress)]
    records = [record for folder in folders for record in open_prepared(folder).records]
    plan = _plan(preset, records)
    benchmark = Benchmark(out, tuple(folders), preset.settings, plan, preset.covariates)
    to_do = unfinished(benchmark)
    _say_duration(plan, to_do, estimate(plan, to_do, preset.settings, workers=count), workers=count)
    run_benchmark(benchmark, workers=workers, progress=progress)


def _simulated(preset: "Preset", out: Path, *, workers: "WhoWorks", progress: "Progress") -> Path:
    """Simulate the preset's cohort, check it, write its splits down and prepare it; what is there is kept."""
    from onephase.cohort.preparation import prepare
    from onephase.cohort.table import check_cohort, write_splits
    from onephase.errors import CohortError
    from onephase.simulation.cohort import simulate_cohort

    table = simulate_cohort(out / "cohort", preset=preset.simulation, seed=SEED, workers=workers, progress=progress)
    checked = check_cohort([table], preset.settings.split, progress=progress)
    if checked.errors:
        raise CohortError(str(checked.errors[0]))
    write_splits(checked)
    prepare([table], out / "prepared", preset.settings, workers=workers, progress=progress, strict=True)
    return out / "prepared"


def _plan(preset: "Preset", records: "Sequence[Record]") -> "Plan":
    from onephase.evaluation.benchmarking.plan import plan_benchmark
    from onephase.evaluation.contestants import rivals

    settings = preset.settings
    return plan_benchmark(
        records,
        preset.design,
        network=settings.network,
        others=tuple(rivals(preset.covariates)),
        seed=settings.split.seed,
    )


def _say_plan(preset: "Preset", prepared: list[Path], out: Path, *, workers: int, as_json: bool) -> None:
    """Print what would be run, and for how long; a simulated cohort need not be there yet."""
    from onephase.cohort.prepared import open_prepared
    from onephase.evaluation.benchmarking.benchmark import Benchmark, unfinished
    from onephase.evaluation.benchmarking.duration import estimate
    from onephase.evaluation.benchmarking.presets import simulated_records

    folders = prepared or ([out / "prepared"] if (out / "prepared" / "records.json").exists() else [])
    if folders:
        plan = _plan(preset, [record for folder in folders for record in open_prepared(folder).records])
        to_do = unfinished(Benchmark(out, tuple(folders), preset.settings, plan, preset.covariates))
    else:
        plan = _plan(preset, simulated_records(preset.simulation, preset.settings.split, seed=SEED))
        to_do = plan.runs
    duration = estimate(plan, to_do, preset.settings, workers=workers)
    if as_json:
        say_json({"plan": plan.to_json(), "to_do": [run.folder for run in to_do], "seconds": asdict(duration)})
        return
    if not prepared:
        say(f"SIMULATED: the cohort is the simulator's preset {preset.simulation}.")
    say_table(
        "Divisions of the cases",
        ["division", "train", "validate", "test", "for"],
        [
            [part.name, *(str(part.count(split)) for split in ("train", "validation")), str(part.tested()), name]
            for part in plan.parts
            for name in [" and ".join(part.tests)]
        ],
    )
    divisions = {" and ".join(part.tests): part.name for part in plan.parts}  # those of one study are alike
    counts = Counter((run.contestant, run.part) for run in plan.runs)
    say_table(
        "Trainings and fits in each division",
        ["contestant", *divisions],
        [
            [name, *(str(counts[name, part]) for part in divisions.values())]
            for name in dict.fromkeys(run.contestant for run in plan.runs)
        ],
    )
    _say_duration(plan, to_do, duration, workers=workers)


def _say_duration(plan: "Plan", to_do: "Sequence[Run]", duration: "Duration", *, workers: int) -> None:
    """Print how long what is to be done will take, and what that hangs on."""
    least, most = _hours(duration.least_s), _hours(duration.most_s)
    say(
        f"{len(to_do)} of {len(plan.runs)} runs are to be done: {least} with {workers} processes if no epoch is better "
        f"than the start, {most} if each training goes to its last epoch."
    )


def _report(out: Path, progress: "Progress") -> "BenchmarkReport":
    from onephase.evaluation.benchmarking.benchmark_report import write_report

    return write_report(out, progress=progress)


def _say_report(report: "BenchmarkReport", out: Path, *, as_json: bool) -> None:
    if as_json:
        say_json({name: study.to_json() for name, study in report.studies.items()})
        return
    from onephase.evaluation.benchmarking.overview import without_finding

    for name, study in report.apart.items():
        _say_simulated(study)
        say(study.protocol)
        _say_tables(report.summaries[name], report.seeds[name])
        for sentence in without_finding(report.without[name]):
            say(sentence)
    if report.curve:
        _say_simulated(next(iter(report.studies.values())))
        _say_tables(*report.curve)
    say(f"All runs together: {_hours(report.seconds)}; each: {out / 'timing.json'}")
    for name, page in report.pages.items():
        say(f"{name}:  {page}")
    say(f"All together:  {report.overview}")
    if report.left:
        say(f"Of an earlier plan, and no part of this one:  {', '.join(map(str, report.left))}")


def _say_simulated(study: "Study") -> None:
    if study.simulated:
        say(f"SIMULATED: {study.simulated} cases are simulated; their figures are never clinical evidence.")


def _say_tables(*tables: "Table") -> None:
    for table in tables:
        if table.rows:
            say_table(table.caption, list(table.columns), [list(row) for row in table.rows])


def _hours(seconds: float) -> str:
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 100 else f"{minutes / 60:.1f} h"  # noqa: PLR2004 - easier to read
