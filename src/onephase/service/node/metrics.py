"""What a node counts, for Prometheus; and whether it is well."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from onephase.service.node.journal import say_fault
from onephase.service.node.store import Store
from onephase.service.worklist.worklist import Worklist

STALLED_SECONDS = 600.0
"""A loop that has not turned for so long is stuck; predicting takes seconds, sending to a slow archive minutes."""


@dataclass(frozen=True, slots=True)
class Metrics:
    """Counters of one node.

    Attributes:
        registry: Where they are registered.
        answers: C-STORE answers by status.
        steps: Steps of studies by the state they led to; ``put back`` for none.
        seconds: Time a step took.
        turned: When each loop last turned, in seconds of :func:`time.monotonic`.
    """

    registry: CollectorRegistry
    answers: Counter
    steps: Counter
    seconds: Histogram
    turned: dict[str, float] = field(default_factory=dict)

    def turn(self, loop: str) -> None:
        """Write down that a loop is alive."""
        self.turned[loop] = time.monotonic()


def metrics_of(worklist: Worklist, store: Store) -> Metrics:
    """Return the metrics of a node with this list and store."""
    registry = CollectorRegistry()
    registry.register(_Gauges(worklist, store))
    return Metrics(
        registry=registry,
        answers=Counter("onephase_store_answers", "C-STORE answers by status.", ["status"], registry=registry),
        steps=Counter("onephase_steps", "Steps of studies by their outcome.", ["step", "outcome"], registry=registry),
        seconds=Histogram("onephase_step_seconds", "Time of a step.", ["step"], registry=registry),
    )


def health_of(worklist: Worklist, store: Store, metrics: Metrics, *, least_free_bytes: int) -> Mapping[str, bool]:
    """Return what must be true of a node that is well, each with whether it is."""
    now = time.monotonic()
    return {
        "worklist_answers": _answers(worklist),
        "disk_has_room": _room(store) >= least_free_bytes,
        **{f"{loop}_turns": now - turned < STALLED_SECONDS for loop, turned in metrics.turned.items()},
    }


def serve_metrics(
    metrics: Metrics, *, health: Callable[[], Mapping[str, bool]], port: int, host: str = "127.0.0.1"
) -> ThreadingHTTPServer:
    """Answer ``/metrics`` and ``/health`` on loopback, in a thread of its own, until it is shut down."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(*_scraped(metrics))
            elif self.path == "/health":
                told = health()
                self._answer(200 if all(told.values()) else 503, "application/json", json.dumps(told).encode())
            else:
                self._answer(404, "text/plain", b"/metrics or /health\n")

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: a scrape every few seconds is no event."""

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server


def _scraped(metrics: Metrics) -> tuple[int, str, bytes]:
    try:
        return 200, CONTENT_TYPE_LATEST, generate_latest(metrics.registry)
    except (SQLAlchemyError, OSError) as fault:
        say_fault("metrics could not be told", fault)
        return 503, "text/plain", b"the work list or the store does not answer\n"


def _answers(worklist: Worklist) -> bool:
    try:
        worklist.counts()
    except SQLAlchemyError:
        return False
    return True


def _room(store: Store) -> int:
    try:
        return store.free_bytes()
    except OSError:
        return 0


class _Gauges(Collector):
    """Read from the list and the disk at each scrape, so that they are right after a restart too."""

    def __init__(self, worklist: Worklist, store: Store) -> None:
        self._worklist = worklist
        self._store = store

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges."""
        studies = GaugeMetricFamily("onephase_studies", "Studies on the work list by state.", labels=["state"])
        for state, count in self._worklist.counts().items():
            studies.add_metric([state], count)
        yield studies
        yield GaugeMetricFamily(
            "onephase_store_free_bytes", "Room on the store's disk.", value=self._store.free_bytes()
        )

    def describe(self) -> list[GaugeMetricFamily]:
        """Describe nothing beforehand: the list need not answer when the node starts."""
        return []
