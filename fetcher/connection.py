"""From a server's name to a connection: resolving, judging the address, connecting.

Invariants: the name is resolved once and the connection goes to one of those addresses, each judged by `fetcher.guard`
(T051, T052), while TLS still checks the name. Nothing waits for ever. Errors are `FetchError`s.
"""

import asyncio
import errno
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from fetcher import guard
from fetcher.dialogue import DEFAULT_LIMITS, Limits
from fetcher.errors import FetchError
from fetcher.wire import Wire

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Name and port to addresses, best first."""

ADDRESSES_TRIED = 4


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds. `rate` is how many octets a second excuse a longer wait."""

    name: float = 15
    connect: float = 15
    tls: float = 20
    reply: float = 60
    rate: int = 1_024
    goodbye: float = 10


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to connect to and how. `private_ok`: addresses that are not of the Internet are allowed."""

    host: str
    port: int
    tls: str
    private_ok: bool = False
    plain_ok: bool = False
    """The administrator allows this host's password in clear even over the Internet."""
    protocol: str = "pop3"


@dataclass(frozen=True, slots=True)
class Environment:
    """What the shell needs from outside; tests replace it."""

    times: Times = field(default_factory=Times)
    limits: Limits = DEFAULT_LIMITS
    resolve: Resolve | None = None
    trust: Callable[[], ssl.SSLContext] | None = None


async def system_resolve(host: str, port: int) -> Sequence[str]:
    """Ask the machine's resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def verifying_context() -> ssl.SSLContext:
    """TLS 1.2 or newer, certificate and name checked against the machine's authorities."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


async def addresses(target: Target, environment: Environment) -> Sequence[str]:
    """Resolve the name once and return the addresses that may be connected to."""
    literal = target.host.strip("[]")
    try:
        found: Sequence[str] = [str(ipaddress.ip_address(literal))]
    except ValueError:
        try:
            async with asyncio.timeout(environment.times.name):
                found = await (environment.resolve or system_resolve)(target.host, target.port)
        except TimeoutError as error:
            raise FetchError("name-not-found", "the name servers do not answer") from error
        except (OSError, UnicodeError) as error:
            raise FetchError("name-not-found") from error
    if not found:
        raise FetchError("name-not-found")
    allowed = [a for a in found if target.private_ok or guard.is_public(a)]
    if not allowed:
        raise FetchError("address-forbidden")
    usable = [
        a for a in allowed if guard.port_allowed(target.port, public=not target.private_ok, protocol=target.protocol)
    ]
    if not usable:
        raise FetchError("port-forbidden")
    if target.tls == "none" and not target.plain_ok and any(guard.is_public(a) for a in usable):
        raise FetchError("tls-required")
    return usable[:ADDRESSES_TRIED]


async def connect(target: Target, found: Sequence[str], environment: Environment) -> Wire:
    """Connect to the first address that answers."""
    failure = FetchError("unreachable")
    for address in found:
        try:
            async with asyncio.timeout(environment.times.connect):
                _, wire = await asyncio.get_running_loop().create_connection(Wire, address, target.port)
        except TimeoutError:
            failure = FetchError("time-out")
        except OSError as error:
            failure = FetchError("connection-refused" if error.errno == errno.ECONNREFUSED else "unreachable")
        else:
            return wire
    raise failure
