"""TLS on both sides: what we show, and whom we believe."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from onephase.errors import SettingsError


def tls_of(certificate: Path | None, key: Path | None, ca: Path | None) -> ssl.SSLContext | None:
    """Return the TLS context of a listener; None when no certificate is given.

    Args:
        certificate: Certificate chain, PEM.
        key: Its key, PEM.
        ca: Certificates that vouch for those of the peers, which are then asked for; None when they need none.

    Raises:
        SettingsError: If a file cannot be used, or something is given without a certificate.
    """
    if certificate is None:
        if key is not None or ca is not None:
            message = "TLS needs a certificate: give --tls-cert with --tls-key"
            raise SettingsError(message)
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
        if ca is not None:
            context.load_verify_locations(ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except OSError:
        message = f"the certificate {certificate} cannot be used with its key and authorities: check the three files"
        raise SettingsError(message) from None
    return context


@dataclass(frozen=True, slots=True)
class Credentials:
    """How an archive and we know each other when we call.

    Attributes:
        token: Bearer token for DICOMweb; empty for none.
        ca: Certificates that vouch for the archive's, PEM; None for those of the system, and for C-STORE without TLS.
        ours: Our certificate and its key, PEM, for an archive that asks for one; None for none.
    """

    token: str = ""
    ca: Path | None = None
    ours: tuple[Path, Path] | None = None

    def for_c_store(self) -> ssl.SSLContext | None:
        """Return the TLS context of associations that we request; None where they use no TLS.

        Raises:
            SettingsError: If a file cannot be used.
        """
        if self.ca is None:
            return None
        try:
            context = ssl.create_default_context(cafile=str(self.ca))
        except OSError:
            message = f"{self.ca} holds no certificates that can be used: give a PEM file of authorities"
            raise SettingsError(message) from None
        if self.ours is not None:
            context.load_cert_chain(*self.ours)
        return context


NOBODY = Credentials()
"""No token, no certificate of ours, and the system's authorities."""
