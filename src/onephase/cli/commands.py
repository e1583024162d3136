"""The commands of ``onephase``, one function each, and what ``--help`` says of them all."""

from typing import Annotated

import typer

from onephase.cli import answers, benchmark, cohorts, demo, export, imports, learn, node, power, probe, serve

app = typer.Typer(
    name="onephase",
    help="""Breast tumour biology (ER, PR, HER2, Ki-67, subtype) as one calibrated posterior,
    from one post-contrast MRI volume and a tumour outline.

    RESEARCH USE ONLY. Nothing here is a diagnosis. There is no lesion detection: you outline the tumour.

    The way of a cohort:  check -> prepare -> train -> evaluate -> predict.
    To see all of it on a simulated cohort:  onephase demo

    Exit codes: 0 done; 1 refused, or some of several cases failed, with a sentence each that says why;
    2 the command line was not understood; 70 a fault of ours; 130 interrupted.""",
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
app.command("export")(export.export)
app.command("train")(learn.train)
app.command("evaluate")(learn.evaluate)
app.command("benchmark")(benchmark.benchmark)
app.command("power")(power.power)
app.command("teach-phenotype")(learn.teach_phenotype)
app.command("predict")(answers.predict)
app.command("robustness")(probe.robustness)
app.command("explain")(probe.explain)
app.command("serve")(serve.serve)
app.command("node")(node.node)
app.command("worklist")(node.worklist)
