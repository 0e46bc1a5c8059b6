"""A POP3 account as the collector sees it (RFC 1939, 2449, 2595): sign-in, listing, messages, deletion.

Invariant: a wish for TLS is never given up: no STLS offered is an error (T130).
"""

import hashlib
from array import array
from collections.abc import AsyncIterator, Iterable, Sequence

from fetcher import capability, pop3, uidl
from fetcher.capability import Way
from fetcher.connection import Environment, Target
from fetcher.dialogue import Reply
from fetcher.errors import FetchError, explain_code, explain_refusal
from fetcher.pop3 import Client
from fetcher.talk import Survey, Talk
from fetcher.uidl import Entry
from fetcher.wire import Wire

WINDOW = 64


class Pop3Link(Talk):
    """A POP3 session over one wire."""

    def __init__(self, wire: Wire, target: Target, environment: Environment) -> None:
        super().__init__(wire, target, environment, Client(environment.limits))
        self._greeting: Reply | None = None
        self._listing: tuple[bytes | None, array[int]] = (None, array("q"))
        self._set_capabilities(capability.LEGACY)

    def _set_capabilities(self, found: capability.Capabilities) -> None:
        self.capabilities, self.pipelining = found, found.pipelining

    @property
    def abilities(self) -> str:
        """For the step-by-step check."""
        found = self.capabilities
        offered = (("PIPELINING", found.pipelining), ("TOP", found.top), ("STLS", found.stls))
        return ", ".join([*(name for name, there in offered if there), *sorted(found.sasl)])

    # -- opening

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
        self._set_capabilities(capability.LEGACY)
        await self._read_capabilities()

    async def _read_capabilities(self) -> None:
        reply = await self.ask(pop3.CAPA)
        self._set_capabilities(capability.parse(reply.payload) if reply.ok else capability.LEGACY)

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

    # -- what is there

    async def survey(self, *, change: bool = False) -> Survey:  # noqa: ARG002 - POP3 knows one way to open a mailbox
        """Ask for the whole listing."""
        by_uidl, by_size = await self.ask_all((pop3.UIDL, pop3.LIST))
        if not by_size.ok:
            raise FetchError(explain_code(by_size.code) or "protocol", by_size.text)
        names = by_uidl.payload if by_uidl.ok else None
        sizes = uidl.sizes(by_size.payload)
        self._listing = names, sizes
        count = sum(1 for s in sizes if s >= 0)
        if names is None:
            return Survey(count, None, "no UIDL")
        return Survey(count, hashlib.sha256(names + b"\0" + by_size.payload).hexdigest())

    async def entries(self) -> Iterable[Entry]:
        return uidl.entries(*self._listing)

    async def headers(self, numbers: Sequence[int]) -> AsyncIterator[Reply]:
        """Yield the header of each, by TOP if the server can, else by RETR."""
        if self.capabilities.top:
            refused: list[int] = []
            async for reply in self.stream([pop3.top(n) for n in numbers], window=WINDOW):
                if reply.ok:
                    yield reply
                else:
                    refused.append(reply.command.number)
            numbers = refused
        async for reply in self.messages(numbers):
            yield reply

    def messages(self, numbers: Iterable[int]) -> AsyncIterator[Reply]:
        """Yield each message; a reply that is not ok is one that is gone."""
        return self.stream([pop3.retr(n) for n in numbers], window=WINDOW)

    async def sample(self) -> bytes:
        """Return the header of one message, or nothing where a look at it would fetch it."""
        last = len(self._listing[1]) - 1
        if last < 1:
            return b""
        top = self.capabilities.top
        reply = await self.ask(pop3.top(last) if top else pop3.LIST)
        if not reply.ok:
            raise FetchError("protocol", reply.text)
        return reply.payload if top else b""

    # -- ending

    async def finish(self, delete: Sequence[int]) -> tuple[Sequence[int], bool]:
        """Delete these and QUIT; returns what is deleted for sure, and whether the server has said so of everything."""
        replies = self.stream([pop3.dele(n) for n in delete], window=WINDOW)
        marked = [reply.command.number async for reply in replies if reply.ok]
        # RFC 1939 §6: only QUIT deletes, and nothing is deleted if the session ends without it.
        done = await self.leave(pop3.QUIT)
        return (marked if done else ()), done and len(marked) == len(delete)
