"""One TCP connection of an IMAP client: the asyncio shell around `fragment` and `session`.

Bounds: what was received and not yet understood stays under the limits of the fragmenter (reading pauses while a command runs and more
than `READ_AHEAD` waits); what was written and not yet taken stays near `WRITE_AHEAD`, and a client that does not read for
`write_timeout` is cut (security T126). STARTTLS drops every octet that came before the handshake (T097). A compressed connection keeps the
same bounds on both sides of the two streams (`compression`), and lets others run between two pieces of either.
"""

import asyncio
import itertools
import ssl
from typing import cast

from server.imap.compression import PIECE, Deflation, Inflation, Unreadable
from server.imap.handler import Event, Services
from server.imap.session import Session
from server.imap.session_limits import limits_before_login
from server.imap.syntax.fragment import Coming, Fragment, Fragmenter, FragmentLimits, NeedContinuation
from server.imap.syntax.response import status
from server.log import get_logger
from server.net.listener import Sessions

READ_AHEAD = 64 * 1024
WRITE_AHEAD = 64 * 1024
HANDSHAKE_TIMEOUT = 30.0
QUIET = 2.0
"""Seconds of silence after which a compressed connection gives back what it packs with."""

log = get_logger("imap")
_ids = itertools.count(1)


class Connection(asyncio.Protocol):
    """Protocol object of one connection; implements `handler.Channel` for its session."""

    def __init__(self, services: Services, sessions: Sessions, *, tls: bool) -> None:
        self.tls = tls
        self.peer = ""
        self._services = services
        self._sessions = sessions
        self._write_timeout = services.settings.limits.write_timeout
        self._fragmenter = Fragmenter(limits_before_login(services.settings.limits))
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._admitted = False
        self._woken = False
        self._ended = False  # the client sends nothing more
        self._lost = False  # nothing can be written any more
        self._finishing = False
        self._signed_out = False
        self._reading = True
        self._paused_writing = False
        self._inflation: Inflation | None = None
        self._deflation: Deflation | None = None
        self._unpacked: list[bytes] = []  # written, not yet packed

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._use(cast("asyncio.Transport", transport))
        name = transport.get_extra_info("peername")
        self.peer = str(name[0]) if isinstance(name, tuple) and name else "local"
        if self._sessions.draining or not self._services.limits.enter(self.peer):
            self.write(status(b"*", b"BYE", "Too many connections", b"UNAVAILABLE"))
            cast("asyncio.Transport", transport).close()
            return
        self._admitted = True
        self._sessions.add(self)
        self._task = asyncio.get_running_loop().create_task(self._run())

    def _use(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        transport.set_write_buffer_limits(high=WRITE_AHEAD)

    async def _run(self) -> None:
        connection_log = log.bind(connection=next(_ids), peer=self.peer)
        session = Session(self._services, self, connection_log)
        try:
            await session.run()
        except (ConnectionError, TimeoutError, ssl.SSLError) as error:
            connection_log.debug("connection_ended", why=type(error).__name__)
        except asyncio.CancelledError:
            connection_log.debug("connection_aborted")
        except Exception:  # noqa: BLE001 - a task has nobody above it who would log
            connection_log.exception("session_failed")
        finally:
            session.close()
            self._leave()
            if self._transport is not None:
                self._transport.close()

    def data_received(self, data: bytes) -> None:
        (self._inflation or self._fragmenter).feed(data)
        if self._waiter is not None:
            self._stir()
        elif self._reading and self._buffered > READ_AHEAD and self._transport is not None:
            self._reading = False
            self._transport.pause_reading()

    @property
    def _buffered(self) -> int:
        return self._fragmenter.buffered + (self._inflation.waiting if self._inflation is not None else 0)

    def eof_received(self) -> bool:
        self._ended = True
        self._stir()
        # What was sent before the end is still answered, where the transport can be half closed.
        return not self.tls

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._ended = self._lost = True
        self._stir()
        if self._drained is not None and not self._drained.done():
            self._drained.set_exception(ConnectionResetError())
        if self._task is None:
            self._leave()

    def pause_writing(self) -> None:
        self._paused_writing = True

    def resume_writing(self) -> None:
        self._paused_writing = False
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    def _stir(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _leave(self) -> None:
        if self._admitted:
            self._admitted = False
            self._services.limits.leave(self.peer)
            self._sessions.remove(self)

    # -- net.listener.Session

    def finish(self) -> None:
        self._finishing = True
        self._stir()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()
        if self._task is not None:
            self._task.cancel()

    # -- handler.Channel

    @property
    def limits(self) -> FragmentLimits:
        return self._fragmenter.limits

    @limits.setter
    def limits(self, limits: FragmentLimits) -> None:
        self._fragmenter.limits = limits

    def write(self, data: bytes) -> None:
        if self._transport is not None and not self._lost:
            if self._deflation is not None:
                self._unpacked.append(data)
            else:
                self._transport.write(data)

    async def drain(self) -> None:
        if self._unpacked and self._deflation is not None:
            await self._pack(self._deflation)
        await self._taken()

    async def _taken(self) -> None:
        """Wait until the client has taken most of what was written."""
        if self._lost:
            raise ConnectionResetError
        if not self._paused_writing:
            return
        self._drained = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self._write_timeout):
                await self._drained
        except TimeoutError:
            log.info("client_does_not_read", peer=self.peer)
            if self._transport is not None:
                self._transport.abort()
            raise
        finally:
            self._drained = None

    async def next(self, seconds: float, *, wakeable: bool = False) -> Fragment | Event:
        """The next fragment, or why there is none."""
        if self._signed_out:
            return Event.SIGNED_OUT
        fragment = await self._take()
        if fragment is not None:
            return fragment
        try:
            async with asyncio.timeout(seconds):
                while fragment is None:
                    event = self._event(wakeable=wakeable)
                    if event is not None:
                        return event
                    await self._more()
                    fragment = await self._take()
        except TimeoutError:
            return Event.TIMEOUT
        return fragment

    def _event(self, *, wakeable: bool) -> Event | None:
        if self._ended:
            return Event.CLOSED
        if self._signed_out:
            return Event.SIGNED_OUT
        if self._finishing:
            return Event.FINISHING
        if wakeable and self._woken:
            self._woken = False
            return Event.WOKEN
        return None

    async def _more(self) -> None:
        """Wait for octets, a wake, or the end."""
        if not self._reading and self._transport is not None:
            self._reading = True
            self._transport.resume_reading()
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        rest = loop.call_later(QUIET, self._deflation.rest) if self._deflation is not None else None
        try:
            await self._waiter
        finally:
            self._waiter = None
            if rest is not None:
                rest.cancel()

    def wake(self) -> None:
        self._woken = True
        self._stir()

    def sign_out(self) -> None:
        self._signed_out = True
        self._stir()
        if self._drained is not None and self._transport is not None:
            self._transport.abort()  # it does not take what it asked for, and is not given the rest

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Go over to TLS. Whatever was sent in clear before is forgotten."""
        if self._transport is None:
            raise ConnectionResetError
        transport = self._transport
        transport.pause_reading()
        # From here on the TLS layer gets what comes; the client may speak inside TLS before the handshake returns here.
        self._fragmenter.reset()
        self._reading = False  # the old transport must not be paused or resumed under the new one
        secured = await asyncio.get_running_loop().start_tls(
            transport, self, context, server_side=True, ssl_handshake_timeout=HANDSHAKE_TIMEOUT
        )
        if secured is None:
            raise ConnectionResetError
        self.tls = True
        self._reading = True
        self._paused_writing = False
        self._use(secured)

    # -- compression (RFC 4978)

    @property
    def compressed(self) -> bool:
        return self._inflation is not None

    def inflate(self) -> bool:
        if self._buffered:
            return False
        self._inflation = Inflation()
        return True

    def deflate(self) -> None:
        self._deflation = Deflation()

    def end_inflation(self) -> bool:
        if self._inflation is not None and self._buffered:
            return False
        self._inflation = None
        return True

    def end_deflation(self) -> None:
        self._deflation = None

    async def _take(self) -> Fragment | None:
        """The next fragment of what is here; others run between two pieces that had to be unpacked for it."""
        fragment = self._fragmenter.next()
        inflation = self._inflation
        if inflation is None:
            return fragment
        while fragment is None and inflation.waiting:
            try:
                self._fragmenter.feed(inflation.take())
            except Unreadable:
                log.info("client_cannot_be_unpacked", peer=self.peer)
                self.write(status(b"*", b"BYE", "The compressed data cannot be read"))
                await self.drain()
                raise ConnectionResetError from None
            await asyncio.sleep(0)
            fragment = self._fragmenter.next()
        if isinstance(fragment, (NeedContinuation, Coming)) and fragment.size >= self.limits.large:
            inflation.expect(fragment.size)
        return fragment

    async def _pack(self, deflation: Deflation) -> None:
        """Pack what was written and flush it; a long answer piece by piece, no faster than the client takes it."""
        written, self._unpacked = self._unpacked, []
        for data in written:
            view = memoryview(data)
            for start in range(0, len(view), PIECE):
                self._put(deflation.pack(view[start : start + PIECE]))
                if start + PIECE < len(view):
                    await self._taken()
                    await asyncio.sleep(0)
        self._put(deflation.finish())

    def _put(self, packed: bytes) -> None:
        if packed and self._transport is not None and not self._lost:
            self._transport.write(packed)
