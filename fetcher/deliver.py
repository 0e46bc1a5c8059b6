"""How a collected message gets into the mailbox: the `Deliverer` seam, and LMTP to our own server behind it.

Invariants: one recipient a transaction; a receipt says `delivered` only after the server's 2xx to the octets (RFC 2033
§4.2), that is, after its commit; whatever is unclear (a lost connection, a time-out) is `deferred`, because the envelope
id makes a second delivery harmless. A connection is used for many messages and opened again when it was lost.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from fetcher import lmtp
from fetcher.errors import FetchError
from fetcher.lmtp import LmtpReply, ReplyReader
from fetcher.wire import Wire

CHUNK = 256 * 1024
ON_A_THREAD = 2**20
"""Octets from which on stuffing would hold up the event loop."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One message to deliver."""

    recipient: str
    mailbox: str
    envelope_id: str
    arrived: datetime
    reverse_path: str
    raw: bytes


class Outcome(StrEnum):
    DELIVERED = "delivered"
    DEFERRED = "deferred"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one message. `trouble` is a code of `fetcher.errors` unless it was delivered."""

    outcome: Outcome
    trouble: str = ""
    text: str = ""


class Deliverer(Protocol):
    """Takes messages one after the other."""

    async def deliver(self, letter: Letter) -> Receipt:
        """Deliver durably and say how it ended. FetchError: no message can be delivered now."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class LmtpTimes:
    """Seconds. The last one covers storing and indexing a big message."""

    connect: float = 10
    reply: float = 60
    stored: float = 600


class LmtpDeliverer:
    """Delivers over one LMTP connection."""

    def __init__(self, host: str, port: int, *, name: str = "localhost", times: LmtpTimes | None = None) -> None:
        self._host, self._port, self._name = host, port, name
        self._times = times or LmtpTimes()
        self._wire: Wire | None = None
        self._reader = ReplyReader()
        self._replies: list[LmtpReply] = []
        self._offered: frozenset[str] = frozenset()

    async def deliver(self, letter: Letter) -> Receipt:
        fresh = self._wire is None
        try:
            return await self._deliver(letter)
        except _Lost as lost:
            self._drop()
            if fresh or lost.uncertain:
                raise FetchError("delivery-unavailable") from lost
        # The server may have closed a connection that was idle; a new one decides.
        try:
            return await self._deliver(letter)
        except _Lost as lost:
            self._drop()
            raise FetchError("delivery-unavailable") from lost

    async def close(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            try:
                wire.write(b"QUIT\r\n")
            except OSError:
                wire.abort()
                return
            wire.close()
            await wire.closed(1.0)

    # -- one transaction

    async def _deliver(self, letter: Letter) -> Receipt:
        wire = self._wire or await self._open()
        commands = (self._mail(letter), f"RCPT TO:<{letter.recipient}>", "DATA")
        if "PIPELINING" in self._offered:
            self._write(wire, *commands)
            mail, rcpt, data = [await self._reply(wire) for _ in commands]
        else:
            mail = await self._ask(wire, commands[0])
            rcpt = await self._ask(wire, commands[1]) if mail.code < 300 else mail
            data = await self._ask(wire, commands[2]) if rcpt.code < 300 else rcpt
        refusal = _refusal(mail, rcpt, data)
        if refusal is not None:
            await self._reset(wire, data)
            if isinstance(refusal, FetchError):
                raise refusal
            return refusal
        try:
            await self._send(wire, letter.raw)
            return _receipt(await self._reply(wire, self._times.stored))
        except _Lost as lost:
            raise _Lost(uncertain=True) from lost

    def _mail(self, letter: Letter) -> str:
        command = f"MAIL FROM:<{letter.reverse_path}>"
        if "SIZE" in self._offered:
            command += f" SIZE={len(letter.raw)}"
        if "8BITMIME" in self._offered:
            command += " BODY=8BITMIME"
        command += f" ENVID={lmtp.xtext(letter.envelope_id)} XDATE={int(letter.arrived.timestamp())}"
        if letter.mailbox.upper() != "INBOX":
            command += f" XMAILBOX={lmtp.xtext(letter.mailbox)}"
        return command

    async def _reset(self, wire: Wire, data: LmtpReply) -> None:
        if data.code == 354:
            # Nobody takes the message, yet the server waits for it: an empty one would be stored by a careless server.
            self._drop()
            return
        await self._ask(wire, "RSET")

    async def _send(self, wire: Wire, raw: bytes) -> None:
        stuffed = lmtp.stuffed(raw) if len(raw) < ON_A_THREAD else await asyncio.to_thread(lmtp.stuffed, raw)
        body = memoryview(stuffed)
        for start in range(0, len(body), CHUNK):
            try:
                wire.write(body[start : start + CHUNK])
                async with asyncio.timeout(self._times.reply):
                    await wire.drain()
            except OSError as error:
                raise _Lost from error

    # -- the connection

    async def _open(self) -> Wire:
        try:
            async with asyncio.timeout(self._times.connect):
                _, wire = await asyncio.get_running_loop().create_connection(Wire, self._host, self._port)
        except OSError as error:
            raise _Lost from error
        self._wire, self._reader, self._replies = wire, ReplyReader(), []
        greeting = await self._reply(wire)
        if greeting.code != 220:
            raise _Lost
        hello = await self._ask(wire, f"LHLO {self._name}")
        if hello.code != 250:
            raise _Lost
        self._offered = frozenset(lmtp.extensions(hello))
        return wire

    def _drop(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.abort()

    def _write(self, wire: Wire, *commands: str) -> None:
        try:
            wire.write("".join(f"{c}\r\n" for c in commands).encode())
        except OSError as error:
            raise _Lost from error

    async def _ask(self, wire: Wire, command: str) -> LmtpReply:
        self._write(wire, command)
        return await self._reply(wire)

    async def _reply(self, wire: Wire, seconds: float | None = None) -> LmtpReply:
        while not self._replies:
            try:
                async with asyncio.timeout(seconds or self._times.reply):
                    data = await wire.read()
            except OSError as error:
                raise _Lost from error
            if not data:
                raise _Lost
            try:
                self._replies += self._reader.feed(data)
            except lmtp.LmtpError as error:
                raise _Lost from error
        return self._replies.pop(0)


class _Lost(Exception):
    """The connection is gone; `uncertain` if the message may have been taken."""

    def __init__(self, *, uncertain: bool = False) -> None:
        super().__init__()
        self.uncertain = uncertain


def _receipt(reply: LmtpReply) -> Receipt:
    """Read the answer to the octets."""
    if reply.code < 300:
        return Receipt(Outcome.DELIVERED, "", reply.text)
    if reply.code < 500:
        return Receipt(Outcome.DEFERRED, "over-quota" if _full(reply) else "delivery-deferred", reply.text)
    return Receipt(Outcome.REFUSED, "message-refused", f"{reply.code} {reply.text}")


def _full(reply: LmtpReply) -> bool:
    # RFC 3463 §3.3: X.2.2 mailbox full, X.3.1 mail system full.
    return reply.code == 452 or reply.enhanced[1:] in (".2.2", ".3.1")


def _refusal(mail: LmtpReply, rcpt: LmtpReply, data: LmtpReply) -> Receipt | FetchError | None:
    """Tell whose fault it is that the octets were not asked for; None when they were."""
    first = next((r for r in (mail, rcpt, data) if not (r.code < 300 or r.code == 354)), None)
    if first is None:
        return None if data.code == 354 else FetchError("delivery-unavailable", data.text)
    if first.code < 500:
        if first.code == 421:
            return FetchError("delivery-unavailable", first.text)
        return Receipt(Outcome.DEFERRED, "over-quota" if _full(first) else "delivery-deferred", first.text)
    # RFC 3463: X.3.4 message too big, X.2.2 and X.2.3 bigger than this mailbox takes: that is the message's own.
    if first.code == 552 or first.enhanced in ("5.3.4", "5.2.2", "5.2.3"):
        return Receipt(Outcome.REFUSED, "message-refused", f"{first.code} {first.text}")
    if first is rcpt and first is not mail:
        return FetchError("delivery-recipient", first.text)
    return FetchError("delivery-unavailable", first.text)
