"""DATA and BDAT: from the go-ahead to the reply that says the message is on disk.

Invariants: a refused message is read to its true end before anything is taken for a command again; text that a client sent
before it was asked for is never taken for commands; the transaction is over after the message, however it ended.

RFC 5321 §3.3, §4.1.1.4; RFC 3030 (CHUNKING without BINARYMIME: content keeps CR LF line ends); RFC 2033 §4.2.
"""

import asyncio
import re
from collections.abc import Sequence
from typing import Protocol

from server.db.crashpoint import reach
from server.smtp.handler import Client, Handler, Transaction
from server.smtp.intake import BLOCK, Intake
from server.smtp.service import Service
from server.smtp.spool import Spool
from server.smtp.syntax import reply as r
from server.smtp.syntax.content import Content, DotReader
from server.smtp.syntax.reply import Reply

DELIVERY_TIMEOUT = 900.0
"""RFC 5321 §4.5.3.2.6: the client waits ten minutes for our answer; more than that is our own fault and ends somewhere."""
TOO_BIG_TO_READ = 4
"""A message this many times over the limit is cut, not read to its end (security.md T101)."""
CHUNK = re.compile(r"([0-9]{1,19})( LAST)?", re.IGNORECASE)


class Wire(Protocol):
    @property
    def intake(self) -> Intake: ...

    async def say(self, reply: Reply, *, now: bool = False) -> None: ...

    def expect(self, seconds: float) -> None: ...


class Talk(Protocol):
    """What is needed of `server.smtp.conversation.Conversation`."""

    service: Service
    handler: Handler
    transaction: Transaction | None
    chunks: "Chunks | None"

    @property
    def wire(self) -> Wire: ...

    @property
    def client(self) -> Client: ...

    def reset(self) -> None: ...


class Chunks:
    """A message on its way in; with BDAT it lives over several commands."""

    def __init__(self, service: Service) -> None:
        self.spool = Spool(service.settings.data / "incoming")
        self.content = Content(self.spool.write, service.settings.message_size_limit)

    def close(self) -> None:
        self.spool.close()


async def data(talk: Talk) -> Sequence[Reply]:
    """DATA."""
    refusal = _not_ready(talk)
    if refusal is not None:
        if talk.wire.intake.pending:
            # RFC 2920 §3.1: DATA is the last of a group. What waits behind a refused one is a message, not commands.
            return (refusal, r.TOO_MANY_ERRORS)
        return (refusal,)
    await talk.wire.say(r.GO_AHEAD, now=True)
    chunks = Chunks(talk.service)
    try:
        reader = DotReader(chunks.content)
        async with asyncio.timeout(talk.service.settings.limits.data_timeout):
            while True:
                rest = reader.feed(await _block(talk, BLOCK))
                if chunks.spool.heavy:
                    await chunks.spool.settle()
                if rest is not None:
                    break
                if _endless(talk, chunks):
                    return (r.TOO_BIG, r.TOO_MANY_ERRORS)
        talk.wire.intake.put_back(rest)
        return await _take(talk, chunks)
    finally:
        chunks.close()
        talk.reset()


async def bdat(talk: Talk, argument: str) -> Sequence[Reply]:
    """BDAT size [LAST], RFC 3030 §2."""
    found = CHUNK.fullmatch(argument)
    if found is None:
        # How many octets follow is unknown: nothing on this connection can be told apart any more.
        return (r.BAD_ARGUMENT, r.TOO_MANY_ERRORS)
    size, last = int(found.group(1)), found.group(2) is not None
    refusal = _not_ready(talk) if talk.chunks is None else None
    if talk.chunks is None:
        talk.chunks = Chunks(talk.service)
    chunks = talk.chunks
    if refusal is not None:
        chunks.content.refusal = refusal
    # RFC 3030 §2: the octets of a refused chunk follow all the same.
    async with asyncio.timeout(talk.service.settings.limits.data_timeout):
        while size:
            block = await _block(talk, min(size, BLOCK))
            size -= len(block)
            chunks.content.add(block)
            if chunks.spool.heavy:
                await chunks.spool.settle()
            if _endless(talk, chunks):
                return (r.TOO_BIG, r.TOO_MANY_ERRORS)
    if refusal is not None:
        talk.reset()
        return (refusal,)
    if not last:
        return (chunks.content.refusal or Reply(250, "2.0.0", "Chunk taken"),)
    try:
        chunks.content.finish()
        return await _take(talk, chunks)
    finally:
        talk.reset()


def _not_ready(talk: Talk) -> Reply | None:
    if talk.transaction is None:
        return r.NEED_MAIL
    return None if talk.transaction.accepted else r.NEED_RECIPIENT


async def _block(talk: Talk, limit: int) -> bytes:
    talk.wire.expect(talk.service.settings.limits.read_timeout)
    block = await talk.wire.intake.block(limit)
    if not block:
        raise ConnectionResetError
    return block


def _endless(talk: Talk, chunks: Chunks) -> bool:
    return chunks.content.size > TOO_BIG_TO_READ * talk.service.settings.message_size_limit


async def _take(talk: Talk, chunks: Chunks) -> Sequence[Reply]:
    """Give a whole message to the handler."""
    transaction = talk.transaction
    if transaction is None:
        return (r.NEED_MAIL,)
    if chunks.content.refusal is not None:
        # RFC 2033 §4.2: after the data, one reply a recipient, whatever the reply is.
        return (chunks.content.refusal,) * (len(transaction.accepted) if talk.handler.lmtp else 1)
    talk.wire.expect(DELIVERY_TIMEOUT)
    reach("smtp.received")
    if not chunks.spool.large:
        replies = await talk.handler.message(talk.client, transaction, await chunks.spool.read())
    else:
        async with talk.service.budget.hold(chunks.spool.size):
            replies = await talk.handler.message(talk.client, transaction, await chunks.spool.read())
    reach("smtp.before_reply")
    return replies
