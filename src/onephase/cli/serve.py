"""The command that opens the reader page: ``serve``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onephase.cli.options import USUAL_PHASE, Engine, PhaseRule, SegmentRule, SeriesRule, token_in
from onephase.cli.terminal import say
from onephase.inference.engine_name import USUAL_ENGINE

if TYPE_CHECKING:
    from onephase.inference.bundle import Bundle
    from onephase.service.web.cases import CaseList
    from onephase.service.web.similar import SimilarCases

PORT = 8471


def serve(  # noqa: PLR0913 - one parameter for each option
    *,
    bundle: Annotated[Path, typer.Option("--bundle", "-b", help="Folder of a trained model.", show_default=False)],
    cohort: Annotated[
        list[Path] | None,
        typer.Option(help="Cohort table whose rows make the work list; repeatable.", show_default=False),
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Store of a node whose studies make the work list.", show_default=False),
    ] = None,
    worklist: Annotated[
        str,
        typer.Option(
            metavar="URL", help="Database of its work list; SQLite in the store when left out.", show_default=False
        ),
    ] = "",
    series: SeriesRule = "",
    phase: PhaseRule = USUAL_PHASE,
    segment: SegmentRule = "",
    prepared: Annotated[
        Path | None,
        typer.Option(help="Prepared training cohort, to show similar cases from.", show_default=False),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; another than loopback needs a token.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = PORT,
    token_file: Annotated[
        Path | None,
        typer.Option(help="File with the token that every call must carry.", show_default=False),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="Further name under which the page is called; repeatable.", show_default=False),
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            help="Address of the page where a proxy stands before it, e.g. https://reader.example; repeatable.",
            show_default=False,
        ),
    ] = None,
    engine: Engine = USUAL_ENGINE,
    largest_upload_mb: Annotated[int, typer.Option(min=1, max=16384, help="Largest upload, in MB.")] = 1024,
) -> None:
    """Open the reader page: picture, posterior, and what the biopsy already said.

    It listens on this machine only, and keeps open cases in memory until they are closed. With --store give --series,
    --phase and --segment as the node was given them, so that both read the same. RESEARCH USE ONLY.

    Example:  onephase serve --bundle demo/bundle --cohort demo/cohort/cohort.csv --prepared demo/prepared
    """
    if cohort and store is not None:
        message = "give --cohort or --store, not both: the work list is the one or the other"
        raise typer.BadParameter(message)
    if store is None and (worklist or series or segment or phase != USUAL_PHASE):
        message = "--worklist, --series, --phase and --segment are for --store: give that of the node"
        raise typer.BadParameter(message)
    from onephase.inference.bundle import load_bundle
    from onephase.inference.prediction import RESEARCH_USE
    from onephase.service.web import server
    from onephase.service.web.desk import Desk
    from onephase.service.web.guard import LOOPBACK, Admission
    from onephase.service.web.reader import Reader

    token = token_in(token_file)
    server.refuse_open_door(host, token=token)
    opened = load_bundle(bundle, engine=engine)
    if store is None:
        cases = _cases(cohort or [], opened)
    else:
        cases = _studies(store, worklist, series=series, phase=phase, segment=segment)
    largest = largest_upload_mb * 1_000_000
    reader = Reader(Desk(opened), cases, _similar(prepared, opened), largest)
    admission = Admission((*LOOPBACK, host, *(allow_host or [])), tuple(allow_origin or []), token, largest)
    listening = server.listen(host, port)
    say(RESEARCH_USE)
    say(f"Reader page: {server.address_of(listening, token=token)}")
    say("Ctrl-C closes it; nothing that was opened is kept.")
    try:
        server.serve(reader, admission, listening=listening)
    except KeyboardInterrupt:
        say("closed")


def _cases(tables: list[Path], bundle: "Bundle") -> "CaseList":
    from onephase.cohort.table import read_cohort
    from onephase.service.web.cases import CohortList

    records = read_cohort(*tables, labelled=False).records if tables else ()
    return CohortList(records, split=bundle.split)


def _studies(store: Path, url: str, *, series: str, phase: str, segment: str) -> "CaseList":
    from onephase.service.node.reading import read_rules
    from onephase.service.node.store import Store
    from onephase.service.web.studies import StudyList
    from onephase.service.worklist.database import open_list_of
    from onephase.service.worklist.worklist import Worklist

    rules = read_rules(series=series, phase=phase, segment=segment)
    return StudyList(Worklist(open_list_of(store, url)), Store(store), rules=rules)


def _similar(prepared: Path | None, bundle: "Bundle") -> "SimilarCases | None":
    if prepared is None:
        return None
    from onephase.cohort.prepared import open_prepared, refuse_other_settings
    from onephase.service.web.similar import SimilarCases

    cohort = open_prepared(prepared)
    refuse_other_settings([cohort], bundle.settings, who="the bundle")
    return SimilarCases(cohort)
