"""The C-STORE service class provider (PS3.4 annex B): associations in, instances to the intake."""

import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable
from socketserver import BaseServer
from typing import Any, TypeAlias

from pynetdicom import AE, _config, evt
from pynetdicom.association import Association
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined] # made at run time
from pynetdicom.transport import RequestHandler, ThreadedAssociationServer

from onephase.service.node.intake import IMAGES, OUT_OF_RESOURCES, OUTLINES, Answer, Intake
from onephase.service.node.journal import say, say_fault
from onephase.service.node.limits import Inflow, Limits

Observe: TypeAlias = Callable[[int], None]
"""Told the status of every answer."""

SYNTAXES = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.5")
"""Implicit and explicit little endian, and RLE: what is read without further libraries. Deflated never (a bomb)."""
REJECTED_PERMANENT, BY_SERVICE_USER, CALLING_AE_NOT_RECOGNISED = 0x01, 0x01, 0x03


class Listener:
    """Listens for associations.

    Args:
        intake: Where instances go.
        ae_title: Our AE title; associations that call another one are rejected.
        limits: Who may call, and how much.
        tls: TLS context of the server; None for none.
        observe: Told the status of every answer.
    """

    def __init__(
        self, intake: Intake, *, ae_title: str, limits: Limits, tls: ssl.SSLContext | None, observe: Observe
    ) -> None:
        self._intake = intake
        self._limits = limits
        self._tls = tls
        self._observe = observe
        self._ae = AE(ae_title)
        self._ae.require_called_aet = True
        self._ae.maximum_pdu_size = limits.pdu_bytes
        self._ae.maximum_associations = limits.associations
        self._ae.acse_timeout = self._ae.dimse_timeout = self._ae.network_timeout = limits.timeout_s
        for kind in (*IMAGES, *OUTLINES):
            self._ae.add_supported_context(kind, list(SYNTAXES))
        self._ae.add_supported_context(Verification)
        self._server: _Server | None = None

    def start(self, host: str, port: int) -> tuple[str, int]:
        """Listen, and return the address (a port of 0 is chosen by the system)."""
        _config.LOG_HANDLER_LEVEL = "none"  # its handlers describe every message, at a cost
        server = _Server(
            self._ae,
            (host, port),
            self._ae.ae_title,
            self._ae.supported_contexts,
            evt_handlers=[
                (evt.EVT_C_STORE, self._on_store),
                (evt.EVT_REQUESTED, self._on_requested),
                (evt.EVT_DIMSE_RECV, lambda event: event.assoc.inflow.message_has_ended()),
            ],
            request_handler=_Handler,
        )
        server.limits, server.tls = self._limits, self._tls
        self._server = server
        threading.Thread(target=server.serve_forever, name="listener", daemon=True).start()
        return server.server_address[0], server.server_address[1]

    def stop(self, *, grace_s: float) -> None:
        """Take no new associations, let those that are open end, and abort them when they have not."""
        if self._server is None:
            return
        BaseServer.shutdown(self._server)
        self._server.server_close()
        latest = time.monotonic() + grace_s
        while self._server.active_associations and time.monotonic() < latest:
            time.sleep(0.05)
        for association in self._server.active_associations:
            association.abort()

    def _on_requested(self, event: evt.Event) -> None:
        peer: Any = event.assoc.requestor
        if not self._limits.admits(peer.primitive.calling_ae_title, peer.address):
            say("association refused: not on the allow-list")
            event.assoc.acse.send_reject(REJECTED_PERMANENT, BY_SERVICE_USER, CALLING_AE_NOT_RECOGNISED)

    def _on_store(self, event: evt.Event) -> int:
        answer = self._answer(event)
        self._observe(answer.status)
        if answer.reason:
            say("instance refused", study=answer.study, status=f"0x{answer.status:04X}", reason=answer.reason)
        return answer.status

    def _answer(self, event: evt.Event) -> Answer:
        request: Any = event.request
        try:
            return self._intake.take(
                event.encoded_dataset(),
                sop_class=str(request.AffectedSOPClassUID),
                sop_instance=str(request.AffectedSOPInstanceUID),
            )
        except Exception as fault:  # noqa: BLE001 - the sender must get an answer, and the node must live
            say_fault("instance refused by a fault of ours", fault)
            return Answer(OUT_OF_RESOURCES, reason="a fault of ours")


class _Server(ThreadedAssociationServer):
    """A server that knows whom it serves before a thread or a handshake is spent on them."""

    daemon_threads = True
    limits: Limits
    tls: ssl.SSLContext | None

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        """Accept a connection. The handshake is left to the handler's thread: here a silent peer would stop all."""
        client, address = self.socket.accept()  # type: ignore[union-attr] # bound since construction
        client.settimeout(self.limits.timeout_s)
        return client, address

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002 - the base's parameters
        """Tell whether to go on with a connection."""
        if not self.limits.admits_address(client_address[0]):
            say("connection refused: address not on the allow-list")
            return False
        return len(self.active_associations) < 2 * self.limits.associations  # beyond the first half they are rejected

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base's parameters
        """Write a line where the base would print a traceback, which may quote what was read."""
        say_fault("connection ended by a fault", sys.exception() or Exception())


class _Handler(RequestHandler):
    """Gives each association a TLS handshake and a bounded inflow."""

    server: _Server

    def handle(self) -> None:
        """Shake hands where TLS is used, then start the association."""
        if self.server.tls is not None:
            try:
                self.request = self.server.tls.wrap_socket(self.request, server_side=True)
            except OSError:
                say("connection refused: no TLS handshake")
                self.request.close()
                return
        super().handle()

    def _create_association(self) -> Association:
        association = super()._create_association()
        inflow = Inflow(self.request.recv, self.server.limits)
        association.inflow = inflow  # type: ignore[attr-defined] # the events of pynetdicom carry nothing else of ours
        association.dul.socket.recv = inflow.read  # type: ignore[union-attr, method-assign]
        return association
