"""A socket to an IMAP server: whole responses, literals included, each noted in the dialogue of all."""

import asyncio

from tests.stress.dialogue import Dialogue, Violation

PATIENCE = 60.0
LONGEST = 2**24


class Gone(Exception):
    """The server has hung up."""


class Connection:
    def __init__(
        self, who: str, dialogue: Dialogue, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.who, self.dialogue = who, dialogue
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, who: str, dialogue: Dialogue, port: int) -> "Connection":
        dialogue.note(who, "--", b"(connects to %d)" % port)
        return cls(who, dialogue, *await asyncio.open_connection("127.0.0.1", port, limit=LONGEST))

    def send(self, octets: bytes) -> int:
        moment = self.dialogue.note(self.who, "C:", octets)
        self._writer.write(octets)
        return moment

    async def response(self, patience: float = PATIENCE) -> bytes:
        """One response without its last CRLF. Raises Gone, or Violation when none comes."""
        try:
            async with asyncio.timeout(patience):
                line = await self._line()
                while line.endswith(b"}") and b"{" in line:
                    size = int(line[line.rindex(b"{") + 1 : -1])
                    line += b"\r\n" + await self._reader.readexactly(size) + await self._line()
        except TimeoutError:
            raise Violation(f"{self.who}: no answer in {patience:.0f} seconds") from None
        except (ConnectionError, asyncio.IncompleteReadError):
            raise Gone from None
        self.dialogue.note(self.who, "S:", line)
        return line

    async def _line(self) -> bytes:
        line = await self._reader.readline()
        if not line:
            raise Gone
        if not line.endswith(b"\r\n"):
            raise Violation(f"{self.who}: a line without CRLF: {line!r}")
        return line[:-2]

    def abort(self) -> None:
        """Break the line without a word, as a phone in a tunnel does."""
        self.dialogue.note(self.who, "--", b"(breaks the line)")
        self._writer.transport.abort()

    async def close(self) -> None:
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except ConnectionError:
            return
