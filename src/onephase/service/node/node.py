"""The node: a listener, and loops that mark studies complete, predict them, send results and fetch studies."""

import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from onephase.errors import SettingsError
from onephase.service.node.intake import Intake
from onephase.service.node.journal import say, say_fault
from onephase.service.node.limits import Limits
from onephase.service.node.listener import Listener
from onephase.service.node.metrics import Metrics, health_of, metrics_of, serve_metrics
from onephase.service.node.pull import Pull
from onephase.service.node.work import Work

TURN_S = 0.25
LEFT_BEHIND_S = 3600.0
LEAST_FREE_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node is reached, and how patient it is.

    Attributes:
        ae_title: Its AE title.
        host: Address it listens at.
        port: DICOM port; 0 is chosen by the system.
        metrics_port: Port of /metrics and /health on loopback; 0 is chosen by the system.
        quiet_s: A study is complete when nothing has come for so long, and nothing is missing that an outline names.
        patience_s: After so long it is taken as it is.
        pull_every_s: How often an archive is asked for studies.
        grace_s: How long open associations may go on when the node ends.
    """

    ae_title: str
    host: str
    port: int
    metrics_port: int
    quiet_s: float = 30.0
    patience_s: float = 3600.0
    pull_every_s: float = 30.0
    grace_s: float = 20.0


def run_node(
    work: Work,
    place: Place,
    limits: Limits,
    *,
    tls: ssl.SSLContext | None = None,
    pull: Callable[[Intake], Pull] | None = None,
    stop: threading.Event,
) -> None:
    """Run a node until it is told to stop.

    Args:
        work: What it works with.
        place: Where it is reached.
        limits: Who may send, and how much.
        tls: TLS context of the listener; None for none.
        pull: Makes what fetches studies, given where they go; None when none are fetched.
        stop: Set to end it: no new associations, the step at hand is finished, and it returns.

    Raises:
        OSError: If a port cannot be opened.
    """
    work.store.sweep(older_than_s=LEFT_BEHIND_S)
    metrics = metrics_of(work.worklist, work.store)
    intake = Intake(work.store, work.worklist)
    listener = Listener(
        intake,
        ae_title=place.ae_title,
        limits=limits,
        tls=tls,
        observe=lambda status: metrics.answers.labels(f"0x{status:04X}").inc(),
    )
    pages = serve_metrics(
        metrics,
        health=lambda: health_of(work.worklist, work.store, metrics, least_free_bytes=LEAST_FREE_BYTES),
        port=place.metrics_port,
    )
    host, port = listener.start(place.host, place.port)
    loops = [
        _Loop("complete", lambda: _mark_complete(work, place), metrics, stop),
        _Loop("predict", work.predict_next, metrics, stop),
        _Loop("send", work.send_next, metrics, stop),
    ]
    if pull is not None:
        loops.append(_Loop("pull", pull(intake).fetch_new, metrics, stop, every_s=place.pull_every_s))
    for loop in loops:
        loop.start()
    say("node ready", host=host, port=port, metrics_port=pages.server_address[1])
    stop.wait()
    say("node ends")
    listener.stop(grace_s=place.grace_s)
    for loop in loops:
        loop.join()
    pages.shutdown()
    pages.server_close()
    say("node ended")


def tls_of(certificate: Path | None, key: Path | None, ca: Path | None) -> ssl.SSLContext | None:
    """Return the TLS context of a listener; None when no certificate is given.

    Args:
        certificate: Certificate chain, PEM.
        key: Its key, PEM.
        ca: Certificates that vouch for those of the peers, which are then asked for; None when they need none.

    Raises:
        SettingsError: If a file cannot be used, or something is given without a certificate.
    """
    if certificate is None:
        if key is not None or ca is not None:
            message = "TLS needs a certificate: give --tls-cert with --tls-key"
            raise SettingsError(message)
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
        if ca is not None:
            context.load_verify_locations(ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except OSError:
        message = f"the certificate {certificate} cannot be used with its key and authorities: check the three files"
        raise SettingsError(message) from None
    return context


def _mark_complete(work: Work, place: Place) -> None:
    if count := work.worklist.complete(quiet_s=place.quiet_s, patience_s=place.patience_s):
        say("studies complete", count=count)


class _Loop(threading.Thread):
    """Does something again and again: at once when there was something to do, after a pause when there was not."""

    def __init__(
        self, name: str, step: Callable[[], object], metrics: Metrics, stop: threading.Event, *, every_s: float = TURN_S
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._step = step
        self._metrics = metrics
        self._stop_event = stop
        self._every_s = every_s

    def run(self) -> None:
        """Turn until told to stop."""
        while not self._stop_event.is_set():
            self._metrics.turn(self.name)
            if not self._turned():
                self._stop_event.wait(self._every_s)

    def _turned(self) -> bool:
        started = time.monotonic()
        try:
            outcome = self._step()
        except SQLAlchemyError as fault:
            say_fault("the work list does not answer", fault)
            return False
        except Exception as fault:  # noqa: BLE001 - the node must live
            say_fault(f"the loop {self.name} met a fault", fault)
            return False
        if outcome:
            self._metrics.steps.labels(self.name, str(outcome)).inc()
            self._metrics.seconds.labels(self.name).observe(time.monotonic() - started)
        return bool(outcome)
