"""The node: a listener, and loops that mark studies complete, predict them, send results and fetch studies."""

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

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
        grace_s: How long open associations, and the step at hand, may go on when the node ends.
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
        stop: Set to end it: no new associations, the step at hand is finished within the grace, and it returns.

    Raises:
        SettingsError: If an address cannot be listened at.
    """
    metrics = metrics_of(work.worklist, work.store)
    intake = Intake(work.store, work.worklist)
    listener = Listener(
        intake,
        ae_title=place.ae_title,
        limits=limits,
        tls=tls,
        observe=lambda status: metrics.answers.labels(f"0x{status:04X}").inc(),
    )
    with _listening(f"--metrics-port {place.metrics_port}"):
        pages = serve_metrics(
            metrics,
            health=lambda: health_of(work.worklist, work.store, metrics, least_free_bytes=LEAST_FREE_BYTES),
            port=place.metrics_port,
        )
    with _listening(f"--host {place.host} --port {place.port}"):
        host, port = listener.start(place.host, place.port)
    work.store.sweep(older_than_s=LEFT_BEHIND_S)
    loops = [
        _Loop("complete", lambda: _mark_complete(work, place), metrics, stop),
        _Loop("predict", work.predict_next, metrics, stop),
        _Loop("send", work.send_next, metrics, stop),
    ]
    if pull is not None:
        fetch_new = partial(pull(intake).fetch_new, stop=stop)
        loops.append(_Loop("pull", fetch_new, metrics, stop, every_s=place.pull_every_s))
    for loop in loops:
        loop.start()
    say("node ready", host=host, port=port, metrics_port=pages.server_address[1])
    stop.wait()
    say("node ends")
    latest = time.monotonic() + place.grace_s
    listener.stop(grace_s=place.grace_s)
    for loop in loops:
        loop.join(max(0.0, latest - time.monotonic()))
    if at_work := [loop.name for loop in loops if loop.is_alive()]:
        say("left at work: what it was at is done again", loops=", ".join(at_work))
    pages.shutdown()
    pages.server_close()
    say("node ended")


@contextmanager
def _listening(where: str) -> Iterator[None]:
    """Say in one sentence which address cannot be listened at."""
    try:
        yield
    except OSError as fault:
        message = f"cannot listen at {where} ({fault.strerror or type(fault).__name__}): choose another address or port"
        raise SettingsError(message) from None


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
