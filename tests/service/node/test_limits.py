"""The allow-list, and what one association may send."""

import time

import pytest

from onephase.errors import SettingsError
from onephase.service.node.limits import Inflow, Limits, read_peer


@pytest.mark.parametrize(
    ("peers", "ae", "address", "admitted"),
    [
        (["SCANNER@10.0.0.7"], "SCANNER", "10.0.0.7", True),
        (["SCANNER@10.0.0.7"], "SCANNER  ", "10.0.0.7", True),  # padded, as PS3.8 has it
        (["SCANNER@10.0.0.7"], "scanner", "10.0.0.7", False),
        (["SCANNER@10.0.0.7"], "SCANNER", "10.0.0.8", False),
        (["SCANNER@10.0.0.7", "PACS@10.0.0.8"], "SCANNER", "10.0.0.8", False),  # each from its own place
        (["*@10.0.0.0/24"], "ANY", "10.0.0.200", True),
        (["*@10.0.0.0/24"], "ANY", "10.0.1.1", False),
        (["PACS@*"], "PACS", "192.0.2.1", True),
        (["PACS@2001:db8::/32"], "PACS", "2001:db8::1", True),
        (["PACS@10.0.0.7"], "PACS", "2001:db8::1", False),
    ],
)
def test_who_is_admitted(peers, ae, address, admitted):
    limits = Limits(tuple(map(read_peer, peers)))
    assert limits.admits(ae, address) is admitted
    assert limits.admits_address(address) or not admitted


@pytest.mark.parametrize("text", ["", "SCANNER", "SCANNER@", "@10.0.0.7", "SCANNER@10.0.0.300", "A" * 17 + "@10.0.0.7"])
def test_a_line_that_is_not_understood_is_refused(text):
    with pytest.raises(SettingsError, match=f"--allow '{text}' is not understood: give AE@ADDRESS"):
        read_peer(text)


@pytest.mark.parametrize("wrong", [{"pdu_bytes": 0}, {"pdu_bytes": 1 << 31}])
def test_an_unlimited_pdu_is_refused(wrong):
    with pytest.raises(SettingsError, match="the largest PDU is 4096 to 1048576 bytes"):
        Limits((read_peer("*@*"),), **wrong)


@pytest.mark.parametrize("wrong", [{"associations": 0}, {"object_bytes": 0}, {"timeout_s": 0.0}, {"peers": ()}])
def test_limits_under_which_nobody_could_send_are_refused(wrong):
    with pytest.raises(SettingsError, match="a node needs at least one peer"):
        Limits(**{"peers": (read_peer("*@*"),), **wrong})


def limits(**more) -> Limits:
    return Limits((read_peer("*@*"),), **more)


def test_a_large_pdu_is_refused_before_a_byte_of_it_is_read():
    inflow = Inflow(lambda _: pytest.fail("it was read"), limits())
    with pytest.raises(ConnectionAbortedError):
        inflow.read((1 << 32) - 1)


def test_an_object_is_bounded_and_the_next_counts_anew():
    inflow = Inflow(bytes, limits(object_bytes=1 << 20))
    for _ in range(2):
        for _ in range(8):
            assert len(inflow.read(1 << 17)) == 1 << 17
        inflow.message_has_ended()
    with pytest.raises(ConnectionAbortedError):
        for _ in range(20):
            inflow.read(1 << 17)


def test_a_byte_now_and_then_is_silence():
    def drip(_: int) -> bytes:
        time.sleep(0.02)
        return b"x"

    inflow = Inflow(drip, limits(timeout_s=0.1))
    with pytest.raises(ConnectionAbortedError):
        inflow.read(1000)


def test_a_connection_that_closes_gives_what_was_read():
    pieces = [b"ab", b"c", b""]
    assert Inflow(lambda _: pieces.pop(0), limits()).read(10) == b"abc"
