"""Options that several commands share, worded once."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer

from onephase.inference.engine_name import EngineName

if TYPE_CHECKING:
    from onephase.settings import Settings, SubtypePolicy
    from onephase.work.workers import Workers as WhoWorks

SettingsFile = Annotated[
    Path | None,
    typer.Option(
        "--settings",
        "-s",
        help="TOML file; what it leaves out has its default: settings.toml. Or a bundle: its own.",
        show_default=False,
    ),
]
Tables = Annotated[
    list[Path], typer.Argument(metavar="COHORT.csv...", help="Cohort tables, one row a lesion.", show_default=False)
]
PreparedFolders = Annotated[
    list[Path], typer.Argument(metavar="PREPARED...", help="Folders that `onephase prepare` wrote.", show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as JSON, for machines.")]
Workers = Annotated[int, typer.Option("--workers", "-j", min=0, help="Processes; 0 takes every core.")]
Scheduler = Annotated[
    str,
    typer.Option(
        metavar="ADDRESS",
        help="Work on a running Dask cluster instead of --workers: tcp://host:8786, or the file that "
        "`dask scheduler --scheduler-file` wrote. All machines need the same files under the same paths.",
        show_default=False,
    ),
]
SeriesRule = Annotated[
    str, typer.Option(metavar="PATTERN", help="Regular expression that the series description must hold, in any case.")
]
PhaseRule = Annotated[str, typer.Option(help="first-post, or a number counted from 1.")]
USUAL_PHASE = "first-post"
Engine = Annotated[
    EngineName,
    typer.Option(help="Library that runs the network; openvino opens slower, runs faster, and needs the extra 'fast'."),
]
Policy = Annotated[
    str,
    typer.Option(
        help="Subtype rule: ki67_14, ki67_20 or maisonneuve; when left out, that of the bundle, settings or answers."
    ),
]
SegmentRule = Annotated[str, typer.Option(help="Number or label of the tumour's segment, where outlines hold several.")]


@contextmanager
def a_word_of_the_command() -> Iterator[None]:
    """Turn the refusal of a name into what a command line is answered with that is not understood: exit code 2."""
    from onephase.errors import OnephaseError

    try:
        yield
    except OnephaseError as fault:
        raise typer.BadParameter(str(fault)) from None


def refuse_idle(options: Mapping[str, object], *, beside: str, given: object) -> None:
    """Refuse options that would change nothing, because the one that they go with is not given.

    Args:
        options: By name; None or False where they were left out.
        beside: Name of the one that they go with.
        given: Its value, None where it was left out.
    """
    for name, value in options.items():
        if given is None and value is not None and value is not False:
            message = f"{name} goes with {beside}, and changes nothing without it"
            raise typer.BadParameter(message)


def policy_of(name: str) -> "SubtypePolicy | None":
    """Return the subtype rule of a name; None where none was named."""
    if not name:
        return None
    from onephase.settings import SubtypePolicy

    if name in get_args(SubtypePolicy):
        return cast("SubtypePolicy", name)
    message = f"{name!r} is no subtype policy: choose from {', '.join(get_args(SubtypePolicy))}"
    raise typer.BadParameter(message)


def cores(workers: int) -> int:
    """Return how many processes are meant; 0 is every core that this process may use."""
    import os

    return workers or len(os.sched_getaffinity(0))


def workers_of(workers: int, scheduler: str) -> "WhoWorks":
    """Return who works: a cluster where a scheduler is named, else processes of this machine."""
    from onephase.work.cluster import Cluster

    return Cluster(scheduler) if scheduler else cores(workers)


def settings_of(path: Path | None) -> "Settings":
    """Return the settings of a file, or every default."""
    from onephase.settings import Settings, read_settings

    return Settings() if path is None else read_settings(path)


def token_in(path: Path | None) -> str:
    """Return the token in a file, one line of text; empty where no file is named."""
    from onephase.errors import SettingsError

    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as fault:
        message = f"the token file {path} cannot be read ({fault}): write the token into it, one line of text"
        raise SettingsError(message) from None
