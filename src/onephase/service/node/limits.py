"""What a peer may do: who it must be, from where, how much and how slowly it may send."""

import ipaddress
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from onephase.errors import SettingsError

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
ANYONE = "*"
AE_LENGTH = 16
SMALLEST_PDU, LARGEST_PDU = 4096, 1 << 20
ROOM_FOR_NEGOTIATION = 1 << 18  # an A-ASSOCIATE-RQ with 128 contexts, whatever the largest P-DATA
CHUNK_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Peer:
    """One line of the allow-list.

    Attributes:
        ae: Calling AE title, or ``*`` for any.
        network: Addresses that it may call from.
    """

    ae: str
    network: Network


def read_ae(text: str, *, option: str) -> str:
    """Return an AE title (PS3.5 6.2): up to 16 characters of plain text, no backslash.

    Raises:
        SettingsError: If it is none.

    Examples:
        >>> read_ae("ONEPHASE", option="--ae")
        'ONEPHASE'
    """
    title = text.strip()
    if not 0 < len(title) <= AE_LENGTH or not title.isascii() or not title.isprintable() or "\\" in title:
        message = f"{option}: {text!r} is no AE title: give up to {AE_LENGTH} letters and digits"
        raise SettingsError(message)
    return title


def read_peer(text: str) -> Peer:
    """Read a line of the allow-list: ``AE@ADDRESS``, either of them ``*``, the address also a network.

    Examples:
        >>> read_peer("SCANNER@10.0.0.0/24")
        Peer(ae='SCANNER', network=IPv4Network('10.0.0.0/24'))

    Raises:
        SettingsError: If it is not understood.
    """
    ae, _, address = text.partition("@")
    try:
        network = ipaddress.ip_network("0.0.0.0/0" if address == ANYONE else address)
    except ValueError:
        network = None
    if network is None or not 0 < len(ae.strip()) <= AE_LENGTH:
        message = f"--allow {text!r} is not understood: give AE@ADDRESS, such as SCANNER@10.0.0.7 or *@10.0.0.0/24"
        raise SettingsError(message)
    return Peer(ae.strip(), network)


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on peers.

    Attributes:
        peers: The allow-list.
        associations: How many may be open at once.
        pdu_bytes: Largest PDU that is announced, and the bound on what is read.
        object_bytes: Largest instance; it is in memory while it comes in.
        timeout_s: How long a peer may be silent, in a negotiation, within a PDU and between messages.
    """

    peers: tuple[Peer, ...]
    associations: int = 10
    pdu_bytes: int = 1 << 16
    object_bytes: int = 1 << 29
    timeout_s: float = 30.0

    def __post_init__(self) -> None:
        """Refuse limits under which nobody could send, and an unlimited PDU."""
        if not SMALLEST_PDU <= self.pdu_bytes <= LARGEST_PDU:
            message = f"the largest PDU is {SMALLEST_PDU} to {LARGEST_PDU} bytes, not {self.pdu_bytes}"
            raise SettingsError(message)
        if min(self.associations, self.object_bytes) < 1 or self.timeout_s <= 0 or not self.peers:
            message = "a node needs at least one peer, one association, one byte an object and time for it"
            raise SettingsError(message)

    def admits_address(self, address: str) -> bool:
        """Tell whether anyone may call from an address."""
        here = ipaddress.ip_address(address)
        return any(here in peer.network for peer in self.peers)

    def admits(self, ae: str, address: str) -> bool:
        """Tell whether an AE title may call from an address."""
        here = ipaddress.ip_address(address)
        return any(peer.ae in {ANYONE, ae.strip()} and here in peer.network for peer in self.peers)


class Inflow:
    """Reads for one association, and ends it when a limit is passed.

    pynetdicom reads as many bytes as a PDU announces, up to 4 GiB, without a limit of time (its issue 1086).

    Args:
        receive: The socket's own ``recv``.
        limits: The limits.
    """

    def __init__(self, receive: Callable[[int], bytes], limits: Limits) -> None:
        self._receive = receive
        self._limits = limits
        self._of_message = 0

    def read(self, count: int) -> bytearray:
        """Return ``count`` bytes, fewer when the peer has closed the connection.

        Raises:
            ConnectionAbortedError: If a limit is passed; the connection is then closed by the caller.
        """
        self._of_message += count
        largest = max(self._limits.pdu_bytes, ROOM_FOR_NEGOTIATION)
        if count > largest or self._of_message > self._limits.object_bytes + largest:
            raise ConnectionAbortedError
        latest = time.monotonic() + self._limits.timeout_s
        read = bytearray()
        while len(read) < count:
            if time.monotonic() > latest:  # a byte now and then is silence too
                raise ConnectionAbortedError
            piece = self._receive(min(count - len(read), CHUNK_BYTES))
            if not piece:
                break
            read += piece
        return read

    def message_has_ended(self) -> None:
        """Begin to count anew."""
        self._of_message = 0
