"""Ports at which a test's servers listen, and at which they are found again after they were killed.

Not what the system offers (port 0): those are of the range that it takes for connections, and of its offers to others,
so that a server that comes back can find its port taken - by a neighbour's test, or by the client that called it in
vain and was at last connected to itself.
"""

import os
import random
import socket
from collections.abc import Iterator

LOWEST, BEYOND = 12_000, 32_768  # above the ports of known services, below Linux' range for connections
WORKERS = 128  # of pytest-xdist at most: one more than cores, and each with every 128th port


def free_port() -> int:
    """Return a port at which nobody listens, and which nobody else is given."""
    return next(port for port in _offers if _nobody_listens_at(port))


def offers_to(worker: str) -> Iterator[int]:
    """Yield the ports of a worker of pytest-xdist, each once, in an order of chance: other suites may run beside."""
    number = int(worker.removeprefix("gw"))
    assert number < WORKERS, f"ports for {WORKERS} workers; this is one more"
    ports = list(range(LOWEST + number, BEYOND, WORKERS))
    random.SystemRandom().shuffle(ports)
    yield from ports


def _nobody_listens_at(port: int) -> bool:
    with socket.socket() as one:
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


_offers = offers_to(os.environ.get("PYTEST_XDIST_WORKER", "gw0"))
