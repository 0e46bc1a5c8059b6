"""The client's half of a compressed connection (RFC 4978): put between a stream and whoever reads lines from it."""

import asyncio
import zlib


class Unpacked(asyncio.StreamReader):
    """What the server sends, unpacked; `raw` counts the octets on the wire."""

    def __init__(self, wire: asyncio.StreamReader) -> None:
        super().__init__(limit=2**24)
        self.raw = 0
        self._wire = wire
        self._task = asyncio.get_running_loop().create_task(self._pump())

    async def _pump(self) -> None:
        stream = zlib.decompressobj(-15)
        try:
            while data := await self._wire.read(65536):
                self.raw += len(data)
                self.feed_data(stream.decompress(data))
        except ConnectionError:
            pass
        self.feed_eof()

    def stop(self) -> None:
        self._task.cancel()

    async def end(self) -> asyncio.StreamReader:
        """What is left of the wire, once the server has said that it compresses no more."""
        self._task.cancel()
        await asyncio.wait([self._task])
        return self._wire


class Packer:
    """What the client sends, packed, each call to its end."""

    def __init__(self, window: int = 15) -> None:
        self._stream = zlib.compressobj(6, zlib.DEFLATED, -window)

    def __call__(self, data: bytes) -> bytes:
        return self._stream.compress(data) + self._stream.flush(zlib.Z_SYNC_FLUSH)

    def last(self, data: bytes) -> bytes:
        """With the mark of the end."""
        return self._stream.compress(data) + self._stream.flush(zlib.Z_FINISH)
