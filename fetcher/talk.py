"""The asyncio shell around a client of `fetcher.dialogue`: TLS, commands and replies over one wire, with time-outs.

Invariants: nothing waits for ever: every reply has a time, and a peer that trickles octets is given up. Certificate and
name are checked against the name that was asked for. Errors are `FetchError`s.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass

from fetcher.connection import Environment, Target, verifying_context
from fetcher.dialogue import Client, Command, DialogueError, Farewell, Reply, Shape, TooBig
from fetcher.errors import FetchError, explain_code
from fetcher.wire import InjectedBeforeTls, Wire


@dataclass(frozen=True, slots=True)
class Survey:
    """What a first look at the mailbox says. While the fingerprint stays the same there is nothing to do."""

    count: int
    fingerprint: str | None
    note: str = ""


class ReplyTooBig(FetchError):
    """A reply passed its limit; `number` is the message, 0 for a listing."""

    def __init__(self, code: str, number: int) -> None:
        super().__init__(code)
        self.number = number


class Talk:
    """A conversation over one wire."""

    pipelining = False
    """Whether a command may be sent before the reply to the one in front of it has come."""

    def __init__(self, wire: Wire, target: Target, environment: Environment, client: Client) -> None:
        self._wire, self._target, self._environment, self._client = wire, target, environment, client
        self._encrypted = False
        self._waited = 0.0

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
        size = window if self.pipelining else 1
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
            except TooBig as error:
                code = "too-many-messages" if error.command.shape is Shape.LISTING else "message-too-big"
                raise ReplyTooBig(code, error.command.number) from error
            except Farewell as error:
                raise FetchError(explain_code(error.code) or "dropped", str(error)) from error
            except DialogueError as error:
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

    async def leave(self, command: Command) -> bool:
        """Say goodbye by `command`; True if the server has answered well."""
        try:
            async with asyncio.timeout(self._environment.times.goodbye):
                reply = await self.ask(command)
        except (FetchError, TimeoutError):
            self.abort()
            return False
        self._wire.close()
        await self._wire.closed(1.0)
        return reply.ok

    def abort(self) -> None:
        """Cut the connection without another word."""
        self._wire.abort()
