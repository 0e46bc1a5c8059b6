"""The bytes that have arrived on a connection: lines while commands are spoken, blocks while a message comes.

Invariants: what is put back is read again before anything newer; a line is not buffered beyond `LINE_HOLD`, a block not beyond
what the stream holds when its reading side is paused, so one connection costs a known amount of memory.
"""

import asyncio

BLOCK = 65_536
LINE_HOLD = 65_536


class LineTooLongError(Exception):
    """No line end within what is buffered: not a mail client."""


class Intake(asyncio.StreamReader):
    """A stream that can be looked at, put back into, and emptied."""

    _buffer: bytearray

    @property
    def pending(self) -> bool:
        """Octets have arrived that nobody has read."""
        return bool(self._buffer)

    @property
    def line_pending(self) -> bool:
        """A whole line has arrived: the peer does not wait for our answer (RFC 2920)."""
        return b"\n" in self._buffer

    async def line(self) -> bytes:
        """Return the next octets up to and with LF; b'' at the end of the stream, however that came."""
        try:
            return await self.readuntil(b"\n")
        except asyncio.IncompleteReadError:
            return b""
        except asyncio.LimitOverrunError as error:
            raise LineTooLongError from error

    async def block(self, limit: int = BLOCK) -> bytes:
        """Return what has arrived, at least one octet; b'' at the end of the stream."""
        return await self.read(limit)

    def put_back(self, octets: bytes) -> None:
        """Let `octets` be the next to be read."""
        self._buffer[:0] = octets

    def drop(self) -> None:
        """RFC 3207 §4.2: what came before TLS is not believed after it."""
        self._buffer.clear()

    def move_to(self, transport: asyncio.BaseTransport) -> None:
        """Read from another transport (the one inside TLS) from now on."""
        self._transport = transport
