"""What is well and what is not, each with what was seen and the remedy. The page, the command and JSON show the same list.

Only checks that look at this installation and its DNS names; nobody outside is asked to connect back.
"""

import asyncio
import shutil
import socket
import ssl
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cryptography import x509

from server.accounts import account as accounts
from server.accounts.directory import Directory
from server.config import Settings
from server.db.errors import DatabaseError
from server.dns.resolver import LookupFailed, NoSuchDomain, Resolver
from server.supervisor import alive

State = Literal["ok", "warning", "bad"]
LOW_SPACE = 2 * 2**30
CERTIFICATE_DAYS = 14
CONNECT_TIMEOUT = 3.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: its name, how it stands, what was seen, and what to do about it (empty when well)."""

    name: str
    state: State
    saw: str
    remedy: str = ""


def examine(settings: Settings, directory: Directory, resolver: Resolver) -> list[Finding]:
    """Run every check that makes sense here; a trial on loopback is not asked about public DNS."""
    checks: list[Callable[[], Iterator[Finding]]] = [
        lambda: _disk(settings),
        lambda: _people(directory),
        lambda: _key(settings.secret_key_file),
        lambda: _roles(settings),
        lambda: _ports(settings),
        lambda: _certificate(settings),
    ]
    found = [finding for check in checks for finding in check()]
    if not settings.is_loopback:
        found += asyncio.run(_names(directory, resolver))
    return found


def _disk(settings: Settings) -> Iterator[Finding]:
    free = shutil.disk_usage(settings.data).free
    saw = f"{free / 2**30:.1f} GB free in {settings.data}"
    if free < LOW_SPACE:
        yield Finding("disk", "bad", saw, "free some space: mail is refused for now, not lost, when the disk is full")
    else:
        yield Finding("disk", "ok", saw)


def _people(directory: Directory) -> Iterator[Finding]:
    try:
        everybody = directory.read_now(accounts.all_accounts)
        domains = directory.read_now(accounts.domains)
    except DatabaseError as error:
        yield Finding("directory", "bad", str(error), "run: python app.py verify --repair")
        return
    if not any(person.admin and person.active for person in everybody):
        yield Finding(
            "directory",
            "bad",
            "no active administrator",
            "open the web page, or: python app.py account add ADDRESS --admin",
        )
    else:
        yield Finding("directory", "ok", f"{len(everybody)} accounts in {len(domains)} domains")
    hostname = directory.hostname()
    if hostname == "localhost":
        yield Finding(
            "host name",
            "warning",
            hostname,
            "give this server its public name, other servers check it: python app.py domain host NAME",
        )
    else:
        yield Finding("host name", "ok", hostname)


def _key(path: Path) -> Iterator[Finding]:
    if not path.exists():
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        yield Finding("key", "bad", f"{path} can be read by others (mode {mode:o})", f"chmod 600 {path}")
    else:
        yield Finding("key", "ok", "readable by its owner alone")


def _roles(settings: Settings) -> Iterator[Finding]:
    for role in ("web", "mail", "worker"):
        if alive(settings.data, role):
            yield Finding(f"role {role}", "ok", "runs")
        else:
            yield Finding(f"role {role}", "bad", "does not run", "start it: python app.py serve")


def _ports(settings: Settings) -> Iterator[Finding]:
    host = "127.0.0.1" if settings.bind in ("0.0.0.0", "::") else settings.bind
    greetings = (("smtp", b"220 "), ("submission", b"220 "), ("lmtp", b"220 "), ("imap", b"* OK"), ("pop3", b"+OK"))
    for name, greeting in greetings:
        port = getattr(settings.ports, name)
        try:
            with socket.create_connection((host, port), CONNECT_TIMEOUT) as connection:
                heard = connection.recv(512)
        except OSError as error:
            yield Finding(
                f"port {name}",
                "bad",
                f"{host}:{port}: {error.strerror or error}",
                "start the mail role, and see that no firewall is in between",
            )
            continue
        if heard.startswith(greeting):
            yield Finding(f"port {name}", "ok", f"{host}:{port} answers")
        else:
            yield Finding(
                f"port {name}",
                "bad",
                f"{host}:{port} answers {heard[:60]!r}",
                "another program holds this port; stop it or choose another --port-offset",
            )


def _certificate(settings: Settings) -> Iterator[Finding]:
    host = "127.0.0.1" if settings.bind in ("0.0.0.0", "::") else settings.bind
    try:
        certificate = x509.load_pem_x509_certificate(
            ssl.get_server_certificate((host, settings.ports.imaps), timeout=CONNECT_TIMEOUT).encode()
        )
    except (OSError, ValueError) as error:
        yield Finding("certificate", "bad", str(error), "start the mail role")
        return
    days = int((certificate.not_valid_after_utc.timestamp() - time.time()) / 86_400)
    own = certificate.issuer == certificate.subject
    saw = f"{'self-signed, ' if own else ''}valid for {days} more days"
    if days < CERTIFICATE_DAYS:
        yield Finding("certificate", "bad" if days < 0 else "warning", saw, f"put a new one into {settings.tls_dir}")
    elif own and not settings.is_loopback:
        yield Finding(
            "certificate",
            "warning",
            saw,
            f"mail programs will warn people; put a real certificate into {settings.tls_dir}",
        )
    else:
        yield Finding("certificate", "ok", saw)


async def _names(directory: Directory, resolver: Resolver) -> list[Finding]:
    hostname = directory.hostname()
    found = [await _address(hostname, resolver)]
    for domain in directory.read_now(accounts.domains):
        try:
            hosts = [record.host for record in await resolver.mx(domain)]
        except (NoSuchDomain, LookupFailed) as error:
            hosts = [f"({type(error).__name__})"]
        good = hostname in hosts
        saw = f"{domain} -> {', '.join(hosts) or 'no MX record'}"
        remedy = "" if good else f"add at your DNS provider: {domain}. MX 10 {hostname}."
        found.append(Finding(f"MX of {domain}", "ok" if good else "bad", saw, remedy))
    return found


async def _address(hostname: str, resolver: Resolver) -> Finding:
    name = "address of the host name"
    remedy = f"add an A record for {hostname} at your DNS provider"
    try:
        addresses = await resolver.addresses(hostname)
    except NoSuchDomain:
        return Finding(name, "bad", f"{hostname} does not exist", remedy)
    except LookupFailed:
        return Finding(
            name, "warning", "the name servers of this machine do not answer", "see that this machine can ask DNS"
        )
    if not addresses:
        return Finding(name, "bad", f"{hostname} has no address", remedy)
    return Finding(name, "ok", ", ".join(addresses))
