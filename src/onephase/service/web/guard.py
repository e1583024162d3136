"""What stands before the page's interface: hosts, origins, the token, sizes, and the headers of every answer."""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

API = "/api/"
UPLOADS = "/api/uploads"
LARGEST_FORM_BYTES = 64 << 10
LOOPBACK = ("127.0.0.1", "localhost", "::1")

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",  # NiiVue's letters, and pictures of similar cases
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Admission:
    """Who is let in.

    Attributes:
        hosts: Names under which the page may be called; another is somebody who points a name of his own at us.
        origins: Origins, beside the page's own, whose pages may call the interface.
        token: What every call of the interface must carry; empty asks for none.
        largest_upload_bytes: An upload may be so large.
    """

    hosts: tuple[str, ...] = LOOPBACK
    origins: tuple[str, ...] = ()
    token: str = ""
    largest_upload_bytes: int = 1 << 30


class Guard:
    """Lets in what :class:`Admission` allows, refuses the rest in one sentence, and sets the headers.

    Args:
        app: What is behind it.
        admission: Who is let in.
    """

    def __init__(self, app: ASGIApp, admission: Admission) -> None:
        self._app, self._admission = app, admission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        guarded = _with_headers(send)
        if refusal is not None:
            await refusal(scope, receive, guarded)
            return
        await self._within_size(scope, receive, guarded)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        headers, admission, path = Headers(scope=scope), self._admission, scope["path"]
        host = headers.get("host", "")
        if _name_of(host) not in admission.hosts:
            return _refused(421, "this server is not known under that name: allow it with --allow-host")
        if not path.startswith(API):
            return None
        origin = headers.get("origin")
        if origin is not None and origin not in {*_own_origins(scope, host), *admission.origins}:
            return _refused(403, "this page may not call the reader: allow its origin with --allow-origin")
        if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"} and origin is None:
            return _refused(403, "another site may not call the reader")
        if admission.token and not _carries(headers, admission.token):
            return _refused(401, "the token is missing or wrong: open the address that `onephase serve` printed")
        return None

    async def _within_size(self, scope: Scope, receive: Receive, send: Send) -> None:
        upload = scope["path"] == UPLOADS
        limit = self._admission.largest_upload_bytes if upload else LARGEST_FORM_BYTES
        announced = Headers(scope=scope).get("content-length", "0")
        too_large = _refused(413, f"this is larger than the {limit / 1e6:.4g} MB that are taken")
        if not announced.isdecimal() or int(announced) > limit:
            await too_large(scope, receive, send)
            return
        body = _Body(receive, limit)

        async def unless_over(message: Message) -> None:
            if not body.over:
                await send(message)

        try:
            await self._app(scope, body, unless_over)
        except ClientDisconnect:
            if not body.over:
                raise
        if body.over:
            await too_large(scope, receive, send)


class _Body:
    """What is received of a request; it breaks off where it grows over a limit, whatever its header said."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive, self._left = receive, limit

    @property
    def over(self) -> bool:
        """Whether more came than is taken."""
        return self._left < 0

    async def __call__(self) -> Message:
        """Return the next part of the request."""
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        return {"type": "http.disconnect"} if self.over else message


def _with_headers(send: Send) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return with_headers


def _refused(status: int, sentence: str) -> JSONResponse:
    return JSONResponse({"detail": sentence}, status_code=status)


def _carries(headers: Headers, token: str) -> bool:
    scheme, _, carried = headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(carried.encode(), token.encode())


def _name_of(host: str) -> str:
    """Return the name in a Host header, without the port and without the brackets of an IPv6 address."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower()


def _own_origins(scope: Scope, host: str) -> Iterable[str]:
    return (f"{scope['scheme']}://{host}", f"https://{host}")  # https where a proxy speaks TLS for us
