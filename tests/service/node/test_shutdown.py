"""A node that is told to stop stops, whatever it is at."""

import threading
import time
from dataclasses import dataclass

from dicomweb_client.web import DICOMwebClient

from onephase.service.node.limits import Limits, read_peer
from onephase.service.node.node import Place, run_node
from onephase.service.node.pull import Pull

GRACE_S = 0.5
USUAL_GRACE_S = Place("ONEPHASE", "127.0.0.1", 0, 0).grace_s


@dataclass(frozen=True, slots=True)
class Endless(Pull):
    """Fetches from an archive whose answer never ends."""

    def fetch_new(self, *, stop: threading.Event) -> int:
        began.set()
        never.wait()
        return 0


began, never = threading.Event(), threading.Event()


def test_a_step_that_does_not_end_holds_up_the_end_for_the_grace_alone(work):
    place = Place("ONEPHASE", "127.0.0.1", 0, 0, grace_s=GRACE_S)
    client, stop = DICOMwebClient("http://127.0.0.1:9"), threading.Event()
    node = threading.Thread(
        target=run_node,
        args=(work, place, Limits((read_peer("*@127.0.0.1"),))),
        kwargs={"pull": lambda to: Endless(client, {}, to), "stop": stop},
    )
    node.start()
    try:
        assert began.wait(timeout=60)
        stop.set()
        told = time.monotonic()
        node.join(timeout=60)
        assert not node.is_alive()
        assert time.monotonic() - told < USUAL_GRACE_S  # a busy machine takes more than the grace, and not that much
    finally:
        stop.set()
        never.set()
        node.join()
