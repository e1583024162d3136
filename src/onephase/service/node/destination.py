"""Where result objects go: an archive, by DICOMweb (STOW) or by C-STORE. An object counts as sent when it says so."""

import ssl
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable
from urllib.parse import urlsplit

from pydicom import Dataset, dcmread
from pynetdicom import AE
from pynetdicom.association import Association

from onephase.errors import OnephaseError, SettingsError
from onephase.reports.object_kind import kind_of
from onephase.service.node.limits import read_ae
from onephase.service.node.tls import NOBODY, Credentials

STORED = frozenset({0x0000, 0xB000, 0xB006, 0xB007})
"""Success, and the three warnings that say "stored, but" (PS3.4 table B.2-1)."""


class NotSentError(OnephaseError):
    """The archive did not take every object; they are kept and sent again."""


@runtime_checkable
class Destination(Protocol):
    """An archive."""

    def send(self, paths: Sequence[Path]) -> None:
        """Send objects; return when the archive has confirmed every one.

        Raises:
            NotSentError: If it has not, in one sentence without identifiers.
        """


def destination_of(
    text: str,
    *,
    our_ae: str,
    credentials: Credentials = NOBODY,
    timeout_s: float = 30.0,
) -> Destination:
    """Return the destination that a text names.

    Args:
        text: ``http(s)://HOST/dicom-web``, or ``AE@HOST:PORT``.
        our_ae: Our AE title.
        credentials: How it and we know each other.
        timeout_s: How long the archive may be silent.

    Raises:
        SettingsError: If it is not understood, or a file of the credentials cannot be used.
    """
    if text.startswith(("http://", "https://")):
        return WebArchive(text, credentials, timeout_s=timeout_s)
    ae, _, address = text.partition("@")
    try:
        parts = urlsplit(f"//{address}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not ae or not host or not port:
        message = f"--forward {text!r} is not understood: give http(s)://HOST/dicom-web or AE@HOST:PORT"
        raise SettingsError(message)
    title, tls = read_ae(ae, option="--forward"), credentials.for_c_store()
    return DimseArchive(title, host, port, our_ae=our_ae, tls=tls, timeout_s=timeout_s)


@dataclass(frozen=True, slots=True)
class WebArchive:
    """An archive that takes STOW-RS (PS3.18 10.5)."""

    url: str
    credentials: Credentials
    timeout_s: float

    def send(self, paths: Sequence[Path]) -> None:
        """Send the objects in one request, and look for failures within the answer (see :class:`Destination`)."""
        import requests

        from onephase.service.node.web_client import web_client

        objects = [dcmread(path) for path in paths]
        client = web_client(self.url, credentials=self.credentials, timeout_s=self.timeout_s)
        try:
            answer = client.store_instances(objects)
        except requests.HTTPError as fault:
            status = "no status" if fault.response is None else fault.response.status_code
            message = f"the archive answered {status}: check its journal and our permission"
            raise NotSentError(message) from None
        except (requests.RequestException, OSError, ValueError) as fault:
            message = f"the archive cannot be reached ({type(fault).__name__}): it is tried again"
            raise NotSentError(message) from None
        confirmed = {str(item.ReferencedSOPInstanceUID) for item in answer.get("ReferencedSOPSequence") or []}
        missing = [one for one in objects if str(one.SOPInstanceUID) not in confirmed]
        if missing or answer.get("FailedSOPSequence"):  # an answer of 200 may hide failures
            message = (
                f"the archive confirmed {len(objects) - len(missing)} of {len(objects)} objects: it is tried again"
            )
            raise NotSentError(message)


@dataclass(frozen=True, slots=True)
class DimseArchive:
    """An archive that takes C-STORE (PS3.4 annex B)."""

    ae: str
    host: str
    port: int
    our_ae: str
    tls: ssl.SSLContext | None
    timeout_s: float

    def send(self, paths: Sequence[Path]) -> None:
        """Send the objects one by one over one association, all of them, also after a refusal."""
        objects = {path: dcmread(path) for path in paths}
        association = self._associate(objects.values())
        try:
            said = {kind_of(path): _refusal(association, one) for path, one in objects.items()}
        finally:
            if association.is_established:
                association.release()
        refusals = [f"{kind}: {why}" for kind, why in said.items() if why]
        if refusals:
            message = (
                f"the archive took {len(objects) - len(refusals)} of {len(objects)} objects ({', '.join(refusals)}): "
                "it is tried again; --send leaves out what it never takes"
            )
            raise NotSentError(message)

    def _associate(self, objects: Iterable[Dataset]) -> Association:
        ours = AE(self.our_ae)
        ours.acse_timeout = ours.dimse_timeout = ours.network_timeout = ours.connection_timeout = self.timeout_s
        for one in objects:
            ours.add_requested_context(one.SOPClassUID, one.file_meta.TransferSyntaxUID)
        tls = None if self.tls is None else (self.tls, self.host)
        association = ours.associate(self.host, self.port, ae_title=self.ae, tls_args=tls)
        if not association.is_established:
            message = "the archive cannot be reached, or refuses us by AE title: it is tried again"
            raise NotSentError(message)
        return association


def _refusal(association: Association, one: Dataset) -> str:
    """Send an object; return what the archive answered when it did not store it, else nothing."""
    try:
        status = association.send_c_store(one).get("Status")
    except ValueError:
        return "its kind is not accepted"
    except RuntimeError:
        return "the association broke"
    if status in STORED:
        return ""
    return "no answer" if status is None else f"0x{status:04X}"
