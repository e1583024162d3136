"""``predict --cohort``: an answer for every row of some cohort tables."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from onephase.cli.options import policy_of
from onephase.cli.predict_options import doubt_of, refuse_idle_error
from onephase.cli.terminal import TerminalProgress, say, say_json
from onephase.inference.engine_name import EngineName

if TYPE_CHECKING:
    from onephase.work.workers import Workers as WhoWorks


def answer_cohort(  # noqa: PLR0913 - what the command was given
    bundle: Path,
    tables: list[Path],
    *,
    out: Path,
    policy: str,
    engine: EngineName,
    varied: tuple[int | None, float | None],
    workers: "WhoWorks",
    as_json: bool,
) -> None:
    """Answer for every row of some cohort tables, and say who could not be answered for.

    Args:
        bundle: Answers.
        tables: The cohort tables.
        out: Folder of the answers, one for each case, and of their index.
        policy: Name of the subtype rule; empty for the bundle's own.
        engine: Runs the network.
        varied: How many plausible outlines a case is answered over, and their error in mm.
        workers: Who works.
        as_json: Whether the answer is JSON, for machines.

    Raises:
        typer.Exit: With 1, if a case could not be answered for.
    """
    from contextlib import closing

    from onephase.cli.places import refuse_bundle, refuse_no_folder
    from onephase.cohort.table import read_cohort
    from onephase.inference.bundle import identity_of
    from onephase.inference.cohort_prediction import CohortRequest, predict_cohort
    from onephase.reports.html import write_index, write_report_into

    refuse_bundle(out)
    refuse_no_folder(out)
    records = read_cohort(*tables, labelled=False).records
    refuse_idle_error(varied[1], varied[0], masks_only=all(record.mask is not None for record in records))
    outlines, error_mm = doubt_of(*varied)
    request = CohortRequest(
        *(bundle, identity_of(bundle), out),
        policy=policy_of(policy),
        publish=write_report_into,
        engine=engine,
        outlines=outlines,
        error_mm=error_mm,
    )
    outcomes = []
    with TerminalProgress() as progress, closing(predict_cohort(request, records, workers=workers)) as predicted:
        progress("predict", 0, len(records))
        for outcome in predicted:
            outcomes.append(outcome)
            progress("predict", len(outcomes), len(records))
    write_index(outcomes, out / "index.html")
    failed = [outcome for outcome in outcomes if outcome.answer is None]
    if as_json:
        say_json(
            {
                "predicted": [outcome.case_id for outcome in outcomes if outcome.answer is not None],
                "skipped": [outcome.case_id for outcome in outcomes if outcome.skipped],
                "failures": {outcome.case_id: outcome.problem for outcome in failed},
            }
        )
    else:
        for outcome in failed:
            say(f"! {outcome.problem}")
        say(f"{len(outcomes) - len(failed)} of {len(outcomes)} cases predicted: {out / 'index.html'}")
    if failed:
        raise typer.Exit(1)
