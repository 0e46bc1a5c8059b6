"""A database file: `read(fn)` and `write(fn)`, in blocking form and for event loops.

Invariants:
- A write returns only after its commit is on the disk (WAL, synchronous=FULL).
- Writes that wait for the same file run in one transaction with one commit, each in a SAVEPOINT of its own: one that
  fails undoes itself alone. If the commit fails, all of them fail. Nobody is told of success before the commit.
- After the kernel lost an fsync the file takes no more writes until the process is restarted: a later commit that
  seems to work would stand on pages that never reached the disk (security.md section 5, fault 5).
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import sqlalchemy as sa

from server.db import schema as schemas
from server.db import sqlite
from server.db.crashpoint import reach
from server.db.crew import Crew, Outcome, settle_soon
from server.db.errors import DatabaseBusy, DatabaseUnwritable
from server.db.pool import Link, ReaderPool
from server.db.schema import Schema
from server.db.sqlite import Functions
from server.db.transaction import Reader, Writer
from server.log import get_logger

__all__ = ["Database", "Reader", "Writer"]

T = TypeVar("T")
log = get_logger("db")

BUSY_TIMEOUT = 10.0
"""Seconds that a writer waits for another process."""
GROUP = 64
"""Writes that share a commit."""
GROUP_SECONDS = 0.25
"""A group that runs longer commits early, so that others get the lock."""
WAITING = 2_000
"""Writes that may wait; more are refused, as memory is finite."""
TURN = 8
"""Groups in a row before another process is given a chance: SQLite's lock knows no queue."""
TURN_PAUSE = 0.002


@dataclass(slots=True)
class _Job:
    fn: Callable[[Writer], Any]
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[Any]"
    result: Any = None
    error: BaseException | None = None


class Database:
    """One file and its tables.

    Args:
        path: The file; its folder must exist. It is made at first use.
        tables: What must be in it, as `Schema` or plain `MetaData`, one of each owner.
        crew: Threads for the async forms; its own small crew when None.
        on_commit: Told the highest `Writer.changed` of each transaction, after its commit, on the thread that wrote.
        on_chore: Told each chore that a committed transaction left (`Writer.leave_chore`), on the thread that wrote.
        functions: Functions that SQL may call, by name.
        keep_readers: Reading connections kept open between reads.
        busy_timeout: Seconds to wait for another process's write.
    """

    def __init__(
        self,
        path: Path,
        tables: Schema | sa.MetaData | Sequence[Schema | sa.MetaData],
        *,
        crew: Crew | None = None,
        on_commit: Callable[[int], None] | None = None,
        on_chore: Callable[[str], None] | None = None,
        functions: Functions = MappingProxyType({}),
        keep_readers: int = 2,
        busy_timeout: float = BUSY_TIMEOUT,
    ) -> None:
        sqlite.require_suitable_library()
        self.path = path
        several = [tables] if isinstance(tables, Schema | sa.MetaData) else tables
        self._schemas = [schemas.as_schema(one) for one in several]
        self._own_crew = crew is None
        self._crew = crew or Crew(f"db-{path.stem}", 4)
        self._on_commit = on_commit
        self._on_chore = on_chore
        self._busy_timeout = busy_timeout
        self._functions = functions
        self._readers = ReaderPool(path, busy_timeout=busy_timeout, keep=keep_readers, functions=functions)
        self._write_lock = threading.Lock()
        self._writer_link: Link | None = None
        self._ready = False
        self._lost_fsync = False
        self._queue: deque[_Job] = deque()
        self._queue_lock = threading.Lock()
        self._draining = False
        self._users = 0

    # -- blocking forms

    def read(self, fn: Callable[[Reader], T]) -> T:
        """Run `fn` on one snapshot."""
        self.retain()
        try:
            if not self._ready:
                with self._write_lock:
                    self._open_writer()
            return self._read(fn)
        except Exception as error:
            named = sqlite.meaning(error)
            if named is None or named is error:
                raise
            raise named from error
        finally:
            self.release()

    def _read(self, fn: Callable[[Reader], T]) -> T:
        link = self._readers.take()
        try:
            link.driver.execute("BEGIN")
            result = fn(link.reader())
            link.roll_back()
        except BaseException:
            link.close()
            raise
        self._readers.give_back(link)
        return result

    def write(self, fn: Callable[[Writer], T]) -> T:
        """Run `fn` in a write transaction of its own; its effects are durable when this returns."""
        self.retain()
        try:
            with self._write_lock:
                return self._write_alone(fn)
        except Exception as error:
            named = sqlite.meaning(error)
            if named is None or named is error:
                raise
            raise named from error
        finally:
            self.release()

    def _write_alone(self, fn: Callable[[Writer], T]) -> T:
        link = self._open_writer()
        writer = link.writer()
        try:
            self._begin(link)
            result = fn(writer)
            self._commit(link)
        except BaseException as error:
            self._undo(error)
            raise
        self._tell([writer])
        return result

    # -- forms for event loops

    async def async_read(self, fn: Callable[[Reader], T]) -> T:
        """`read` on a thread."""
        return await self._crew.run(lambda: self.read(fn))

    async def async_write(self, fn: Callable[[Writer], T]) -> T:
        """`write` on a thread, together with the other writes that wait. Durable when this returns."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        with self._queue_lock:
            if len(self._queue) >= WAITING:
                raise DatabaseBusy(f"{WAITING} writes wait for {self.path.name} already")
            self._queue.append(_Job(fn, loop, future))
            start, self._draining = not self._draining, True
        if start:
            self.retain()
            try:
                self._crew.submit(self._drain)
            except BaseException:
                self._draining = False
                self.release()
                raise
        return await future

    def _drain(self) -> None:
        try:
            groups = 0
            while group := self._next_group():
                self._run_group(group)
                for loop, outcomes in _by_loop(group).items():
                    settle_soon(loop, outcomes)
                groups += 1
                if groups % TURN == 0:
                    time.sleep(TURN_PAUSE)
        finally:
            self.release()

    def _next_group(self) -> list[_Job]:
        with self._queue_lock:
            group: list[_Job] = []
            while self._queue and len(group) < GROUP:
                job = self._queue.popleft()
                if not job.future.cancelled():
                    group.append(job)
            if not group:
                self._draining = False
            return group

    def _run_group(self, group: list[_Job]) -> None:
        """Run as many jobs as fit in one transaction; what is left over goes back to the head of the queue."""
        taken: list[_Job] = []
        with self._write_lock:
            try:
                writers = self._run_jobs(group, taken)
            except BaseException as error:  # noqa: BLE001 - every writer of the group hears of it
                self._undo(error)
                failed = sqlite.meaning(error) or error
                for job in taken or group:
                    job.error = job.error or failed
                taken = taken or group
            else:
                self._tell(writers)
        if len(taken) < len(group):
            with self._queue_lock:
                self._queue.extendleft(reversed(group[len(taken) :]))
            del group[len(taken) :]

    def _run_jobs(self, group: list[_Job], taken: list[_Job]) -> list[Writer]:
        link = self._open_writer()
        self._begin(link)
        deadline = time.monotonic() + GROUP_SECONDS
        writers: list[Writer] = []
        for job in group:
            taken.append(job)
            writer = link.writer()
            link.driver.execute("SAVEPOINT job")
            try:
                job.result = job.fn(writer)
            except Exception as error:
                job.error = sqlite.meaning(error) or error
                if not link.driver.in_transaction or sqlite.lost_fsync(error):
                    # SQLite undid the whole transaction (no room, input/output error): all before it is undone too.
                    raise
                link.driver.execute("ROLLBACK TO job")
            else:
                writers.append(writer)
            link.driver.execute("RELEASE job")
            if time.monotonic() > deadline:
                break
        self._commit(link)
        return writers

    # -- the writing connection; all of these are called with the write lock held

    def _open_writer(self) -> Link:
        link = self._writer_link
        if link is None:
            link = self._writer_link = Link(
                self.path, busy_timeout=self._busy_timeout, read_only=False, functions=self._functions
            )
        if not self._ready:
            schemas.ensure(link, self._schemas, patience=self._busy_timeout)
            self._ready = True
        return link

    def _begin(self, link: Link) -> None:
        if self._lost_fsync:
            raise DatabaseUnwritable(f"{self.path.name}: the disk lost data; no more writes until a restart")
        link.driver.execute("BEGIN IMMEDIATE")

    def _commit(self, link: Link) -> None:
        reach("db.before_commit")
        link.driver.execute("COMMIT")
        reach("db.after_commit")

    def _undo(self, error: BaseException) -> None:
        if sqlite.lost_fsync(error):
            self._lost_fsync = True
            log.error("fsync_lost", database=str(self.path))
        link = self._writer_link
        if link is None:
            return
        try:
            link.roll_back()
        except Exception:
            log.exception("rollback_failed", database=str(self.path))
            self._writer_link = None
            link.close()

    def _tell(self, writers: list[Writer]) -> None:
        mark = max((w.mark for w in writers), default=0)
        if mark and self._on_commit is not None:
            self._call(partial(self._on_commit, mark))
        on_chore = self._on_chore
        for writer in writers:
            if on_chore is not None:
                for chore in writer.chores:
                    self._call(partial(on_chore, chore))
            for action in writer.take_actions():
                self._call(action)

    def _call(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception:
            # The data is safe; whoever is not told finds it at the next look.
            log.exception("after_commit_failed", database=str(self.path))

    # -- opening and closing

    def retain(self) -> None:
        """Count a user; a database with users is not idle."""
        with self._queue_lock:
            self._users += 1

    def release(self) -> None:
        """Give back what `retain` counted."""
        with self._queue_lock:
            self._users -= 1

    @property
    def idle(self) -> bool:
        """Whether nobody uses the database now."""
        return self._users == 0

    def close(self) -> None:
        """Finish what waits and close. Idle from then on; a later use opens it again."""
        if self._own_crew:
            self._crew.close()
        self._close_links()

    def _close_links(self) -> None:
        with self._write_lock:
            self._readers.close()
            link, self._writer_link = self._writer_link, None
            if link is not None:
                link.close()


def _by_loop(group: list[_Job]) -> dict[asyncio.AbstractEventLoop, list[Outcome]]:
    loops: dict[asyncio.AbstractEventLoop, list[Outcome]] = {}
    for job in group:
        loops.setdefault(job.loop, []).append((job.future, job.result, job.error))
    return loops
