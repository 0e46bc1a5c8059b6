"""One TCP connection as the collector wants it: read with a bound, write with back-pressure, begin TLS cleanly.

Invariant: octets that came before TLS are never read after it (security.md T097, T130); `start_tls` refuses if there are
any. asyncio's own StreamReader keeps them, therefore this small protocol.
"""

import asyncio
import contextlib
import ssl
from typing import cast

HIGH_WATER = 256 * 1024
"""Octets that may wait unread before the peer is made to wait."""


class InjectedBeforeTls(Exception):
    """The peer sent something in clear behind its consent to TLS."""


class Wire(asyncio.Protocol):
    """A connected stream. `read` and `drain` may each be awaited by one task at a time."""

    def __init__(self, high_water: int = HIGH_WATER) -> None:
        self._high_water = high_water
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._reading: asyncio.Future[None] | None = None
        self._writing: asyncio.Future[None] | None = None
        self._full = self._paused = self._ended = False
        self._error: Exception | None = None
        self._closed = asyncio.Event()

    # -- called by asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not isinstance: uvloop's transports have the methods without the base class.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) > self._high_water and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        _wake(self._reading)

    def eof_received(self) -> bool:
        self._ended = True
        _wake(self._reading)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended, self._error = True, self._error or exc
        self._closed.set()
        _wake(self._reading)
        _wake(self._writing)

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        _wake(self._writing)

    # -- called by us

    async def read(self) -> bytes:
        """Return what has come, waiting for the first octet; nothing at the end of the stream."""
        while not self._buffer:
            if self._error is not None:
                raise self._error
            if self._ended:
                return b""
            self._reading = asyncio.get_running_loop().create_future()
            try:
                await self._reading
            finally:
                self._reading = None
        data = bytes(self._buffer)
        self._buffer.clear()
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return data

    def write(self, data: bytes | memoryview) -> None:
        if self._transport is None or self._ended:
            raise self._error or ConnectionResetError("the peer has closed")
        self._transport.write(data)

    async def drain(self) -> None:
        """Wait until the peer has taken enough of what was written."""
        while self._full and not self._closed.is_set():
            self._writing = asyncio.get_running_loop().create_future()
            try:
                await self._writing
            finally:
                self._writing = None
        if self._closed.is_set():
            raise self._error or ConnectionResetError("the peer has closed")

    async def start_tls(self, context: ssl.SSLContext, server_name: str) -> None:
        """Turn the stream into TLS, checked against `server_name`.

        Raises:
            InjectedBeforeTls: Something in clear is there already.
            ssl.SSLError: The handshake or the certificate failed.
        """
        if self._transport is None or self._ended:
            raise self._error or ConnectionResetError("the peer has closed")
        if self._buffer:
            raise InjectedBeforeTls
        loop = asyncio.get_running_loop()
        secured = await loop.start_tls(self._transport, self, context, server_hostname=server_name)
        self._transport = cast("asyncio.Transport", secured)

    @property
    def tls_version(self) -> str:
        found = self._transport.get_extra_info("ssl_object") if self._transport is not None else None
        return (found.version() or "") if isinstance(found, ssl.SSLObject) else ""

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Cut the connection without another octet."""
        if self._transport is not None:
            self._transport.abort()

    async def closed(self, timeout: float) -> None:  # noqa: ASYNC109 - a bound on manners, not a caller's deadline
        """Wait a moment for the connection to be gone, then cut it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._closed.wait()
        self.abort()


def _wake(waiter: "asyncio.Future[None] | None") -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
