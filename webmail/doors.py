"""Which doors of which servers the webmail goes through, and how each is protected.

Invariants (security.md T130): a token or password crosses a network under verified TLS only; our own server, once it listens beyond this
machine, takes no sign-in in clear from anybody, so we come by TLS too and accept exactly the certificate in DATA/tls.
RFC 8314 §3 (implicit TLS on 993 and 465).
"""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from server.config import Settings

CERTIFICATE = "certificate.pem"
IMPLICIT_PORTS = (993, 465)
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Door:
    """Where to connect. `context` is there unless `protection` is `none`."""

    host: str
    port: int
    protection: Literal["none", "starttls", "implicit"]
    context: ssl.SSLContext | None = None


def imap(settings: Settings) -> Door:
    """The IMAP server: ours, or the foreign one that is configured. Raises OSError when our certificate cannot be read."""
    host, port = settings.webmail_imap
    return _foreign(host, port) if settings.imap_server else _own(settings, host, port, settings.ports.imaps)


def submission(settings: Settings) -> Door:
    """The submission server, likewise."""
    host, port = settings.webmail_submission
    if settings.submission_server:
        return _foreign(host, port)
    return _own(settings, host, port, settings.ports.submissions)


def _own(settings: Settings, host: str, port: int, tls_port: int) -> Door:
    if settings.is_loopback:
        return Door(host, port, "none")
    return Door(host, tls_port, "implicit", pinned(settings.tls_dir / CERTIFICATE))


def _foreign(host: str, port: int) -> Door:
    if host in _LOOPBACK:
        return Door(host, port, "none")
    return Door(host, port, "implicit" if port in IMPLICIT_PORTS else "starttls", ssl.create_default_context())


def pinned(certificate: Path) -> ssl.SSLContext:
    """A context that trusts this one certificate, whoever signed it and whatever name it carries."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # we come by address; the certificate itself is what we know
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(certificate)
    return context
