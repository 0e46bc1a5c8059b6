"""Writes down what a run does while it runs: marks in the ledger, progress, the lease, all in one transaction.

Invariants: at most two transactions a second for a run, however fast messages come; `flush` returns only when every mark
made before it is durable (the run deletes nothing before that); when the source is paused, removed, or the lease is lost,
the next write raises `FetchError("gone")` in the run.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fetcher import lease, seen
from fetcher.account import by_id
from fetcher.errors import FetchError
from fetcher.lease import Progress
from fetcher.seen import Mark
from fetcher.uidl import State
from server.clock import Clock
from server.db.database import Database
from server.db.transaction import Writer

PAUSE = 0.5
"""Seconds between two writes."""
HEARTBEAT = 20.0
"""A quiet run prolongs its lease this often."""


class Bookkeeper:
    """The books of one run."""

    def __init__(self, database: Database, clock: Clock, source_id: int, lease_id: str) -> None:
        self._database, self._clock = database, clock
        self._source_id, self._lease = source_id, lease_id
        self._marks: list[Mark] = []
        self._lock = asyncio.Lock()
        self._wake = asyncio.Event()
        self._failure: Exception | None = None
        self.done = self.total = 0
        self.delivered = self.duplicates = self.refused = 0

    def mark(self, mark: Mark) -> None:
        """Note what became of a message; it is durable after the next `flush`."""
        self._marks.append(mark)
        self.done += 1
        if mark.state is State.DELIVERED:
            self.delivered += 1
        elif mark.state is State.DUPLICATE:
            self.duplicates += 1
        elif mark.state is State.REFUSED:
            self.refused += 1
        self._wake.set()

    def check(self) -> None:
        """Raise what the last write in the background met."""
        if self._failure is not None:
            raise self._failure

    async def flush(self) -> None:
        """Make everything noted so far durable."""
        async with self._lock:
            marks, self._marks = self._marks, []
            try:
                going_on = await self._database.async_write(lambda w: self._write(w, marks))
            except BaseException:
                self._marks = marks + self._marks
                raise
        if not going_on:
            raise FetchError("gone")

    def _write(self, w: Writer, marks: list[Mark]) -> bool:
        now = self._clock.now()
        states = [m.state for m in marks]
        progress = Progress(self.done, self.total, states.count(State.DELIVERED), states.count(State.REFUSED))
        going_on = lease.renew(w, self._source_id, self._lease, progress, now=now)
        # Marks are facts, also of a run that has lost its lease; only of a removed source nothing is kept.
        if going_on or by_id(w, self._source_id) is not None:
            seen.mark(w, self._source_id, marks, now=now)
        return going_on

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["Bookkeeper"]:
        """Write in the background while the block runs; what is left is written at its end, also after a failure."""
        writer = asyncio.create_task(self._keep(), name=f"books-{self._source_id}")
        try:
            yield self
        finally:
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
            if self._marks:
                with contextlib.suppress(FetchError):
                    await asyncio.shield(self.flush())

    async def _keep(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT):
                    await self._wake.wait()
            self._wake.clear()
            try:
                await self.flush()
            except Exception as error:  # noqa: BLE001 - it is raised again in the run, by `check`
                self._failure = error
                return
            await asyncio.sleep(PAUSE)
