"""The two deflate streams of a compressed connection (RFC 4978): bounded in memory, and in what little input can make of itself.

What a connection costs: the window of the client's stream, 40 KB at most, for as long as it lasts; 64 KB more while answers are packed,
given back once the line is quiet. What comes out of a client's stream is taken a piece at a time, when the fragmenter wants more, so its
limits hold as they do without compression, and a literal that is refused is never unpacked as a whole.

A deflate stream can grow a thousandfold. Over the life of a connection no more than `RATIO` octets come out for each that came in, and
`ALLOWANCE` besides; large literals that were accepted are not counted, they have limits of their own. Honest clients stay below ten.
"""

import zlib

PIECE = 16 * 1024
"""Octets unpacked at a time, and packed at a time: less than a millisecond of work."""
RATIO = 100
ALLOWANCE = 4 * 2**20
LEVEL, WINDOW_BITS, MEMORY_LEVEL = 4, 13, 6
"""2**(13+2) + 2**(6+9) octets while packing. A larger window makes answers a tenth smaller and costs four times the memory."""
_ANY_WINDOW = -zlib.MAX_WBITS  # RFC 4978 §3: raw deflate; the client chooses its window


class Unreadable(Exception):
    """What the client sends is no deflate stream, has ended, or grows beyond all measure."""


class Inflation:
    """What a client sends, unpacked piece by piece."""

    __slots__ = ("_credit", "_full", "_packed", "_stream")

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(_ANY_WINDOW)
        self._packed = b""
        self._full = False  # the last piece was cut at PIECE: more may be inside
        self._credit = ALLOWANCE

    @property
    def waiting(self) -> int:
        """Octets received and not yet looked at; at least 1 while more may come out."""
        return len(self._packed) or int(self._full)

    def feed(self, data: bytes) -> None:
        self._packed += data
        self._credit += RATIO * len(data)

    def expect(self, size: int) -> None:
        """A literal of that size was accepted."""
        self._credit += size

    def take(self) -> bytes:
        """The next piece, at most `PIECE`; raises Unreadable."""
        if self._stream.eof:
            raise Unreadable
        try:
            piece = self._stream.decompress(self._packed, PIECE)
        except zlib.error:
            raise Unreadable from None
        self._packed = self._stream.unconsumed_tail
        self._full = len(piece) == PIECE
        self._credit -= len(piece)
        if self._credit < 0 or self._stream.unused_data:
            raise Unreadable
        return piece


class Deflation:
    """What the server sends. Each `finish` ends on a whole octet, so the next compressor may begin without a memory of this one."""

    __slots__ = ("_stream",)

    def __init__(self) -> None:
        self._stream: zlib._Compress | None = None

    def pack(self, data: bytes | memoryview) -> bytes:
        if self._stream is None:
            self._stream = zlib.compressobj(LEVEL, zlib.DEFLATED, -WINDOW_BITS, MEMORY_LEVEL)
        return self._stream.compress(data)

    def finish(self) -> bytes:
        """The rest of what was packed, so that the client can read all of it (RFC 4978 §4)."""
        return b"" if self._stream is None else self._stream.flush(zlib.Z_SYNC_FLUSH)

    def rest(self) -> None:
        """Give the memory back. After `finish` only: what was packed and not finished would be lost."""
        self._stream = None
