"""The ports of tests are nobody else's."""

import socket
from pathlib import Path

import pytest
from tests import ports

RANGE_FOR_CONNECTIONS = Path("/proc/sys/net/ipv4/ip_local_port_range")


def test_each_port_is_given_to_one_worker_and_once() -> None:
    given = [port for number in range(ports.WORKERS) for port in ports.offers_to(f"gw{number}")]
    assert sorted(given) == list(range(ports.LOWEST, ports.BEYOND))


def test_a_port_at_which_somebody_listens_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    free = ports.free_port()
    with socket.create_server(("127.0.0.1", ports.free_port())) as taken:
        monkeypatch.setattr(ports, "_offers", iter([taken.getsockname()[1], free]))
        assert ports.free_port() == free


@pytest.mark.skipif(not RANGE_FOR_CONNECTIONS.exists(), reason="only Linux tells its range of ports for connections")
def test_the_system_gives_none_of_them_to_a_connection() -> None:
    lowest = int(RANGE_FOR_CONNECTIONS.read_text().split()[0])
    assert lowest >= ports.BEYOND
