"""Where a message waits while it arrives, and how many may be in memory at once.

Invariants: up to `SMALL` octets of a message are in memory while it arrives, the rest is in a file without a name that vanishes
with the process; large messages are read back only as far as the budget of all of them (`server.net.budget`) allows. So fifty
senders of 25 MB each cost disk, not memory (security.md section 5, row 20). Nothing here is durable, nothing has been promised.
"""

import asyncio
import tempfile
from pathlib import Path
from typing import IO

SMALL = 2**20


class Spool:
    """The octets of one message. `write` never blocks; `settle` moves what has grown too large to disk."""

    def __init__(self, folder: Path, small: int = SMALL) -> None:
        self._folder, self._small = folder, small
        self._pieces: list[bytes] = []
        self._held = 0
        self._file: IO[bytes] | None = None
        self.size = 0

    def write(self, block: bytes) -> None:
        self._pieces.append(block)
        self._held += len(block)
        self.size += len(block)

    @property
    def heavy(self) -> bool:
        """More is held in memory than should be: call `settle`."""
        return self._held > self._small

    @property
    def large(self) -> bool:
        """The message counts against the budget."""
        return self.size > self._small

    async def settle(self) -> None:
        """Write what is held to the file."""
        pieces, self._pieces, self._held = self._pieces, [], 0
        await asyncio.to_thread(self._append, pieces)

    def _append(self, pieces: list[bytes]) -> None:
        if self._file is None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - closed by `close`
        self._file.write(b"".join(pieces))

    async def read(self) -> bytes:
        """Return the whole message."""
        if self._file is None:
            return b"".join(self._pieces)
        await self.settle()
        return await asyncio.to_thread(self._whole, self._file)

    def _whole(self, file: IO[bytes]) -> bytes:
        file.seek(0)
        return file.read()

    def close(self) -> None:
        """Forget the octets."""
        self._pieces, self._held = [], 0
        if self._file is not None:
            self._file.close()
            self._file = None
