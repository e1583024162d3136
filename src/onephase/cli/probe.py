"""Commands that ask what an answer rests on: ``robustness``, ``explain``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onephase.cli.options import AsJson, Scheduler, Tables, Workers, workers_of
from onephase.cli.terminal import TerminalProgress, say, say_json

if TYPE_CHECKING:
    from onephase.evaluation.robustness.findings import Robustness

CASES = 100

BundleFolder = Annotated[Path, typer.Argument(metavar="BUNDLE", help="Folder of a trained model.", show_default=False)]
HowMany = Annotated[int, typer.Option(min=2, help="At most so many cases, drawn by the seed.")]
Seed = Annotated[int, typer.Option(min=0, help="Of every draw.")]


def robustness(  # noqa: PLR0913 - one parameter for each option
    bundle: BundleFolder,
    tables: Tables,
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for page, table, answers.", show_default=False)],
    cases: HowMany = CASES,
    seed: Seed = 1,
    workers: Workers = 0,
    scheduler: Scheduler = "",
    as_json: AsJson = False,
) -> None:
    """Say how far answers move, and what it costs, when a case is outlined or scanned otherwise.

    Outline tighter, wider, beside the lesion, a box; noise, receive field, gain, thicker slices; other phases of a
    real series; simulated cases at other times after contrast and at other sites. Reads the original files. Patients
    that the bundle has learned from are left out. Interrupted, the same command goes on: docs/robustness.md.

    Example:  onephase robustness demo/bundle demo/cohort/cohort.csv --out robustness
    """
    from onephase.cli.places import refuse_bundle
    from onephase.cohort.table import read_cohort
    from onephase.evaluation.robustness.robustness import measure_robustness
    from onephase.evaluation.robustness.robustness_page import write_robustness

    refuse_bundle(out)
    records = read_cohort(*tables, labelled=False).records
    with TerminalProgress() as progress:
        found = measure_robustness(
            bundle,
            records,
            out=out,
            cases=cases,
            seed=seed,
            workers=workers_of(workers, scheduler),
            progress=progress,
        )
    page = write_robustness(out, found)
    if as_json:
        say_json(found.to_json())
    else:
        _say_robustness(found)
        say(f"Page: {page}")
    if found.problems:
        raise typer.Exit(1)


def _say_robustness(found: "Robustness") -> None:
    from onephase.evaluation.robustness.robustness_page import as_given, what_changes_do

    _say_simulated(found.simulated, found.cases)
    for sentence in (*as_given(found), *what_changes_do(found)):
        say(sentence)


def explain(  # noqa: PLR0913 - one parameter for each option
    bundle: BundleFolder,
    tables: Tables,
    *,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for page, tables, figure, answers.", show_default=False)
    ],
    cases: HowMany = CASES,
    seed: Seed = 1,
    shuffled: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PREPARED",
            help="Also train on shuffled labels of what the bundle has learned from, prepared; repeatable.",
            show_default=False,
        ),
    ] = None,
    workers: Workers = 0,
    scheduler: Scheduler = "",
    as_json: AsJson = False,
) -> None:
    """Test what the explanations are worth: region weights, attention, occlusion, exchange of regions.

    Each is held against networks with random weights, against one that was trained on shuffled labels (--shuffled), and
    on simulated cohorts against the truth of which region carries which biomarker. Says which of them mean nothing.
    Reads the original files; patients that the bundle has learned from are left out. Interrupted, the same command goes
    on: docs/explanations.md.

    Example:  onephase explain demo/bundle demo/cohort/cohort.csv --out explanations
    """
    from onephase.cli.places import refuse_bundle
    from onephase.cohort.prepared import open_prepared
    from onephase.cohort.table import read_cohort
    from onephase.evaluation.drawn_cases import draw_cases
    from onephase.evaluation.explanations.checking import check_explanations
    from onephase.evaluation.explanations.explaining import SealedBundle
    from onephase.evaluation.explanations.explanation_page import verdicts, write_explanations
    from onephase.evaluation.explanations.shuffled_labels import train_on_shuffled
    from onephase.inference.bundle import load_bundle

    refuse_bundle(out)
    opened = load_bundle(bundle)
    records = draw_cases(opened, read_cohort(*tables, labelled=False).records, cases=cases, seed=seed)
    with TerminalProgress() as progress:
        misled = None
        if shuffled:
            prepared = [open_prepared(folder) for folder in shuffled]
            misled = train_on_shuffled(opened, prepared, out=out / "shuffled-bundle", seed=seed, progress=progress)
        found = check_explanations(
            SealedBundle(bundle, opened.identity),
            records,
            out=out,
            shuffled=misled,
            tasks=opened.settings.network.tasks,
            seed=seed,
            workers=workers_of(workers, scheduler),
            progress=progress,
        )
    page = write_explanations(out, found)
    if as_json:
        say_json(found.to_json())
    else:
        _say_simulated(found.simulated, found.cases)
        for sentence in (*found.problems, *verdicts(found)):
            say(sentence)
        say(f"Page: {page}")
    if found.problems:
        raise typer.Exit(1)


def _say_simulated(simulated: int, cases: int) -> None:
    if simulated:
        say(f"SIMULATED: {simulated} of {cases} cases; their figures are never clinical evidence.")
