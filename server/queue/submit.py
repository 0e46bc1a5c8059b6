"""Taking a message into the queue.

Invariants: `submit` returns an id only when octets and rows are on disk, in this order, so that a row never lacks its octets;
an address that does not parse strictly is refused before anything is stored, and what is stored later goes on the wire
(security.md T088); octets leave as they are kept, so line ends are made CR LF here, once (T089).
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from server.clock import Clock
from server.db.crashpoint import reach
from server.db.transaction import Reader, Writer
from server.log import get_logger
from server.notify.protocol import QUEUE
from server.queue import spool
from server.queue.blobs import Blobs, new_id
from server.queue.model import NULL_PATH, AddressRefused, Message, Submission, domain_of

T = TypeVar("T")
log = get_logger("queue.submit")
_LONE_CR = re.compile(rb"\r(?!\n)")
_LONE_LF = re.compile(rb"(?<!\r)\n")


class QueueDatabase(Protocol):
    """The part of `server.db.database.Database` that the queue uses."""

    async def async_read(self, fn: Callable[[Reader], T]) -> T: ...

    async def async_write(self, fn: Callable[[Writer], T]) -> T: ...


class Queue:
    """What was accepted for delivery elsewhere. One per process; several processes may share a folder.

    Args:
        database: The directory database, made with `spool.SCHEMA` among its tables.
        folder: Where the octets go (`settings.queue_dir`).
        clock: The time.
        publish: Told `QUEUE` after each submission (`Bus.publish_topic`); losing a call only costs time.
    """

    def __init__(
        self, database: QueueDatabase, folder: Path, clock: Clock, publish: Callable[[str], object] | None = None
    ) -> None:
        self.database, self.blobs, self.clock = database, Blobs(folder), clock
        self._publish = publish

    async def submit(
        self,
        envelope: Submission,
        raw: bytes,
        *,
        sender_account: int | None,
        not_before: int | None = None,
        key: str | None = None,
    ) -> str:
        """Store a message durably and return its queue id.

        Args:
            envelope: Reverse-path and recipients.
            raw: The octets, header and body, without Bcc.
            sender_account: Who is signed in; None for mail from elsewhere, which is never answered by a report.
            not_before: Unix seconds; nothing is attempted earlier (scheduled mail, undo).
            key: Names this submission; a second one with the same key within a week returns the first one's id.

        Raises:
            AddressRefused: An address is no single address.
            OSError, DatabaseError: Nothing was stored; the peer is to try again later.
        """
        recipients = _recipients(envelope)
        if envelope.reverse_path != NULL_PATH:
            domain_of(envelope.reverse_path)
        if key is not None:
            known = await self.database.async_read(lambda r: spool.message_of_key(r, key))
            if known is not None:
                return known
        raw = crlf(raw)
        now = self.clock.now()
        message = Message(
            id=new_id(int(now.timestamp() * 1000)),
            reverse_path=envelope.reverse_path,
            sender_account=sender_account,
            envelope_id=envelope.envelope_id,
            ret=envelope.ret,
            size=len(raw),
            eight_bit=not raw.isascii(),
            created_at=int(now.timestamp()),
        )
        await asyncio.to_thread(self.blobs.put, message.id, raw)
        reach("queue.submit.stored")
        try:
            stored = await self.database.async_write(lambda w: _enter(w, message, recipients, not_before, key))
        except BaseException:
            # Also when cancelled: then the write may still happen, and its octets must stay. An orphan goes in a day.
            log.warning("submission_not_stored", queue_id=message.id)
            raise
        reach("queue.submit.committed")
        if stored != message.id:
            await asyncio.to_thread(self.blobs.remove, message.id)
            return stored
        log.info("queued", queue_id=message.id, recipients=len(recipients), size=message.size)
        self.wake()
        return message.id

    def wake(self) -> None:
        """Poke the worker."""
        if self._publish is not None:
            self._publish(QUEUE)

    async def store_report(self, raw: bytes) -> str:
        """Put a report's octets on disk; its rows come with the transaction that needs it (`enter_report`)."""
        name = new_id(int(self.clock.now().timestamp() * 1000))
        await asyncio.to_thread(self.blobs.put, name, raw)
        return name


def enter_report(w: Writer, name: str, raw: bytes, recipient: str, now: int) -> None:
    """Enter a stored report: from nobody (RFC 5321 §4.5.5), so that it is never itself reported."""
    message = Message(name, NULL_PATH, None, None, None, len(raw), not raw.isascii(), now)
    spool.add(w, message, [spool.NewRecipient(recipient, domain_of(recipient))])


def crlf(raw: bytes) -> bytes:
    """Make every line end CR LF and close the last line; the same object when nothing is to do.

    A lone LF is a line end of another habit. A lone CR is none, and must not become one: behind it could stand a header field
    that nobody saw (security.md T084), so a space takes its place.
    """
    ends = raw.count(b"\r\n")
    if ends != raw.count(b"\r"):
        raw = _LONE_CR.sub(b" ", raw)
    if ends != raw.count(b"\n"):
        raw = _LONE_LF.sub(b"\r\n", raw)
    return raw if raw.endswith(b"\r\n") else raw + b"\r\n"


def _enter(
    w: Writer, message: Message, recipients: Sequence[spool.NewRecipient], not_before: int | None, key: str | None
) -> str:
    if key is not None:
        known = spool.message_of_key(w, key)
        if known is not None:
            return known
        spool.remember_key(w, key, message.id, message.created_at)
    spool.add(w, message, recipients, not_before=not_before)
    reach("queue.submit.rows")
    return message.id


def _recipients(envelope: Submission) -> list[spool.NewRecipient]:
    found = []
    for address in dict.fromkeys(envelope.recipients):
        wish = envelope.options.get(address)
        notify, original = (wish.notify, wish.original) if wish is not None else (None, None)
        found.append(spool.NewRecipient(address, domain_of(address), notify, original))
    if not found:
        raise AddressRefused("no recipient")
    return found
