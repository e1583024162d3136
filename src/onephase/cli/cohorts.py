"""Commands for cohorts: ``simulate``, ``check``, ``prepare``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onephase.cli.options import AsJson, Scheduler, SettingsFile, Tables, Workers, cores, settings_of, workers_of
from onephase.cli.terminal import TerminalProgress, say, say_json, say_table

if TYPE_CHECKING:
    from onephase.cohort.counts import GroupCount
    from onephase.cohort.quality.quality import Quality
    from onephase.cohort.table import CheckResult
    from onephase.progress import Progress
    from onephase.settings import Settings
    from onephase.work.workers import Workers as WhoWorks


def simulate(
    out: Annotated[Path, typer.Argument(metavar="DIR", help="Folder for the cohort.", show_default=False)],
    *,
    preset: Annotated[
        str,
        typer.Option(
            help="demo: 360 cases of two sites; paper: 886 and 74 external; quick: 200 and 40 external; "
            "mixed: 600, one site has HR only."
        ),
    ] = "demo",
    cases: Annotated[
        int | None, typer.Option(min=1, help="Number of cases; the preset's own when left out.", show_default=False)
    ] = None,
    site: Annotated[
        list[str] | None, typer.Option(help="Take the internal cases from this site; repeatable.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another cohort.")] = 1,
    workers: Workers = 0,
) -> None:
    """Write a simulated cohort with a known ceiling: ordinary images, masks and cohort.csv.

    For tests, the demo, benchmarks and power analysis. NEVER CLINICAL EVIDENCE (docs/simulation.md).
    Interrupted, it goes on where it stopped.

    Example:  onephase simulate cohort --cases 300
    """
    from onephase.cli.places import refuse_bundle, refuse_foreign, refuse_no_folder

    refuse_bundle(out)
    refuse_no_folder(out)
    refuse_foreign(out, mark="simulation.json", kind="simulated cohort")
    from onephase.simulation.cohort import simulate_cohort

    with TerminalProgress() as progress:
        table = simulate_cohort(
            out, preset=preset, cases=cases, sites=site or (), seed=seed, workers=cores(workers), progress=progress
        )
    say(f"SIMULATED cohort: {table}")
    say(f"Check it:  onephase check {table}")


def check(  # noqa: PLR0913 - one parameter for each option
    tables: Tables,
    *,
    settings: SettingsFile = None,
    headers: Annotated[bool, typer.Option(help="Also read the header of every image and mask.")] = True,
    write: Annotated[bool, typer.Option(help="Write drawn splits down beside the table.")] = True,
    images: Annotated[
        bool, typer.Option("--images", help="Also look at every lesion: flags, and a contact sheet in --out.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="PAGE.html",
            help="With --images: the page; the same as .csv beside. quality.html when left out.",
            show_default=False,
        ),
    ] = None,
    workers: Workers = 0,
    scheduler: Scheduler = "",
    as_json: AsJson = False,
) -> None:
    """Say everything that is wrong with cohort tables, before any work; count labels; draw splits.

    Splits that the table does not say are drawn by patient, stratified, and written to
    COHORT.splits.csv beside it; the table itself is never changed. The columns: docs/cohort-table.md.

    With --images, every lesion is read and shown with its outline on a page that sorts and filters, and what is
    doubtful about it is flagged (docs/quality.md). A flag is a question: it leaves nothing out; but one image in two
    splits is wrong until somebody accepts it.

    Exit code 1 where something is wrong.
    """
    from onephase.cohort.table import check_cohort, write_splits

    page = out or Path("quality.html")
    if images:
        _refuse_page(page, tables)
    elif scheduler or out:
        message = (
            "--scheduler is for --images: a table alone is checked by this process"
            if scheduler
            else "--out is for --images: it is the page with every lesion; add --images, or leave --out away"
        )
        raise typer.BadParameter(message)
    chosen = settings_of(settings)
    with TerminalProgress() as progress:
        result = check_cohort(tables, chosen.split, policy=chosen.subtype_policy, headers=headers, progress=progress)
    written = write_splits(result) if write and not result.errors else ()
    if not as_json:
        _say_check(result)
        for path in written:
            say(f"Splits written to {path}")
    quality = _looked_at(result, page, chosen, workers_of(workers, scheduler)) if images and not result.errors else None
    if as_json:
        say_json(result.to_json() if quality is None else {**result.to_json(), "quality": quality.to_json()})
    elif quality is not None:
        _say_quality(quality)
        say(f"Page: {page}  (the same as a table: {page.with_suffix('.csv')})")
    if result.errors or (quality is not None and quality.across_splits()):
        raise typer.Exit(1)


def _refuse_page(page: Path, tables: list[Path]) -> None:
    """Refuse a page that is none, cannot be written, or would replace a cohort table by the table beside it."""
    from onephase.cli.places import refuse_bundle, refuse_no_file

    beside = page.with_suffix(".csv") if page.name else page
    replaced = [table for table in tables if table.resolve() in (page.resolve(), beside.resolve())]
    if replaced or page.suffix.lower() != ".html":
        what = f"page and table would be written over {replaced[0]}" if replaced else f"{page} does not end in .html"
        message = f"{what}: name another page, such as --out looked-at.html"
        raise typer.BadParameter(message, param_hint="--out")
    refuse_bundle(page)
    refuse_no_file(page)
    refuse_no_file(beside)


def _looked_at(result: "CheckResult", out: Path, settings: "Settings", workers: "WhoWorks") -> "Quality":
    from onephase.cohort.quality.quality import look_at_cohort
    from onephase.reports.quality import write_quality

    with TerminalProgress() as progress:
        quality = look_at_cohort(result, settings.imaging, workers=workers, progress=progress)
    write_quality(quality, out)
    return quality


def _say_quality(quality: "Quality") -> None:
    from onephase.cohort.quality.flag import FLAGS

    rows = [[name, FLAGS[name], str(doubted), str(accepted)] for name, (doubted, accepted) in quality.counts().items()]
    if rows:
        say_table(f"Flags of {len(quality.cases)} lesions", ["flag", "", "cases", "accepted"], rows)
    else:
        say(f"No flag on any of {len(quality.cases)} lesions.")
    across = quality.across_splits()
    if across:
        say_table(
            "One image in two splits: what is learned from would be tested",
            ["case", ""],
            list(map(list, across.items())),
        )


def _say_check(result: "CheckResult") -> None:
    from onephase.cohort.membership import NAMES

    if result.problems:
        say_table(
            f"Problems: {len(result.errors)}, warnings: {len(result.warnings)}",
            ["", "cohort", "case", "column", "problem", "fix"],
            [
                [problem.severity, problem.cohort, problem.case, problem.column, problem.problem, problem.fix]
                for problem in result.problems
            ],
        )
    if result.counts:
        say_table("What the cohorts hold", *counts_table(result.counts))
        say(COUNTED)
    if result.by_membership:
        rows = [[NAMES[label], one.text(), f"{one.n}, {one.events}"] for label, one in result.by_membership.items()]
        say_table("AUC of cohort and site alone, without any image", ["label", "AUC", "cases, positive"], rows)
    say("Nothing is wrong." if not result.errors else "Nothing was done. Mend the problems and check again.")


COUNTED = (
    "+ and -: positive and negative, Ki-67 from 20 % on; part: something is recorded that decides neither, such as 2+ "
    "without ISH, or HR alone for ER; missing: nothing is."
)


def counts_table(counts: "tuple[GroupCount, ...]") -> tuple[list[str], list[list[str]]]:
    """Return header and rows of label counts: positive / negative / partly known / missing."""
    labels = [label.label for label in counts[0].labels] if counts else []
    header = ["cohort", "split", "lesions", "patients", *(f"{label} +/-/part/missing" for label in labels)]
    rows = [
        [
            count.cohort,
            count.split,
            str(count.lesions),
            str(count.patients),
            *(f"{label.positive}/{label.negative}/{label.partial}/{label.missing}" for label in count.labels),
        ]
        for count in counts
    ]
    return header, rows


def prepare(  # noqa: PLR0913 - one parameter for each option
    tables: Tables,
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the prepared patches.", show_default=False)],
    settings: SettingsFile = None,
    workers: Workers = 0,
    scheduler: Scheduler = "",
    memory: Annotated[
        str,
        typer.Option(
            metavar="SIZE",
            help="Memory of all processes together, such as 4GB: as many work as fit, told by the headers.",
            show_default=False,
        ),
    ] = "",
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first case that fails.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, how long and how large.")] = False,
    as_json: AsJson = False,
) -> None:
    """Cut every lesion of the tables into a patch of fixed physical size, once, for training and evaluation.

    Killed at any point and started again, it ends in the same bytes. A case that fails is reported, the
    others go on, and the exit code is 1.
    """
    from onephase.cli.places import refuse_bundle, refuse_foreign

    refuse_bundle(out)
    refuse_foreign(out, mark="store.json", kind="prepared cohort")
    chosen, who = settings_of(settings), workers_of(workers, scheduler)
    if memory:
        with TerminalProgress() as progress:
            who = _within(memory, tables, out, chosen, workers=who, progress=progress)
    if dry_run:
        from onephase.cohort.estimate import estimate_preparation
        from onephase.work.workers import count_of

        estimate = estimate_preparation(tables, out, chosen, workers=count_of(who))
        say_json(estimate.to_json()) if as_json else say(str(estimate))
        return
    from onephase.cohort.preparation import prepare as prepare_cohort

    with TerminalProgress() as progress:
        prepared = prepare_cohort(tables, out, chosen, workers=who, progress=progress, strict=strict)
    say_json(prepared.to_json()) if as_json else say(str(prepared))
    if prepared.failures:
        raise typer.Exit(1)


def _within(
    memory: str, tables: list[Path], out: Path, settings: "Settings", *, workers: "WhoWorks", progress: "Progress"
) -> int:
    """Return how many processes fit into memory, and say so on standard error, as progress is."""
    from pydantic import ByteSize, TypeAdapter, ValidationError

    from onephase.cohort.memory import plan_memory

    if not isinstance(workers, int):
        message = "--memory is for processes of this machine; on a cluster say dask worker --memory-limit"
        raise typer.BadParameter(message)
    try:
        bound = int(TypeAdapter(ByteSize).validate_python(memory))
    except ValidationError:
        message = f"--memory {memory} is no size: write it like 4GB or 500MiB"
        raise typer.BadParameter(message) from None
    plan = plan_memory(tables, out, settings, bound_bytes=bound, workers=workers, progress=progress)
    typer.echo(str(plan), err=True)
    return plan.workers
