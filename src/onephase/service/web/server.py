"""The server: on loopback unless told otherwise, and wider only with a token."""

import ipaddress
import socket
from urllib.parse import quote

import uvicorn

from onephase.errors import OnephaseError
from onephase.service.web.app import make_app
from onephase.service.web.guard import LOOPBACK, Admission
from onephase.service.web.reader import Reader

MOST_CONNECTIONS = 64
KEEP_ALIVE_S = 5
FEWEST_TOKEN_LETTERS = 16


class AddressError(OnephaseError):
    """The server may not be bound as it was asked to be."""


def refuse_open_door(host: str, *, token: str) -> None:
    """Refuse to listen beyond this machine without a token that is worth its name.

    Raises:
        AddressError: In one sentence.
    """
    if token and len(token) < FEWEST_TOKEN_LETTERS:
        message = f"the token has {len(token)} letters: use {FEWEST_TOKEN_LETTERS} or more, drawn by chance"
        raise AddressError(message)
    if not token and not is_loopback(host):
        message = (
            f"{host} can be reached from other machines, so a token is needed: put one into a file and name it with "
            "--token-file, or stay on 127.0.0.1"
        )
        raise AddressError(message)


def is_loopback(host: str) -> bool:
    """Tell whether an address is reached from this machine only."""
    if host in LOOPBACK:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on an address; port 0 takes a free one.

    Raises:
        AddressError: If the address is taken, or not one of this machine.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as fault:
        message = (
            f"cannot listen on {host}, port {port} ({fault.strerror or fault}): choose another with --port or --host"
        )
        raise AddressError(message) from None


def serve(reader: Reader, admission: Admission, *, listening: socket.socket) -> None:
    """Serve the page until interrupted.

    Args:
        reader: What answers.
        admission: Who is let in.
        listening: A socket that listens.

    Raises:
        AddressError: If it is open to other machines without a token.
    """
    refuse_open_door(listening.getsockname()[0], token=admission.token)
    config = uvicorn.Config(
        make_app(reader, admission),
        log_level="critical",  # a traceback may repeat what came in; what we log of a fault names its place alone
        access_log=False,  # a line for each call would say who reads what
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_S,
    )
    uvicorn.Server(config).run(sockets=[listening])


def address_of(listening: socket.socket, *, token: str) -> str:
    """Return the address to open; the token stands behind the #, which no browser sends to any server."""
    host, port = listening.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}/" + (f"#token={quote(token)}" if token else "")
