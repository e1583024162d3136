"""TLS on both sides: what we show, and whom we believe."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from onephase.errors import SettingsError
from onephase.storage import is_there


def tls_of(certificate: Path | None, key: Path | None, ca: Path | None) -> ssl.SSLContext | None:
    """Return the TLS context of a listener; None when no certificate is given.

    Args:
        certificate: Certificate chain, PEM.
        key: Its key, PEM; None when the first file holds it too.
        ca: Certificates that vouch for those of the peers, which are then asked for; None when they need none.

    Raises:
        SettingsError: If a file cannot be used, or something is given without a certificate.
    """
    if certificate is None:
        if key is not None or ca is not None:
            message = "TLS needs a certificate: give --tls-cert with --tls-key"
            raise SettingsError(message)
        return None
    _refuse_missing(("--tls-cert", certificate), ("--tls-key", key), ("--tls-ca", ca))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _show(context, certificate, key)
    if ca is not None:
        try:
            context.load_verify_locations(ca)
        except OSError:
            raise _no_authorities(ca) from None
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _refuse_missing(*given: tuple[str, Path | None]) -> None:
    """Refuse the first option whose file is not there; OpenSSL does not say which of them it is."""
    for option, path in given:
        if path is not None and not is_there(path):
            message = f"{option}: {path} does not exist: check the path"
            raise SettingsError(message)


def _show(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    try:
        context.load_cert_chain(certificate, key)
    except OSError:
        message = (
            f"--tls-cert needs --tls-key: {certificate} is no PEM file that holds a certificate and its key as well"
            if key is None
            else f"the certificate {certificate} cannot be used with the key {key}: give two PEM files that fit"
        )
        raise SettingsError(message) from None


def _no_authorities(path: Path) -> SettingsError:
    return SettingsError(f"{path} holds no certificates that can be used: give a PEM file of authorities")


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
        _refuse_missing(("--forward-ca", self.ca))
        try:
            context = ssl.create_default_context(cafile=str(self.ca))  # and not the system's authorities besides
        except OSError:
            raise _no_authorities(self.ca) from None
        if self.ours is not None:
            context.load_cert_chain(*self.ours)
        return context


NOBODY = Credentials()
"""No token, no certificate of ours, and the system's authorities."""
