"""One small document from a stranger's web server (security.md T049 to T053, T056).

Invariants: a name is resolved once, all its addresses must be of the Internet, and the connection goes to one of them while TLS still
checks the name; so again for each redirect, and none leads from HTTPS to HTTP. Nothing of the person goes along: no address, no cookie,
no referrer. Nothing waits longer than `SECONDS`, nothing is read beyond the limit, and why it failed stays here.
"""

import asyncio
import http.client
import io
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import cast
from urllib.parse import urljoin, urlsplit

from fetcher import guard
from fetcher.connection import verifying_context
from fetcher.discovery.offer import name_of
from server.dns.resolver import LookupFailed, NoSuchDomain, Resolver

SECONDS = 6.0
HEAD_LIMIT = 16 * 1024
REDIRECTS = 3
ADDRESSES_TRIED = 2
CHUNK = 16 * 1024
PORTS: Mapping[str, int] = MappingProxyType({"https": 443, "http": 80})
_MOVED = (301, 302, 303, 307, 308)


class NotFetched(Exception):
    """There is no document, or it must not be had."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request goes."""

    scheme: str
    host: str
    target: str


@dataclass(frozen=True, slots=True)
class Web:
    """How the web is reached; tests put their own servers in its place."""

    resolver: Resolver
    allowed: Callable[[str], bool] = guard.is_public
    ports: Mapping[str, int] = field(default_factory=lambda: PORTS)
    trust: Callable[[], ssl.SSLContext] = verifying_context
    seconds: float = SECONDS


async def get(url: str, web: Web, *, limit: int) -> bytes:
    """Return the document at an address.

    Raises:
        NotFetched: See there.
    """
    try:
        async with asyncio.timeout(web.seconds):
            return await _follow(url, web, limit)
    except (TimeoutError, OSError, ValueError, http.client.HTTPException, NoSuchDomain, LookupFailed) as error:
        raise NotFetched(type(error).__name__) from error


async def _follow(url: str, web: Web, limit: int) -> bytes:
    schemes = ("https",) if url.startswith("https:") else ("https", "http")
    for _ in range(REDIRECTS + 1):
        place = _place(url, schemes)
        answer = _read(await _exchange(place, web, limit))
        if answer.status in _MOVED:
            url = urljoin(url, answer.getheader("Location") or "")
        elif answer.status == http.client.OK:
            body = answer.read()
            if len(body) > limit:
                raise NotFetched("too large")
            return body
        else:
            raise NotFetched("not found")
    raise NotFetched("too many redirects")


def _place(url: str, schemes: tuple[str, ...]) -> Place:
    parts = urlsplit(url)
    host = name_of(parts.hostname or "")
    if parts.scheme not in schemes or host is None or parts.username is not None or parts.port is not None:
        raise NotFetched("not an address that is followed")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not all("!" <= c <= "~" for c in target):
        raise NotFetched("not an address")
    return Place(parts.scheme, host, target)


async def _exchange(place: Place, web: Web, limit: int) -> bytes:
    """Send one request and read until the server has said it all."""
    reader, writer = await _connected(place, web)
    try:
        writer.write(
            f"GET {place.target} HTTP/1.1\r\nHost: {place.host}\r\nUser-Agent: Posthouse\r\n"
            "Accept: application/xml, text/xml\r\nConnection: close\r\n\r\n".encode("ascii")
        )
        received = bytearray()
        while chunk := await _some(reader, received):
            received += chunk
            if len(received) > limit + HEAD_LIMIT:
                raise NotFetched("too large")
        return bytes(received)
    finally:
        writer.transport.abort()


async def _some(reader: asyncio.StreamReader, received: bytearray) -> bytes:
    try:
        return await reader.read(CHUNK)
    except (ssl.SSLError, ConnectionError):
        # Many hang up without the close that TLS wants; whether all came the length and the document tell.
        if received:
            return b""
        raise


async def _connected(place: Place, web: Web) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    addresses = await web.resolver.addresses(place.host)
    # One private address among several is enough to refuse: that is how a name is made to lead inside.
    if not addresses or not all(web.allowed(address) for address in addresses):
        raise NotFetched("not of the Internet")
    context, name = (web.trust(), place.host) if place.scheme == "https" else (None, None)
    failure: OSError = OSError("no address")
    for address in addresses[:ADDRESSES_TRIED]:
        try:
            port = web.ports[place.scheme]
            return await asyncio.open_connection(address, port, limit=CHUNK, ssl=context, server_hostname=name)
        except ssl.SSLError:
            raise
        except OSError as error:
            failure = error
    raise failure


class _Received:
    """Octets as the socket that `http.client` reads its answer from."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets

    def makefile(self, *_: object) -> io.BytesIO:
        return io.BytesIO(self._octets)


def _read(octets: bytes) -> http.client.HTTPResponse:
    # http.client asks a socket for nothing but the file it makes.
    answer = http.client.HTTPResponse(cast("http.client.socket.socket", _Received(octets)), method="GET")  # type: ignore[name-defined]
    answer.begin()
    return answer
