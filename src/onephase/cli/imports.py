"""The command for downloaded sets and exports: ``import``."""

from pathlib import Path
from typing import Annotated

import typer

from onephase.cli.options import AsJson, a_word_of_the_command
from onephase.cli.terminal import TerminalProgress, say, say_json


def import_(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Which set; see above.", show_default=False)],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The set as downloaded.", show_default=False)],
    *,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="COHORT.csv", help="The table to write.", show_default=False)
    ],
    choices: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="NAME=VALUE",
            help="Such as er=ER_status; names: docs/import.md; repeatable.",
            show_default=False,
        ),
    ] = None,
    without: Annotated[
        list[Path] | None,
        typer.Option(metavar="OTHER.csv", help="Leave out patients of this table; repeatable.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Turn a downloaded public set, or a hospital export, into a checked cohort table.

    SOURCE is one of: duke, mama-mia, breastdcedl, ispy1, ispy2, nact-pilot, ambl, tcga-brca (public sets),
    folder (cases with a table), dicom-study (DICOM studies with outlines and a table), nnunet (its predictions as
    masks, and a table).

    Says what was found, used and left out and why, under which licence the set stands and what its labels
    mean, and writes that beside the table (COHORT.source.json, COHORT.source.md). A part of a set will do.
    What does not fit the set as documented stops the import. docs/import.md tells each source's traps.

    Example:  onephase import mama-mia MAMA-MIA --out mama-mia/cohort.csv
              onephase prepare mama-mia/cohort.csv --out prepared

    Exit code 1 where the table that was written cannot be used as it is.
    """
    from onephase.cohort.sources.importing import import_cohort
    from onephase.cohort.sources.known import source_named
    from onephase.cohort.sources.source import Download

    with a_word_of_the_command():
        chosen = source_named(source)
    with TerminalProgress() as progress:
        download = Download(folder, out, _pairs(choices or []), progress)
        done = import_cohort(chosen, download, without=without or (), progress=progress)
    if as_json:
        say_json(done.record.to_json() | {"problems": [problem.to_json() for problem in done.check.problems]})
    else:
        for line in done.record.lines():
            say(line)
        for problem in done.check.problems:
            say(f"{problem.severity}: {problem}")
        say(f"Cohort table: {out}")
        if not done.check.errors:
            say(f"Prepare it:  onephase prepare {out} --out prepared")
    if done.check.errors:
        raise typer.Exit(1)


def _pairs(choices: list[str]) -> dict[str, str]:
    """Return NAME=VALUE texts as a mapping, or say which one is none."""
    pairs: dict[str, str] = {}
    for choice in choices:
        name, equals, value = choice.partition("=")
        if not equals or not name.strip() or not value or name.strip() in pairs:
            message = f"--map {choice!r}: expected NAME=VALUE, each name once, such as er=ER_status"
            raise typer.BadParameter(message)
        pairs[name.strip()] = value
    return pairs
