"""A DICOMweb client with our timeout, token and certificates."""

from typing import Any

import requests
from dicomweb_client.web import DICOMwebClient

from onephase.service.node.tls import Credentials

MULTIPART = "multipart/"


def web_client(url: str, *, credentials: Credentials, timeout_s: float) -> DICOMwebClient:
    """Return a client for an archive.

    Args:
        url: Root of its DICOMweb service.
        credentials: How it and we know each other.
        timeout_s: How long it may be silent.
    """
    session = requests.Session()
    if credentials.ca is not None:
        session.verify = str(credentials.ca)
        session.trust_env = False  # REQUESTS_CA_BUNDLE would go before what we were told (requests, issue 3829)
    session.cert = None if credentials.ours is None else (str(credentials.ours[0]), str(credentials.ours[1]))
    session.hooks["response"].append(_bare_media_type)
    headers = {"Authorization": f"Bearer {credentials.token}"} if credentials.token else {}
    client = DICOMwebClient(url, session=session, headers=headers, timeout=timeout_s)
    client.set_http_retry_params(retry=False)  # the work list does that
    return client


def _bare_media_type(response: requests.Response, **_: Any) -> None:
    """Leave parameters such as ``charset=utf-8`` out: the client passes an answer over that names one."""
    media = response.headers.get("Content-Type", "")
    if media and not media.lower().startswith(MULTIPART):
        response.headers["Content-Type"] = media.partition(";")[0].strip().lower()
