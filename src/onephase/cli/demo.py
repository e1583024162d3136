"""``onephase demo``: the whole way on a simulated cohort, from nothing to a report."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onephase.cli.learn import say_study
from onephase.cli.options import Workers, cores
from onephase.cli.terminal import TerminalProgress, say

if TYPE_CHECKING:
    from onephase.cohort.records import Record
    from onephase.evaluation.predictions import Predictions
    from onephase.progress import Progress
    from onephase.settings import Settings

CASES, EPOCHS = 660, 4
SPLIT = {"train": 0.6, "validation": 0.1, "test": 0.3}
"""More test cases than 7:1:2 has, for the demo has few in all and its figures need intervals that say something."""
DEMO_SIZE = {
    "imaging": {"spacing_mm": 2.0, "patch_voxels": (36, 36, 36)},
    "network": {"widths": (8, 16, 32), "scales": (0, 1, 2)},
}
"""Coarser and narrower than the defaults, so that two cores finish in minutes."""


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder that is left behind.")] = Path("demo"),
    *,
    cases: Annotated[int, typer.Option(min=20, help="Number of simulated cases.")] = CASES,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of training at the most.")] = EPOCHS,
    seed: Annotated[int, typer.Option(min=0, help="Seed of cohort and training.")] = 1,
    workers: Workers = 0,
) -> None:
    """Walk the whole way on a simulated cohort: simulate, check, prepare, train, evaluate, predict, report.

    Under 4 minutes on 2 cores. Leaves OUT/cohort/cohort.csv, OUT/bundle, OUT/evaluation and OUT/report.html.
    Interrupted, it goes on where it stopped. Everything in it is SIMULATED, never clinical evidence.
    """
    from onephase.settings import Settings

    settings = Settings.model_validate(
        {**DEMO_SIZE, "learning": {"epochs": epochs, "seed": seed}, "split": {**SPLIT, "seed": seed}}
    )
    with TerminalProgress() as progress:
        predictions, record = _whole_way(
            out, settings, cases=cases, seed=seed, workers=cores(workers), progress=progress
        )
    _say_figures(out, predictions, settings)
    say(f"One test case ({record.case_id}):  {out / 'report.html'}")
    say(f"All figures:  {out / 'evaluation' / 'evaluation.html'}")
    say(f"Bundle:  {out / 'bundle'}")


def _whole_way(
    out: Path, settings: "Settings", *, cases: int, seed: int, workers: int, progress: "Progress"
) -> "tuple[Predictions, Record]":
    """Simulate, check, prepare, train, let every contestant answer for the test split, and report one case."""
    from onephase.cohort.case_of import case_of
    from onephase.cohort.preparation import prepare
    from onephase.cohort.table import check_cohort, write_splits
    from onephase.errors import CohortError
    from onephase.evaluation.predictions import write_predictions
    from onephase.evaluation.protocol import held_out
    from onephase.inference.bundle import load_bundle
    from onephase.inference.predict import predict
    from onephase.inference.prediction import PREDICTION_NAME
    from onephase.learning.train import train
    from onephase.reports.html import REPORT_NAME, write_report
    from onephase.simulation.cohort import simulate_cohort
    from onephase.storage import write_json

    table = simulate_cohort(out / "cohort", cases=cases, seed=seed, workers=workers, progress=progress)
    checked = check_cohort([table], settings.split, progress=progress)
    if checked.errors:
        raise CohortError(str(checked.errors[0]))
    write_splits(checked)
    prepared = prepare([table], out / "prepared", settings, workers=workers, progress=progress, strict=True)
    bundle = load_bundle(train([prepared], settings, out=out / "bundle", resume=True, progress=progress))
    predictions = held_out(bundle, [prepared], split="test")
    write_predictions(out / "evaluation", predictions)
    record = predictions.records[0]
    prediction = predict(bundle, case_of(record))
    write_json(out / PREDICTION_NAME, prediction.to_json())
    write_report(prediction, out / REPORT_NAME)
    return predictions, record


def _say_figures(out: Path, predictions: "Predictions", settings: "Settings") -> None:
    from onephase.evaluation.pages.page import write_study
    from onephase.evaluation.study import study_of

    study = study_of(predictions, policy=settings.subtype_policy)
    write_study(out / "evaluation", study, predictions)
    say_study(study)
