"""How the queue delivers to people of this house: LMTP to the mail role (RFC 2033).

Invariants: every recipient of a job gets an outcome, from the reply that is its own; a delivery is named by its queue id (ENVID), so
one that is repeated after a crash is filed once in an account; whatever ends the conversation early leaves its recipients deferred,
never failed. The queue is a layer below, so it knows this only as its `Transport`.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from server.config import Settings
from server.log import get_logger
from server.mail import dotstuff
from server.queue.model import Job, Kind, Outcome, Recipient, one_line

LOOPBACK = "127.0.0.1"
CONNECT_TIMEOUT = 10.0
REPLY_TIMEOUT = 300.0
REPLY_LINES = 50
LINE_LIMIT = 4_096

log = get_logger("delivery.local_transport")


class LocalFailure(Exception):
    """The conversation cannot go on; nothing is known to be delivered."""


INTERRUPTIONS = (
    OSError,
    TimeoutError,
    asyncio.IncompleteReadError,
    asyncio.LimitOverrunError,
    ValueError,
    LocalFailure,
)


@dataclass(frozen=True, slots=True)
class _Reply:
    code: int
    enhanced: str
    text: str


class LocalTransport:
    """Implements `server.queue.transport.Transport`. One connection a job; a job is one message to one domain."""

    def __init__(self, settings: Settings) -> None:
        self._port, self._batch = settings.ports.lmtp, settings.limits.recipients

    async def deliver(self, job: Job) -> Sequence[Outcome]:
        """Deliver to every recipient of the job."""
        outcomes: dict[int, Outcome] = {}
        try:
            talk = await _Talk.open(LOOPBACK, self._port)
            try:
                await talk.greeting()
                await talk.command("LHLO localhost")
                for start in range(0, len(job.recipients), self._batch):
                    await _transaction(talk, job, job.recipients[start : start + self._batch], outcomes)
            finally:
                await talk.close()
        except INTERRUPTIONS as error:
            log.warning("local_delivery_interrupted", queue_id=job.message.id, reason=type(error).__name__)
        late = Outcome(0, Kind.DEFERRED, 451, "4.3.0", "Local delivery is not available")
        return [outcomes.get(r.id, replace(late, recipient_id=r.id)) for r in job.recipients]


async def _transaction(talk: "_Talk", job: Job, recipients: Sequence[Recipient], outcomes: dict[int, Outcome]) -> None:
    """One MAIL, the RCPTs, the data; notes each outcome as soon as it is known."""
    message = job.message
    addresses = [message.reverse_path, *(r.address for r in recipients)]
    utf8 = "" if all(a.isascii() for a in addresses) else " SMTPUTF8"
    reply = await talk.command(f"MAIL FROM:<{message.reverse_path}> SIZE={len(job.raw)} ENVID=queue-{message.id}{utf8}")
    if reply.code != 250:
        outcomes.update({r.id: _outcome(r, reply) for r in recipients})
        return
    accepted: list[Recipient] = []
    for recipient in recipients:
        reply = await talk.command(f"RCPT TO:<{recipient.address}>")
        if reply.code == 250:
            accepted.append(recipient)
        else:
            outcomes[recipient.id] = _outcome(recipient, reply)
    if not accepted:
        await talk.command("RSET")
        return
    refused = await talk.message(job.raw)
    if refused is not None:
        outcomes.update({r.id: _outcome(r, refused) for r in accepted})
        return
    for recipient in accepted:
        # RFC 2033 §4.2: in the order of the recipients that were accepted.
        outcomes[recipient.id] = _outcome(recipient, await talk.reply())


def _outcome(recipient: Recipient, reply: _Reply) -> Outcome:
    return Outcome(recipient.id, _kind(reply.code), reply.code, reply.enhanced, reply.text)


def _kind(code: int) -> Kind:
    if 200 <= code < 300:
        return Kind.DELIVERED
    return Kind.FAILED if 500 <= code < 600 else Kind.DEFERRED


class _Talk:
    """The client's side of one LMTP connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, host: str, port: int) -> "_Talk":
        async with asyncio.timeout(CONNECT_TIMEOUT):
            return cls(*await asyncio.open_connection(host, port, limit=LINE_LIMIT))

    async def greeting(self) -> None:
        reply = await self.reply()
        if reply.code != 220:
            raise LocalFailure(reply.text)

    async def command(self, line: str) -> _Reply:
        if "\r" in line or "\n" in line:
            raise LocalFailure("a line end in an address")
        self._write(line.encode("utf-8") + b"\r\n")
        return await self.reply()

    def _write(self, data: bytes) -> None:
        if self._writer.is_closing():  # uvloop raises a RuntimeError of its own then
            raise LocalFailure("the line is closed")
        self._writer.write(data)

    async def message(self, raw: bytes) -> _Reply | None:
        """Send the data; returns the refusal if it was not wanted, else None: then the replies come."""
        reply = await self.command("DATA")
        if reply.code != 354:
            return reply
        self._write(dotstuff.transmit(raw))
        async with asyncio.timeout(REPLY_TIMEOUT):
            await self._writer.drain()
        return None

    async def reply(self) -> _Reply:
        """Read one reply; raises LocalFailure when the other side ends the conversation."""
        async with asyncio.timeout(REPLY_TIMEOUT):
            for _ in range(REPLY_LINES):
                line = (await self._reader.readuntil(b"\n")).decode("utf-8", "replace").rstrip("\r\n")
                if line[3:4] != "-":
                    break
            else:
                raise LocalFailure("a reply without end")
        if not line[:3].isdigit():
            raise LocalFailure("no reply code")
        code, rest = int(line[:3]), line[4:]
        enhanced, _, text = rest.partition(" ")
        if not (enhanced[:1].isdigit() and enhanced.count(".") == 2):
            enhanced, text = f"{code // 100}.0.0", rest
        if code == 421:
            raise LocalFailure(text)
        return _Reply(code, enhanced, one_line(text))

    async def close(self) -> None:
        """Say goodbye; how the other side takes it changes nothing."""
        with contextlib.suppress(OSError, TimeoutError, LocalFailure):
            self._write(b"QUIT\r\n")
        self._writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await self._writer.wait_closed()
