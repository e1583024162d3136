"""The ``onephase`` command: one function for each command, and one place where errors become sentences."""

import sys
from typing import Annotated

import typer

from onephase.cli import answers, benchmark, cohorts, demo, imports, learn, power
from onephase.errors import OnephaseError

INTERRUPTED, OUR_FAULT = 130, 70
ON_INTERRUPTION = (
    "interrupted; nothing is half-written and what was finished is kept: "
    "start the same command again to go on (train and evaluate with --resume)"
)

app = typer.Typer(
    name="onephase",
    help="""Breast tumour biology (ER, PR, HER2, Ki-67, subtype) as one calibrated posterior,
    from one post-contrast MRI volume and a tumour outline.

    RESEARCH USE ONLY. Nothing here is a diagnosis. There is no lesion detection: you outline the tumour.

    The way of a cohort:  check -> prepare -> train -> evaluate -> predict.
    To see all of it on a simulated cohort:  onephase demo

    Exit codes: 0 done; 1 the input was refused, with one sentence that says why; 2 the command line was
    not understood; 70 a fault of ours; 130 interrupted.""",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # rich doubles the time of --help
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> bool:
    if wanted:
        from onephase import __version__

        typer.echo(f"onephase {__version__}")
        raise typer.Exit
    return wanted


@app.callback()
def _onephase(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    pass


app.command("demo")(demo.demo)
app.command("simulate")(cohorts.simulate)
app.command("import")(imports.import_)
app.command("check")(cohorts.check)
app.command("prepare")(cohorts.prepare)
app.command("train")(learn.train)
app.command("evaluate")(learn.evaluate)
app.command("benchmark")(benchmark.benchmark)
app.command("power")(power.power)
app.command("predict")(answers.predict)


def run() -> None:
    """Run the command line and leave with its exit code."""
    try:
        app()
    except OnephaseError as fault:
        print(f"onephase: {fault}", file=sys.stderr)
        sys.exit(fault.exit_code)
    except BrokenPipeError:
        sys.exit(INTERRUPTED)  # whoever read our output has left
    except BaseException as fault:  # the outermost shell
        if _was_interrupted(fault):
            print(f"onephase: {ON_INTERRUPTION}", file=sys.stderr)
            sys.exit(INTERRUPTED)
        if not isinstance(fault, Exception):
            raise  # the exit of a command
        import traceback

        traceback.print_exc()
        print("onephase: this is a fault of ours; please report the lines above", file=sys.stderr)
        sys.exit(OUR_FAULT)


def _was_interrupted(fault: BaseException | None) -> bool:
    """Tell whether Ctrl-C is behind a fault: typer turns it into an exit, a library that loads into an ImportError."""
    while fault is not None:
        if isinstance(fault, KeyboardInterrupt):
            return True
        fault = fault.__cause__ or fault.__context__
    return False
