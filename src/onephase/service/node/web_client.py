"""A DICOMweb client with our timeout, token and certificates."""

from pathlib import Path

import requests
from dicomweb_client.web import DICOMwebClient


def web_client(url: str, *, token: str, ca: Path | None, timeout_s: float) -> DICOMwebClient:
    """Return a client for an archive.

    Args:
        url: Root of its DICOMweb service.
        token: Bearer token; empty for none.
        ca: Certificates that vouch for the archive's; None for those of the system.
        timeout_s: How long it may be silent.
    """
    session = requests.Session()
    session.verify = True if ca is None else str(ca)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    client = DICOMwebClient(url, session=session, headers=headers, timeout=timeout_s)
    client.set_http_retry_params(retry=False)  # the work list does that
    return client
