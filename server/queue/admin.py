"""What the command line and the console do with the queue. Works with the worker running or stopped.

Invariant: nothing here touches a recipient whose attempt is under way except to hold it: the attempt ends as it ends, and
only what is still open afterwards stays held.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update

from server.db.transaction import Reader, Writer
from server.queue import spool
from server.queue.lock import WorkerLock
from server.queue.model import State
from server.queue.submit import Queue

ALL = "all"


@dataclass(frozen=True, slots=True)
class Entry:
    """One open or ended recipient of a queued message."""

    queue_id: str
    sender: str
    recipient: str
    state: State
    size: int
    created: int
    next_attempt: int
    attempts: int
    under_way: bool
    last_reply: str


def list_entries(r: Reader) -> list[Entry]:
    """Return every recipient of every queued message, oldest first."""
    m, c = spool.message_table.c, spool.recipient_table.c
    statement = (
        select(
            m.id, m.reverse_path, c.address, c.state, m.size, m.created, c.next_attempt, c.attempts, c.lease_until,
            c.last_code, c.last_enhanced, c.last_text,
        )
        .join(spool.message_table, m.id == c.message_id)
        .order_by(m.created, m.id, c.id)
    )  # fmt: skip
    return [_entry(row) for row in r.execute(statement).all()]


def _entry(row: Sequence[Any]) -> Entry:
    *head, lease_until, code, enhanced, text = row
    queue_id, sender, recipient, state, size, created, next_attempt, attempts = head
    reply = " ".join(str(part) for part in (code, enhanced, text) if part)
    return Entry(
        queue_id, sender, recipient, State(state), size, created, next_attempt, attempts, lease_until is not None, reply
    )


def retry(w: Writer, queue_id: str, now: int) -> int:
    """Make a message (or `ALL` of them) due now, held ones too; return how many recipients that concerns."""
    c = spool.recipient_table.c
    statement = update(spool.recipient_table).where(
        c.state.in_([State.QUEUED.value, State.HELD.value]), c.lease_until.is_(None)
    )
    if queue_id != ALL:
        statement = statement.where(c.message_id == queue_id)
    return int(w.execute(statement.values(state=State.QUEUED.value, next_attempt=now)).rowcount)


def hold(w: Writer, queue_id: str) -> int:
    """Attempt nothing more for a message (or `ALL`) until `retry`; return how many recipients that concerns."""
    c = spool.recipient_table.c
    statement = update(spool.recipient_table).where(c.state == State.QUEUED.value)
    if queue_id != ALL:
        statement = statement.where(c.message_id == queue_id)
    return int(w.execute(statement.values(state=State.HELD.value)).rowcount)


def cancel(w: Writer, queue_id: str) -> bool:
    """Forget a message without a report to its sender; False when it is not there or an attempt is under way."""
    c = spool.recipient_table.c
    rows = w.execute(select(c.lease_until).where(c.message_id == queue_id)).scalars().all()
    if not rows or any(lease is not None for lease in rows):
        return False
    spool.remove(w, queue_id)
    return True


class Admin:
    """The same, for whoever holds a `Queue`: wakes the worker, removes octets, clears up after a worker that was killed."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    async def entries(self) -> list[Entry]:
        return await self._queue.database.async_read(list_entries)

    async def retry(self, queue_id: str = ALL) -> int:
        await self._free_dead_leases()
        now = int(self._queue.clock.now().timestamp())
        changed = await self._queue.database.async_write(lambda w: retry(w, queue_id, now))
        self._queue.wake()
        return changed

    async def hold(self, queue_id: str = ALL) -> int:
        return await self._queue.database.async_write(lambda w: hold(w, queue_id))

    async def cancel(self, queue_id: str) -> bool:
        await self._free_dead_leases()
        gone = await self._queue.database.async_write(lambda w: cancel(w, queue_id))
        if gone:
            await asyncio.to_thread(self._queue.blobs.remove, queue_id)
        return gone

    async def _free_dead_leases(self) -> None:
        """Without a worker nothing is under way, whatever the rows of one that was killed say."""
        lock = WorkerLock(self._queue.blobs.folder)
        if await asyncio.to_thread(lock.acquire):
            try:
                await self._queue.database.async_write(lambda w: spool.release(w, spool.OWNER))
            finally:
                await asyncio.to_thread(lock.release)
