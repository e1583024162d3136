"""The command for a copy that can be shared: ``export``."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onephase.cli.options import AsJson, Tables, Workers, cores
from onephase.cli.terminal import TerminalProgress, say, say_json
from onephase.cohort.export.form import Form

if TYPE_CHECKING:
    from onephase.cohort.export.exporting import Plan

JUDGE = "Voxels are as they were. Whether it can be shared is for a person to judge: docs/export.md"


def export(  # noqa: PLR0913 - one parameter for each option
    tables: Tables,
    *,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Folder of the copy.", show_default=False)],
    key: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Key of an earlier copy: the same names. This or --new-key.", show_default=False
        ),
    ] = None,
    new_key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Make a key in this file, and take it. This or --key.", show_default=False),
    ] = None,
    form: Annotated[Form, typer.Option("--format", help="What volumes and masks become.")] = Form.NIFTI,
    workers: Workers = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be copied; no key is needed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a copy of a cohort that can be shared: pseudonyms, no dates, no free text, headers written anew.

    Volumes and masks become NIfTI; with --format dicom, series of DICOM stay DICOM by the basic profile of
    PS3.15 and masks become DICOM SEG. The table keeps the columns and words that onephase knows. Every file
    is then searched for everything that the source is known by; where anything is found, nothing is kept.
    One of --new-key (the first copy) and --key (from then on) is needed, but for --dry-run.
    Keep the key: with it the same patients get the same names again, and without it nobody can tell them.

    RESEARCH USE. Voxels are copied as they are; a person must judge the copy before it is shared
    (docs/export.md says what remains).

    Examples:  onephase export cohort.csv --out shared --new-key ../cohort.key
               onephase export cohort.csv --out shared --key ../cohort.key --format dicom
    """
    from onephase.cli.places import refuse_bundle
    from onephase.cohort.export.exporting import plan_export, refuse_folder, write_copy
    from onephase.cohort.export.key_file import new_key_file
    from onephase.cohort.table import read_cohort

    refuse_bundle(out, new_key)
    refuse_folder(out)
    read_cohort(*tables, labelled=False)  # a table that cannot be used is told before a key that is missing
    secret = None if dry_run else _known_key(key, new_key, out=out)
    with TerminalProgress() as progress:
        plan = plan_export(tables, form=form, workers=cores(workers), progress=progress)
        with ExitStack() as undone:
            if new_key is not None and not dry_run:
                secret = new_key_file(new_key)
                undone.callback(new_key.unlink)  # what is refused leaves no key behind
            if secret is not None:
                write_copy(plan, out, key=secret, workers=cores(workers), progress=progress)
            undone.pop_all()
    _say_plan(plan, out=None if dry_run else out, as_json=as_json)


def _say_plan(plan: "Plan", *, out: Path | None, as_json: bool) -> None:
    if as_json:
        say_json({**plan.to_json(), "out": None if out is None else str(out)})
        return
    say(str(plan))
    if out is None:
        say("Nothing was written.")
    else:
        say(f"Copy: {out / 'cohort.csv'}; nothing of the source was found in it")
        say(JUDGE)


def _known_key(key: Path | None, new_key: Path | None, *, out: Path) -> bytes | None:
    """Return the key, or None where a new one may be made; neither file may lie in the copy."""
    from onephase.cohort.export.key_file import read_key_file, refuse_key_file
    from onephase.errors import ExportError

    given = [path for path in (key, new_key) if path is not None]
    if len(given) != 1:
        message = "give the key of the pseudonyms: --new-key FILE for the first copy, --key FILE from then on"
        raise ExportError(message)
    if out.resolve() in given[0].resolve().parents:
        message = f"the key would lie in the copy, {out}: keep it elsewhere"
        raise ExportError(message)
    if new_key is None:
        return read_key_file(given[0])
    refuse_key_file(new_key)
    return None
