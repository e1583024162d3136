"""Commands that learn and measure: ``train``, ``evaluate``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from onephase.cli.options import (
    AsJson,
    Policy,
    PreparedFolders,
    SettingsFile,
    Workers,
    cores,
    policy_of,
    refuse_idle,
    settings_of,
)
from onephase.cli.terminal import TerminalProgress, say, say_json, say_table

if TYPE_CHECKING:
    from onephase.cohort.records import Split
    from onephase.evaluation.predictions import Predictions
    from onephase.evaluation.study import Study
    from onephase.settings import SubtypePolicy

USUAL_SPLIT = "test"
MAIN_TABLES = ("cases", "receptors", "ki67", "panel", "comparisons")


def train(
    prepared: PreparedFolders,
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the bundle.", show_default=False)],
    settings: SettingsFile = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last epoch of a broken run.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train the network on prepared cohorts; several train one model, whatever each has recorded.

    The loss is minus the log probability of what pathology wrote, so a missing label costs nothing and
    "HR positive" counts for what it says. Uses the splits train and validation; test is never touched.
    Writes a bundle: weights as safetensors, the exported network, calibration, settings, split, card.

    In several processes, which share each batch:
    torchrun --standalone --nproc-per-node 2 -m onephase.cli train PREPARED --out BUNDLE
    """
    from onephase.cli.places import refuse_bundle, refuse_foreign, refuse_no_folder
    from onephase.cohort.prepared import open_prepared
    from onephase.learning.device import leads
    from onephase.learning.train import train as train_bundle

    refuse_bundle(out.parent)
    refuse_no_folder(out)
    refuse_foreign(out, mark="bundle.json", kind="bundle")
    with TerminalProgress() as progress:
        bundle = train_bundle(
            [open_prepared(folder) for folder in prepared],
            settings_of(settings),
            out=out,
            resume=resume,
            progress=progress,
        )
    if not leads():
        return  # the leading process says it for all
    if as_json:
        say_json({"bundle": str(bundle)})
    else:
        say(f"Bundle: {bundle}")
        say(f"How good it is:  onephase evaluate {' '.join(map(str, prepared))} --bundle {bundle} --out evaluation")


def teach_phenotype(
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="The file to write.", show_default=False)],
    lessons: Annotated[int, typer.Option(min=100, help="Simulated lesions to learn from.")] = 24000,
    seed: Annotated[int, typer.Option(min=0, help="Of lesions and weights.")] = 2026,
    workers: Workers = 0,
    as_json: AsJson = False,
) -> None:
    """Teach the phenotype stage to see, on simulated lesions whose looks are known; no pathology is involved.

    The package carries a taught stage; teach anew after descriptors have changed. A sixth of the lessons is held out
    and tells how well each property is read.
    """
    from onephase.cli.places import refuse_bundle, refuse_no_file
    from onephase.learning.lessons import make_lessons
    from onephase.learning.phenotype import reading_skill
    from onephase.learning.phenotype import teach_phenotype as teach
    from onephase.network.phenotype import write_stage
    from onephase.simulation.version import SIMULATION_VERSION, source_sha256

    refuse_bundle(out)
    refuse_no_file(out)
    with TerminalProgress() as progress:
        made = make_lessons(lessons, seed=seed, workers=cores(workers), progress=progress)
        kept = lessons - lessons // 6
        stage = teach(made.take(slice(kept)), seed=seed, progress=progress)
    skill = reading_skill(stage, made.take(slice(kept, None)))
    facts = {
        "provenance": "simulated",
        "lessons": kept,
        "seed": seed,
        "simulation_version": SIMULATION_VERSION,
        "source_sha256": source_sha256(),
        "read_share_of_variance": skill,
    }
    write_stage(out, stage, facts=facts)
    if as_json:
        say_json({"stage": str(out), **facts})
        return
    say(f"Phenotype stage: {out}, taught on {kept} simulated lesions")
    title = f"Share of the variance that is read, {lessons - kept} other lessons (simulated)"
    say_table(title, ["property", "read"], [[name, f"{share:.2f}"] for name, share in skill.items()])


def evaluate(  # noqa: PLR0913 - one parameter for each option
    prepared: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PREPARED...", help="Folders that `onephase prepare` wrote.", show_default=False),
    ] = None,
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for page, tables, predictions.", show_default=False)],
    bundle: Annotated[
        Path | None, typer.Option("--bundle", "-b", help="Score this bundle on a split.", show_default=False)
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="With --bundle: test, external or validation.", show_default=USUAL_SPLIT)
    ] = None,
    folds: Annotated[
        int | None, typer.Option(min=2, help="Train anew for each fold of the patients.", show_default=False)
    ] = None,
    stored: Annotated[
        bool, typer.Option("--stored", help="Make page and tables again from the predictions in --out.")
    ] = False,
    settings: SettingsFile = None,
    policy: Policy = "",
    resume: Annotated[bool, typer.Option("--resume", help="With --folds: keep the folds that are finished.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say how good it is, honestly: every figure with its interval and n, beside prior, geometry and ceiling.

    Either a bundle on a split that it has not learned from (--bundle), or cross-validation (--folds 5), or
    the same page again from stored predictions (--stored). Writes evaluation.html, evaluation.json,
    tables/*.csv, figures/*.svg, methods.txt, model-card.md, checklist.json and the predictions.
    """
    if sum((bundle is not None, folds is not None, stored)) != 1:
        message = "choose one of --bundle BUNDLE, --folds N and --stored"
        raise typer.BadParameter(message)
    if settings is not None and folds is None:
        message = "--settings goes with --folds: bundles and what is stored have their own; --policy names another rule"
        raise typer.BadParameter(message)
    refuse_idle({"--split": split}, beside="--bundle", given=bundle)
    refuse_idle({"--resume": resume}, beside="--folds", given=folds)
    if stored == bool(prepared):
        message = (
            "--stored makes the page of what stands in --out: leave cohorts out"
            if stored
            else "name at least one folder that `onephase prepare` wrote"
        )
        raise typer.BadParameter(message)
    from onephase.cli.places import refuse_bundle
    from onephase.evaluation.pages.page import write_study
    from onephase.evaluation.predictions import read_predictions, write_predictions
    from onephase.evaluation.study import study_of

    refuse_bundle(out)
    named = policy_of(policy)
    folders = prepared or []
    if stored:
        predictions = read_predictions(out)
    elif bundle is not None:
        predictions = _held_out(bundle, folders, split=split or USUAL_SPLIT)
        write_predictions(out, predictions)
    else:
        assert folds is not None  # noqa: S101 - said above
        predictions = _folds(folders, folds=folds, out=out, settings=settings, resume=resume)
    study = study_of(predictions, policy=named or _rule_of(predictions, out))
    page = write_study(out, study, predictions)
    if as_json:
        say_json(study.to_json())
        return
    say_study(study)
    say(f"Page: {page}")


def _rule_of(predictions: "Predictions", folder: Path) -> "SubtypePolicy":
    """Return the subtype rule of the settings that answers were made with; a part of a study does not carry them."""
    if "settings" not in predictions.facts:
        message = f"the answers in {folder} are part of a study and do not say how subtypes are named: give --policy"
        raise typer.BadParameter(message)
    return cast("SubtypePolicy", predictions.facts["settings"]["subtype_policy"])


def _held_out(bundle: Path, folders: list[Path], *, split: str) -> "Predictions":
    from onephase.cohort.columns import SPLITS
    from onephase.cohort.prepared import open_prepared
    from onephase.evaluation.protocol import held_out
    from onephase.inference.bundle import load_bundle

    if split not in SPLITS or split == "train":
        message = f"--split must be test, external or validation, got {split!r}"
        raise typer.BadParameter(message)
    prepared = [open_prepared(folder) for folder in folders]
    return held_out(load_bundle(bundle), prepared, split=cast("Split", split))


def _folds(folders: list[Path], *, folds: int, out: Path, settings: Path | None, resume: bool) -> "Predictions":
    from onephase.cohort.prepared import open_prepared
    from onephase.evaluation.protocol import five_fold

    prepared = [open_prepared(folder) for folder in folders]
    with TerminalProgress() as progress:
        return five_fold(prepared, settings_of(settings), out=out, folds=folds, resume=resume, progress=progress)


def say_study(study: "Study") -> None:
    """Print the main tables of a study, and whether it is simulated."""
    from onephase.evaluation.pages.tables import tables_of

    if study.simulated:
        say(f"SIMULATED: {study.simulated} cases are simulated; their figures are never clinical evidence.")
    say(study.protocol)
    for table in tables_of(study):
        if table.name in MAIN_TABLES:
            say_table(table.caption, list(table.columns), [list(row) for row in table.rows])
