"""The mail of every account: opens their databases, runs functions of a transaction on them, tells the bus.

Invariants: a write is published after its commit and never before; no more than `max_open` databases stay open once
they are out of use, and none for long; nothing here blocks the event loop.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from server.clock import Clock
from server.config import Settings
from server.db import heap
from server.db.crew import Crew
from server.db.database import Database, Reader, Writer
from server.db.errors import DatabaseError
from server.db.footprint import Footprint, footprint_of
from server.document.process import DocumentProcess
from server.log import get_logger
from server.net.budget import Turns
from server.notify.bus import Bus
from server.store import collect, expunge_log, index, predicate, schemas, unread
from server.store.chores import Chores
from server.store.documents import DocumentWork

T = TypeVar("T")
log = get_logger("store")

MAX_OPEN = 100
"""Databases kept open, at up to 7 file descriptors each."""
REST = 60.0
"""Seconds without use after which a database is closed: open, it holds 2 MB of pages and statements."""
ROUND = 20.0
"""Seconds between two looks for such."""
READ_THREADS, READ_HELPERS = 2, 4
READS_EACH = 3
"""Reads for one account at a time: its heaviest searches leave threads to the others, those in whose mail it looks included."""
WRITE_THREADS, WRITE_HELPERS = 3, 5
WORK_THREADS = 2
CHORES = (index.CHORE, collect.CHORE, unread.CHORE, expunge_log.CHORE)
READING_PAUSE = 0.2
"""Seconds between two messages whose documents are read: mail of years is taken up in the background."""
DATABASE = "mail.db"


def folder_of(accounts_dir: Path, account: int) -> Path:
    """Return the folder that holds everything of one account's mail."""
    return accounts_dir / f"{account % 256:02x}" / str(account)


class Store:
    """One for each process."""

    def __init__(self, settings: Settings, bus: Bus, clock: Clock, *, max_open: int = MAX_OPEN) -> None:
        self._accounts_dir = settings.accounts_dir
        self._bus, self._clock = bus, clock
        self._max_open = max_open
        self._open: OrderedDict[int, Database] = OrderedDict()
        self._used: dict[int, float] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._rounds: threading.Thread | None = None
        self._chores = Chores(self._do_chore)
        # Apart from the others, which are short: a document may take long, and nobody's index shall wait for it.
        self._reading = Chores(self._do_chore, pause=READING_PAUSE)
        self._process = DocumentProcess()
        self._documents = DocumentWork(self, self._process, lambda: clock.now().timestamp())
        self._readers = Crew("store-read", READ_THREADS, helpers=READ_HELPERS)
        self._turns = Turns(READS_EACH)
        self._writers = Crew("store-write", WRITE_THREADS, helpers=WRITE_HELPERS)
        self._workers = Crew("store-work", WORK_THREADS)

    def folder(self, account: int) -> Path:
        """Return the folder of an account's mail."""
        return folder_of(self._accounts_dir, account)

    def path(self, account: int) -> Path:
        """Return the database file of an account's mail; there is none before its first use."""
        return self.folder(account) / DATABASE

    async def read(self, account: int, fn: Callable[[Reader], T], *, by: int | None = None) -> T:
        """Run `fn` on one snapshot of an account, on a thread.

        Args:
            account: Whose mail.
            fn: What to do.
            by: The account that asks, where it is another one: it is that one's turn which is taken.
        """
        turn = account if by is None else by
        await self._turns.enter(turn)
        try:
            return await self._readers.run(partial(self.read_now, account, fn))
        finally:
            self._turns.leave(turn)

    async def write(self, account: int, fn: Callable[[Writer], T]) -> T:
        """Run `fn` in a write transaction of an account; it is durable, and the bus was told, when this returns.

        Writes of one account that come together share a commit; those of different accounts run side by side.
        """
        database = self._retain_open(account)
        if database is None:
            database = await self._readers.run(partial(self._retain, account))
        try:
            return await database.async_write(fn)
        finally:
            database.release()

    def read_now(self, account: int, fn: Callable[[Reader], T]) -> T:
        """`read`, blocking the thread that calls."""
        database = self._retain_open(account) or self._retain(account)
        try:
            return database.read(fn)
        finally:
            database.release()

    def write_now(self, account: int, fn: Callable[[Writer], T]) -> T:
        """`write`, blocking the thread that calls."""
        database = self._retain_open(account) or self._retain(account)
        try:
            return database.write(fn)
        finally:
            database.release()

    async def run(self, fn: Callable[[], T]) -> T:
        """Run work that needs no transaction (`prepare`) on a thread of the store."""
        return await self._workers.run(fn)

    async def footprint(self, account: int) -> Footprint:
        """Tell whether anything was written to an account, without opening its database."""
        return await self._workers.run(partial(footprint_of, self.path(account), time.time_ns))

    def _retain_open(self, account: int) -> Database | None:
        with self._lock:
            database = self._open.get(account)
            if database is not None:
                self._open.move_to_end(account)
                self._used[account] = self._clock.monotonic()
                database.retain()
            return database

    def _retain(self, account: int) -> Database:
        folder = self.folder(account)
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._lock:
            database = self._open.get(account)
            fresh = False
            if database is None:
                database = Database(
                    self.path(account),
                    schemas.account_schemas(int(self._clock.now().timestamp())),
                    crew=self._writers,
                    functions=predicate.FUNCTIONS,
                    on_commit=partial(self._bus.publish, account),
                    on_chore=partial(self._ask, account),
                )
                self._open[account] = database
                fresh = True
                self._start_rounds()
            self._used[account] = self._clock.monotonic()
            database.retain()
            surplus = self._take_surplus()
        for old in surplus:
            old.close()
        if fresh:
            # The process may have ended before it came to them.
            for chore in CHORES:
                self._ask(account, chore)
        return database

    def _ask(self, account: int, chore: str) -> None:
        (self._reading if chore == unread.CHORE else self._chores).ask(account, chore)

    def _do_chore(self, account: int, name: str) -> bool:
        """Do a little of a chore, so that others get the write lock in between; say whether more is left."""
        try:
            if name == index.CHORE:
                return bool(self.read_now(account, index.first_unindexed)) and self.write_now(account, index.advance)
            if name == unread.CHORE:
                return self._documents.advance(account)
            if name == expunge_log.CHORE:
                now = int(self._clock.now().timestamp())
                return self.read_now(account, lambda r: expunge_log.is_due(r, now)) and self.write_now(
                    account, lambda w: expunge_log.advance(w, now)
                )
            return self.read_now(account, collect.has_garbage) and self.write_now(account, collect.collect) > 0
        except DatabaseError as error:
            log.warning("chore_put_off", account=account, chore=name, reason=str(error))
            return False

    def _take_surplus(self) -> list[Database]:
        """Take the longest unused databases off the list; those in use stay, their turn comes later."""
        excess = len(self._open) - self._max_open
        if excess <= 0:
            return []
        return self._take([number for number, database in self._open.items() if database.idle][:excess])

    def _take(self, numbers: list[int]) -> list[Database]:
        for number in numbers:
            del self._used[number]
        return [self._open.pop(number) for number in numbers]

    def rest(self) -> int:
        """Close what nobody has used for `REST` seconds and give its memory back; tell how many that were."""
        with self._lock:
            before = self._clock.monotonic() - REST
            unused = self._take([n for n, db in self._open.items() if db.idle and self._used[n] <= before])
        for database in unused:
            database.close()
        self._process.rest()
        if unused:
            heap.give_back()
        return len(unused)

    def _start_rounds(self) -> None:
        if self._rounds is None and not self._closing.is_set():
            self._rounds = threading.Thread(target=self._go_round, name="store-rest", daemon=True)
            self._rounds.start()

    def _go_round(self) -> None:
        while not self._closing.wait(ROUND):
            self.rest()

    def close(self) -> None:
        """Finish the writes that wait and close every database."""
        self._closing.set()
        self._process.close()
        self._reading.close()
        self._chores.close()
        self._writers.close()
        self._readers.close()
        self._workers.close()
        with self._lock:
            databases = self._take(list(self._open))
            rounds, self._rounds = self._rounds, None
        for database in databases:
            database.close()
        if rounds is not None:
            rounds.join()
