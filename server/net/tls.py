"""TLS for everything that listens: the certificate on disk, a context that notices when it is renewed.

Invariants: the private key is never readable by others, not even while it is being written; a certificate is replaced as a whole
(key first, then the certificate that names it, both by rename), and one that cannot be loaded leaves the old one in use. A
self-signed certificate is made when DATA/tls holds none, so that TLS works on the first start.

RFC 8314 §4: TLS 1.2 is the least offered. RFC 9525 §2: names stand in subjectAltName.
"""

import fcntl
import ipaddress
import os
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from server.config import Settings
from server.log import get_logger

CERTIFICATE = "certificate.pem"
NAMELESS = "localhost"
"""What an installation is called before its set-up."""
KEY = "key.pem"
LIFETIME = timedelta(days=825)
"""What the strictest clients (Apple) accept of a certificate that is not from a public authority."""
CLOCK_SKEW = timedelta(hours=1)
COMMON_NAME_LIMIT = 64
"""ub-common-name, RFC 5280 appendix A: longer host names stand in subjectAltName only."""

log = get_logger("net.tls")


def server_context(settings: Settings, hostname: str) -> ssl.SSLContext:
    """Return a context for listeners; makes a self-signed certificate first when there is none.

    The context looks at the files again at each handshake (one `stat`), so a renewed certificate is served without a restart.
    """
    ensure_certificate(settings, hostname)
    certificate, key = settings.tls_dir / CERTIFICATE, settings.tls_dir / KEY
    context = _load(certificate, key)
    context.sni_callback = _Reload(certificate, key)
    return context


def ensure_certificate(settings: Settings, hostname: str) -> None:
    """Make DATA/tls/certificate.pem and key.pem for this host unless both are there.

    A pair that was made before the installation had a name (it says `localhost`) is made again once it has one.
    """
    folder = settings.tls_dir
    if _is_there(folder, hostname):
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        # Several mail processes start at once; two of them making a pair would mix one's key with the other's certificate.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _is_there(folder, hostname):
            return
        certificate, key = self_signed(hostname, datetime.now(UTC))
        _replace(folder / KEY, key)
        _replace(folder / CERTIFICATE, certificate)
    log.info("certificate_made", hostname=hostname)


def _is_there(folder: Path, hostname: str) -> bool:
    if not ((folder / CERTIFICATE).exists() and (folder / KEY).exists()):
        return False
    if hostname == NAMELESS:
        return True
    try:
        found = x509.load_pem_x509_certificate((folder / CERTIFICATE).read_bytes())
    except ValueError:
        return True  # somebody's own file, in whatever form; loading it says what is wrong
    nameless = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAMELESS)])
    return not found.subject == found.issuer == nameless


def self_signed(hostname: str, now: datetime) -> tuple[bytes, bytes]:
    """Return (certificate, private key) in PEM for a host name, `localhost` and the loopback addresses."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hostname[:COMMON_NAME_LIMIT])])
    dns_names = [x509.DNSName(n) for n in dict.fromkeys((_a_label(hostname), "localhost"))]
    addresses = [x509.IPAddress(ipaddress.ip_address(a)) for a in ("127.0.0.1", "::1")]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectAlternativeName([*dns_names, *addresses]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), private


def _a_label(hostname: str) -> str:
    return hostname if hostname.isascii() else hostname.encode("idna").decode("ascii")


def _load(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    # RFC 8996 §2: TLS 1.0 and 1.1 must not be used.
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    return context


def _replace(path: Path, content: bytes) -> None:
    """Write a file that is whole or absent, readable by its owner alone."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


class _Reload:
    """Called by OpenSSL in each handshake, with or without a server name, before the certificate is chosen."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._certificate, self._key = certificate, key
        self._seen = self._mark()
        self._fresh: ssl.SSLContext | None = None

    def __call__(self, connection: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _context: ssl.SSLContext) -> None:
        mark = self._mark()
        if mark != self._seen and mark is not None:
            try:
                self._fresh, self._seen = _load(self._certificate, self._key), mark
            except (OSError, ssl.SSLError) as error:
                # Half of a renewal, or a broken one: keep serving the old certificate, look again at the next handshake.
                log.warning("certificate_not_loaded", reason=type(error).__name__)
        if self._fresh is not None:
            connection.context = self._fresh

    def _mark(self) -> tuple[int, ...] | None:
        try:
            stats = [p.stat() for p in (self._certificate, self._key)]
        except OSError:
            return None
        return tuple(n for s in stats for n in (s.st_mtime_ns, s.st_ino, s.st_size))
