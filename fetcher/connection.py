"""The asyncio shell around `fetcher.pop3`: names, connections, TLS, time-outs, sign-in.

Invariants: the name is resolved once and the connection goes to one of those addresses, each judged by `fetcher.guard`
(T051, T052), while TLS still checks the name. A wish for TLS is never given up: no STLS offered is an error (T130).
Nothing waits for ever: every reply has a time, and a peer that trickles octets is given up. Errors are `FetchError`s.
"""

import asyncio
import contextlib
import errno
import ipaddress
import socket
import ssl
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

from fetcher import capability, guard, pop3
from fetcher.capability import Capabilities, Way
from fetcher.errors import FetchError, explain_code, explain_refusal
from fetcher.pop3 import Client, Command, Reply
from fetcher.wire import InjectedBeforeTls, Wire

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


@dataclass(frozen=True, slots=True)
class Environment:
    """What the shell needs from outside; tests replace it."""

    times: Times = field(default_factory=Times)
    limits: pop3.Limits = pop3.DEFAULT_LIMITS
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
    usable = [a for a in allowed if guard.port_allowed(target.port, public=not target.private_ok)]
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


class Pop3Link:
    """A POP3 session over one wire."""

    def __init__(self, wire: Wire, target: Target, environment: Environment) -> None:
        self._wire, self._target, self._environment = wire, target, environment
        self._client = Client(environment.limits)
        self._greeting: Reply | None = None
        self._encrypted = False
        self._waited = 0.0
        self.capabilities = capability.LEGACY

    # -- opening

    async def secure(self) -> None:
        """Begin TLS on the wire; for implicit TLS before the greeting."""
        context = (self._environment.trust or verifying_context)()
        try:
            async with asyncio.timeout(self._environment.times.tls):
                await self._wire.start_tls(context, self._target.host.strip("[]"))
        except TimeoutError as error:
            raise FetchError("time-out", "no answer to the TLS handshake") from error
        except ssl.SSLCertVerificationError as error:
            raise FetchError("tls-certificate", error.verify_message) from error
        except InjectedBeforeTls as error:
            raise FetchError("tls-failed", "the server speaks without TLS on this port") from error
        except (OSError, EOFError) as error:
            raise FetchError("tls-failed", getattr(error, "reason", None) or "") from error
        self._encrypted = True

    async def greet(self) -> str:
        """Read the greeting and the capabilities, with STARTTLS where it is wanted. Returns the greeting's text."""
        self._greeting = (await self._take(1))[0]
        if not self._greeting.ok:
            code = explain_code(self._greeting.code) or "provider-temporary"
            raise FetchError(code, self._greeting.text)
        await self._read_capabilities()
        if self._target.tls == "starttls":
            await self._start_tls()
        return self._greeting.text

    async def _start_tls(self) -> None:
        # RFC 2595 §4. A server without CAPA may still know STLS, so it is asked; a refusal is the end, never clear text.
        if self.capabilities.known and not self.capabilities.stls:
            raise FetchError("tls-not-offered")
        reply = await self.ask(pop3.STLS)
        if not reply.ok:
            raise FetchError("tls-not-offered", reply.text)
        if self._client.leftover:
            raise FetchError("tls-failed", "the server sent something between STLS and TLS")
        await self.secure()
        # RFC 2595 §4: what was said before TLS must be forgotten.
        self.capabilities = capability.LEGACY
        await self._read_capabilities()

    async def _read_capabilities(self) -> None:
        reply = await self.ask(pop3.CAPA)
        self.capabilities = capability.parse(reply.payload) if reply.ok else capability.LEGACY

    async def sign_in(self, username: str, password: str) -> None:
        """Sign in by the best way that the server offers."""
        stamp = pop3.timestamp(self._greeting) if self._greeting else None
        ascii_only = username.isascii() and password.isascii()
        ways = capability.ways(self.capabilities, encrypted=self._encrypted, timestamp=stamp, ascii_only=ascii_only)
        if not ways:
            raise FetchError("sign-in-not-offered")
        reply: Reply | None = None
        for way in ways:
            try:
                reply = await self._try(way, username, password, stamp or "")
            except ValueError as error:
                raise FetchError("bad-credentials-text") from error
            if reply.ok:
                return
            if way is not Way.APOP and not capability.not_understood(reply.text):
                break
        assert reply is not None  # noqa: S101 - there was at least one way
        raise FetchError(
            explain_refusal(self._target.host, reply.code, reply.text),
            reply.text,
            retry_after=self.capabilities.login_delay or None,
        )

    async def _try(self, way: Way, username: str, password: str, stamp: str) -> Reply:
        if way is Way.APOP:
            return await self.ask(pop3.apop(username, password, stamp))
        if way is Way.PLAIN:
            reply = await self.ask(pop3.sasl_plain(username, password))
            if reply.challenge is not None:
                reply = await self.ask(pop3.sasl_response(username, password))
            return reply if reply.challenge is None else await self.ask(pop3.CANCEL)
        commands = (pop3.user(username), pop3.password(password))
        if self.capabilities.pipelining:
            first, second = await self.ask_all(commands)
            return second if first.ok else first
        first = await self.ask(commands[0])
        return await self.ask(commands[1]) if first.ok else first

    @property
    def tls_version(self) -> str:
        """Such as TLSv1.3; empty in clear."""
        return self._wire.tls_version

    # -- talking

    async def ask(self, command: Command) -> Reply:
        """Send one command and return its reply."""
        self._write((command,))
        return (await self._take(1))[0]

    async def ask_all(self, commands: Sequence[Command]) -> list[Reply]:
        """Send commands, at once where the server allows it, and return their replies."""
        return [reply async for reply in self.stream(commands, window=len(commands))]

    async def stream(self, commands: Iterable[Command], *, window: int) -> AsyncIterator[Reply]:
        """Yield the replies in order while up to `window` commands are under way (RFC 2449 §6.6).

        A reader that stops early leaves the session unusable: it has to `abort`.
        """
        size = window if self.capabilities.pipelining else 1
        waiting = deque(commands)
        while waiting or self._client.in_flight:
            if waiting and self._client.in_flight <= size // 2:
                count = min(len(waiting), size - self._client.in_flight)
                self._write([waiting.popleft() for _ in range(count)])
                await self._drain()
            for reply in await self._take(0):
                yield reply

    def _write(self, commands: Sequence[Command]) -> None:
        try:
            self._wire.write(self._client.send(*commands))
        except OSError as error:
            raise FetchError("dropped") from error

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(self._environment.times.reply):
                await self._wire.drain()
        except TimeoutError as error:
            raise FetchError("time-out") from error
        except OSError as error:
            raise FetchError("dropped") from error

    async def _take(self, at_least: int) -> list[Reply]:
        """Read once, or until `at_least` replies are complete."""
        replies: list[Reply] = []
        while True:
            data = await self._read()
            try:
                replies += self._client.receive(data)
            except pop3.TooBig as error:
                code = "too-many-messages" if error.command.shape is pop3.Shape.LISTING else "message-too-big"
                raise ReplyTooBig(code, error.command.number) from error
            except pop3.Pop3Error as error:
                raise FetchError("protocol", str(error)) from error
            if replies:
                self._waited = 0.0
            if len(replies) >= at_least:
                return replies

    async def _read(self) -> bytes:
        times, loop = self._environment.times, asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(times.reply):
                data = await self._wire.read()
        except TimeoutError as error:
            raise FetchError("time-out") from error
        except OSError as error:
            raise FetchError("dropped") from error
        self._waited += loop.time() - began
        if not data:
            raise FetchError("dropped")
        # One octet now and then keeps no connection: time is earned by octets.
        if self._waited > times.reply + self._client.received / times.rate:
            raise FetchError("too-slow")
        return data

    # -- ending

    async def quit(self) -> bool:
        """End the session; True if the server says that it has done the deletions (RFC 1939 §6)."""
        try:
            async with asyncio.timeout(self._environment.times.goodbye):
                reply = await self.ask(pop3.QUIT)
        except (FetchError, TimeoutError):
            self.abort()
            return False
        self._wire.close()
        await self._wire.closed(1.0)
        return reply.ok

    def abort(self) -> None:
        """Cut the connection: the server must not delete anything then (RFC 1939 §6)."""
        self._wire.abort()


class ReplyTooBig(FetchError):
    """A reply passed its limit; `number` is the message, 0 for a listing."""

    def __init__(self, code: str, number: int) -> None:
        super().__init__(code)
        self.number = number


@contextlib.asynccontextmanager
async def session(target: Target, username: str, password: str, environment: Environment) -> AsyncIterator[Pop3Link]:
    """A signed-in session; cut off without QUIT unless the block has ended it."""
    wire = await connect(target, await addresses(target, environment), environment)
    link = Pop3Link(wire, target, environment)
    try:
        if target.tls == "implicit":
            await link.secure()
        await link.greet()
        await link.sign_in(username, password)
        yield link
    finally:
        link.abort()


def capabilities_text(found: Capabilities) -> str:
    """For the step-by-step check."""
    words = [
        name for name, there in (("PIPELINING", found.pipelining), ("TOP", found.top), ("STLS", found.stls)) if there
    ]
    return ", ".join([*words, *sorted(found.sasl)])
