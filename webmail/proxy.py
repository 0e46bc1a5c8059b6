"""Remote images by way of us: the sender learns neither who reads nor where (DESIGN.md D10, security.md section C).

Invariants: a name is resolved once and the connection goes to that address, which must be public, and so for each redirect
(T049, T052); a request carries no cookie, no referrer and a fixed name; at most 10 MiB in 10 s, and only what is an image by its
first octets (T056); an address works only signed, for one person, for about a day (T054).
"""

import base64
import hashlib
import hmac
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from webmail import image_type
from webmail.sanitize_link import host_of, web_address

MAX_OCTETS = 10 * 2**20
SECONDS = 10.0
MAX_REDIRECTS = 3
PORTS = {"http": 80, "https": 443}
AGENT = "Mozilla/5.0 (compatible; Posthouse image proxy)"
DAY = 24 * 3600
AT_ONCE = 8
CACHE_OCTETS = 32 * 2**20
CHUNK = 65_536
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_REDIRECTS = (301, 302, 303, 307, 308)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class NotFetched(Exception):
    """The image cannot be had, or must not; the reason is for the log alone."""


@dataclass(frozen=True, slots=True)
class Image:
    """What came back."""

    kind: str
    data: bytes


def is_public(address: Address) -> bool:
    """Whether an address is one of the open internet, also when it is wrapped in another form."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved and not address.is_unspecified


def sign(key: bytes, account: int, url: str, now: float) -> str:
    """A token that lets one person's browser have one image until the day after tomorrow begins."""
    payload = f"{int(now // DAY) + 2}.{account}.{url}"
    mark = hmac.new(key, payload.encode(), hashlib.sha256).digest()[:18]
    return f"{_encoded(mark)}.{_encoded(payload.encode())}"


def unsign(key: bytes, token: str, now: float) -> tuple[int, str] | None:
    """(account, address) of a token that is ours and not too old."""
    try:
        mark, payload = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in token.split(".", 1))
        expected = hmac.new(key, payload, hashlib.sha256).digest()[:18]
        if not hmac.compare_digest(mark, expected):
            return None
        day, account, url = payload.decode().split(".", 2)
        return (int(account), url) if now // DAY < int(day) else None
    except (ValueError, UnicodeError):
        return None


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def resolve(host: str, port: int) -> list[Address]:
    """Every address of a name."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]


class Fetcher:
    """Fetches images for one web process.

    Args:
        resolver: Name and port -> addresses; tests put their own in its place.
        allowed: Which addresses may be reached.
        ports: Which port stands for which scheme.
    """

    def __init__(
        self,
        *,
        resolver: Callable[[str, int], list[Address]] = resolve,
        allowed: Callable[[Address], bool] = is_public,
        ports: dict[str, int] | None = None,
        seconds: float = SECONDS,
        limit: int = MAX_OCTETS,
    ) -> None:
        self._resolver, self._allowed = resolver, allowed
        self._ports = PORTS if ports is None else ports
        self._seconds, self._limit = seconds, limit
        self._slots = threading.BoundedSemaphore(AT_ONCE)
        self._lock = threading.Lock()
        self._cache: OrderedDict[tuple[int, str], Image] = OrderedDict()
        self._cached = 0

    def image(self, account: int, url: str) -> Image:
        """The image at an address.

        Raises:
            NotFetched: See there.
        """
        key = (account, url)
        with self._lock:
            if key in self._cache:
                self._cache.move_to_end(key)
                return self._cache[key]
        deadline = time.monotonic() + self._seconds
        if not self._slots.acquire(timeout=self._seconds / 2):
            raise NotFetched("too many at once")
        try:
            found = self._follow(url, deadline)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NotFetched(type(error).__name__) from error
        finally:
            self._slots.release()
        self._remember(key, found)
        return found

    def _follow(self, url: str, deadline: float) -> Image:
        for _ in range(MAX_REDIRECTS + 1):
            clean = web_address(url)
            if not clean:
                raise NotFetched("not a web address")
            answer = self._once(clean, deadline)
            if isinstance(answer, Image):
                return answer
            url = urljoin(clean, answer)
        raise NotFetched("too many redirects")

    def _once(self, url: str, deadline: float) -> Image | str:
        parts = urlsplit(url)
        host = host_of(url)
        port = parts.port or self._ports[parts.scheme]
        if port != self._ports[parts.scheme]:
            raise NotFetched("port not open")
        raw = self._connected(host, port, deadline)
        # A time-out of the socket begins anew with every octet; this one does not. It has a handle of its own on the connection:
        # TLS takes the socket over, and http.client lets go of it before the body is read.
        handle = raw.dup()
        watchdog = threading.Timer(_left(deadline), _hang_up, (handle,))
        watchdog.start()
        connection = http.client.HTTPConnection(host, port, timeout=_left(deadline))
        try:
            is_tls = parts.scheme == "https"
            connection.sock = ssl.create_default_context().wrap_socket(raw, server_hostname=host) if is_tls else raw
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            name = f"[{host}]" if ":" in host else host
            connection.putrequest("GET", target, skip_host=True, skip_accept_encoding=True)
            for field, value in (("Host", name), ("User-Agent", AGENT), ("Accept", "image/*"), ("Connection", "close")):
                connection.putheader(field, value)
            connection.endheaders()
            response = connection.getresponse()
            if response.status in _REDIRECTS and (location := response.getheader("Location")):
                return location
            if response.status != http.client.OK:
                raise NotFetched("not found")
            return self._read(response, deadline)
        finally:
            watchdog.cancel()
            connection.close()
            raw.close()
            handle.close()

    def _connected(self, host: str, port: int, deadline: float) -> socket.socket:
        addresses = self._resolver(host, port)
        # One private address among several is enough to refuse: the next look-up might give only that one.
        if not addresses or not all(self._allowed(address) for address in addresses):
            raise NotFetched("not a public address")
        return socket.create_connection((str(addresses[0]), port), timeout=_left(deadline))

    def _read(self, response: http.client.HTTPResponse, deadline: float) -> Image:
        received = bytearray()
        while len(received) <= self._limit:
            chunk = response.read1(CHUNK)
            _left(deadline)  # what a cut brought to an end is no whole image
            if not chunk:
                break
            received += chunk
        else:
            raise NotFetched("too large")
        picture = image_type.sniff(bytes(received[:65_536]))
        if picture is None or not picture.showable:
            raise NotFetched("not an image")
        return Image(picture.kind, bytes(received))

    def _remember(self, key: tuple[int, str], found: Image) -> None:
        with self._lock:
            if key not in self._cache:
                self._cache[key] = found
                self._cached += len(found.data)
            while self._cached > CACHE_OCTETS:
                _, old = self._cache.popitem(last=False)
                self._cached -= len(old.data)


def _hang_up(handle: socket.socket) -> None:
    with suppress(OSError):
        handle.shutdown(socket.SHUT_RDWR)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise NotFetched("too slow")
    return left
