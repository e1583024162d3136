"""The commands around a PACS: ``node`` and ``worklist``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from onephase.cli.options import USUAL_PHASE, AsJson, Engine, PhaseRule, SegmentRule, SeriesRule, token_in
from onephase.cli.terminal import say, say_json, say_table
from onephase.inference.engine_name import USUAL_ENGINE
from onephase.reports.object_kind import ObjectKind

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event

    from onephase.service.node.intake import Intake
    from onephase.service.node.pull import Pull
    from onephase.service.node.tls import Credentials
    from onephase.service.worklist.worklist import Entry, Worklist

MEGABYTE = 1 << 20
SixNumbers: TypeAlias = tuple[float, float, float, float, float, float]

StoreFolder = Annotated[
    Path, typer.Option("--store", metavar="DIR", help="Folder for what is received and made; shared by all nodes.")
]
WorklistUrl = Annotated[
    str,
    typer.Option(
        "--worklist",
        metavar="URL",
        help="Database of the work list, such as postgresql+psycopg://...; SQLite in the store when left out.",
        show_default=False,
    ),
]


def node(  # noqa: PLR0913 - one parameter for each option
    *,
    bundle: Annotated[Path, typer.Option(help="Folder of a trained model.", show_default=False)],
    store: StoreFolder,
    forward: Annotated[
        str, typer.Option(metavar="URL-or-AE", help="Archive: http(s)://HOST/dicom-web, or AE@HOST:PORT.")
    ],
    allow: Annotated[
        list[str],
        typer.Option(metavar="AE@ADDRESS", help="Who may send: AE@10.0.0.7, *@10.0.0.0/24; repeatable."),
    ],
    ae: Annotated[str, typer.Option(help="Our AE title.")] = "ONEPHASE",
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="DICOM port; 0 chooses a free one.")] = 11112,
    metrics_port: Annotated[int, typer.Option(min=0, max=65535, help="/metrics and /health, on loopback.")] = 9112,
    worklist: WorklistUrl = "",
    series: SeriesRule = "",
    phase: PhaseRule = USUAL_PHASE,
    segment: SegmentRule = "",
    quiet_s: Annotated[float, typer.Option(min=0, help="Complete when nothing has come for so long.")] = 30.0,
    patience_s: Annotated[
        float, typer.Option(min=0, help="Complete after so long even with instances missing.")
    ] = 3600.0,
    pull: Annotated[
        str, typer.Option(metavar="URL", help="DICOMweb root to fetch studies from; needs --pull-query.")
    ] = "",
    pull_query: Annotated[
        str,
        typer.Option(
            help="QIDO query of these studies, such as StudyDate=20261125-&ModalitiesInStudy=MR; needs --pull."
        ),
    ] = "",
    pull_every_s: Annotated[float, typer.Option(min=1, help="How often the archive is asked for more.")] = 30.0,
    tls_cert: Annotated[
        Path | None, typer.Option(help="Our certificate, PEM: associations use TLS, and the archive is shown it.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its key, PEM.")] = None,
    tls_ca: Annotated[Path | None, typer.Option(help="Authorities that vouch for senders, PEM.")] = None,
    forward_ca: Annotated[
        Path | None, typer.Option(help="Authorities that vouch for the archive, PEM; C-STORE then uses TLS.")
    ] = None,
    token_file: Annotated[Path | None, typer.Option(help="File with a bearer token for DICOMweb.")] = None,
    send: Annotated[
        list[ObjectKind],
        typer.Option(help="Kinds of object to send, for an archive that does not take all; repeatable."),
    ] = [*ObjectKind],  # noqa: B006 - never changed
    max_associations: Annotated[int, typer.Option(min=1, help="Open at once.")] = 10,
    max_pdu: Annotated[int, typer.Option(help="Largest PDU, 4096 to 1048576 bytes.")] = 65536,
    max_object_mb: Annotated[int, typer.Option(min=1, help="Largest instance; it is in memory while it comes.")] = 512,
    timeout_s: Annotated[float, typer.Option(min=0.1, help="How long a peer may be silent.")] = 30.0,
    engine: Engine = USUAL_ENGINE,
    lease_s: Annotated[float, typer.Option(min=1, help="After so long the study of a dead node is taken over.")] = 60.0,
) -> None:
    """Receive studies, predict them and send result objects to an archive, until SIGTERM.

    A study needs a post-contrast series and an outline (SEG, RTSTRUCT) of its tumour; without one it waits on the work
    list for a box. RESEARCH USE ONLY. See docs/node.md.

    Example:  onephase node --bundle demo/bundle --store node --allow '*@127.0.0.1' --forward ORTHANC@127.0.0.1:4242
    """
    import socket

    from onephase.inference.bundle import load_bundle
    from onephase.service.node.destination import destination_of
    from onephase.service.node.journal import keep_journal
    from onephase.service.node.limits import Limits, read_ae, read_peer
    from onephase.service.node.node import Place, run_node
    from onephase.service.node.reading import read_rules
    from onephase.service.node.store import Store
    from onephase.service.node.tls import Credentials, tls_of
    from onephase.service.node.work import Work

    our_ae = read_ae(ae, option="--ae")
    rules = read_rules(series=series, phase=phase, segment=segment)
    limits = Limits(
        tuple(map(read_peer, allow)),
        associations=max_associations,
        pdu_bytes=max_pdu,
        object_bytes=max_object_mb * MEGABYTE,
        timeout_s=timeout_s,
    )
    tls = tls_of(tls_cert, tls_key, tls_ca)
    ours = None if tls_cert is None else (tls_cert, tls_key or tls_cert)
    credentials = Credentials(token_in(token_file), forward_ca, ours)
    destination = destination_of(forward, our_ae=our_ae, credentials=credentials, timeout_s=timeout_s)
    fetch = _pull(pull, pull_query, credentials=credentials, timeout_s=timeout_s)
    stop = _stop_on_signals()
    keep_journal()
    work = Work(
        worklist=_made_worklist(store, worklist),
        store=Store(store),
        bundle=load_bundle(bundle, engine=engine),
        rules=rules,
        destination=destination,
        node=socket.gethostname(),
        lease_s=lease_s,
        kinds=send,
    )
    run_node(
        work,
        Place(our_ae, host, port, metrics_port, quiet_s=quiet_s, patience_s=patience_s, pull_every_s=pull_every_s),
        limits,
        tls=tls,
        pull=fetch,
        stop=stop,
    )


def worklist(  # noqa: PLR0913 - one parameter for each option
    *,
    store: StoreFolder,
    url: WorklistUrl = "",
    study: Annotated[str, typer.Option(help="Begin of a study's key: answer for it.", show_default=False)] = "",
    box: Annotated[
        SixNumbers | None,
        typer.Option(metavar="C0 C1 R0 R1 S0 S1", help="Box around its tumour, as of `predict`.", show_default=False),
    ] = None,
    phase: Annotated[
        str, typer.Option(help="Which phase to read: first-post, or a number counted from 1.", show_default=False)
    ] = "",
    again: Annotated[bool, typer.Option("--again", help="Predict it again as it is.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the studies of a node; with --study, say where the tumour of one is, and have it predicted (again).

    A box counts for the images that are there: when others come, the study waits for a box anew.

    Example:  onephase worklist --store node --study 3f9a --box 80 110 95 125 25 36
    """
    answer = {"--box": box, "--phase": phase, "--again": again}
    given = [option for option, value in answer.items() if value]
    if given and not study:
        message = f"{' and '.join(given)} {'needs' if len(given) == 1 else 'need'} --study: say which study is meant"
        raise typer.BadParameter(message)
    if study and not given:
        message = "with --study give --box, --phase, both, or --again"
        raise typer.BadParameter(message)
    from onephase.service.worklist.database import open_list_of
    from onephase.service.worklist.worklist import Worklist

    said = _said(box, phase)
    opened = Worklist(open_list_of(store, url))
    if study:
        opened.answer(_only(opened, study).key, **said)
    entries = opened.entries()
    if as_json:
        say_json([_told(entry) for entry in entries])
        return
    say_table("Studies", ["study", "state", "at work", "problem"], [_row(entry) for entry in entries])
    say(f"{len(entries)} studies")


def _said(box: SixNumbers | None, phase: str) -> dict[str, Any]:
    """Return what a person said, as the list keeps it; what can be no box and no phase of any study is refused."""
    from onephase.imaging.case import Box
    from onephase.readers.phase import refuse_no_phase

    said: dict[str, Any] = {}
    if box is not None:
        Box(box[0:2], box[2:4], box[4:6])
        said["box"] = list(box)
    if phase:
        refuse_no_phase(phase)
        said["phase"] = phase
    return said


def _made_worklist(store: Path, url: str) -> "Worklist":
    """Return the list of a node, made with the folder of its store where they are missing."""
    from onephase.service.worklist.database import database_in, open_database
    from onephase.service.worklist.worklist import Worklist
    from onephase.storage import write_faults

    with write_faults(store):
        store.mkdir(parents=True, exist_ok=True)
    return Worklist(open_database(url or database_in(store)))


def _only(opened: "Worklist", study: str) -> "Entry":
    from onephase.errors import StorageError

    found = [entry for entry in opened.entries() if entry.key.startswith(study)]
    if len(found) != 1:
        message = f"{len(found)} studies have a key that begins with {study!r}: give more of it, or look at the list"
        raise StorageError(message)
    return found[0]


def _told(entry: "Entry") -> dict[str, object]:
    return {
        "study": entry.key,
        "state": entry.state,
        "at_work": entry.held,
        "changed": entry.changed,
        "attempts": entry.attempts,
        "deaths": entry.deaths,
        "problem": entry.problem,
        "answer": dict(entry.answer),
    }


def _row(entry: "Entry") -> list[str]:
    return [entry.key[:12], entry.state, "yes" if entry.held else "", entry.problem]


def _pull(url: str, query: str, *, credentials: "Credentials", timeout_s: float) -> "Callable[[Intake], Pull] | None":
    from urllib.parse import parse_qsl

    from onephase.errors import SettingsError
    from onephase.service.node.pull import Pull
    from onephase.service.node.web_client import web_client

    filters = dict(parse_qsl(query))
    if not url and not query:
        return None
    if not url or not filters:
        message = "--pull and --pull-query go together: an archive, and which of its studies to fetch"
        raise SettingsError(message)
    client = web_client(url, credentials=credentials, timeout_s=timeout_s)
    return lambda intake: Pull(client, filters, intake)


def _stop_on_signals() -> "Event":
    """Return what SIGTERM and Ctrl-C set: in a thread, for who is struck may hold its lock, and would wait forever."""
    import signal
    from threading import Event, Thread

    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: Thread(target=stop.set).start())
    return stop
