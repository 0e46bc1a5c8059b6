"""The connections to one database file: one that writes, and a few that read.

All files share one SQLAlchemy engine (so one dialect and one cache of compiled statements); a connection costs the
opening of a file and nothing else. Transactions are begun and ended on the driver, SQLAlchemy only renders and fetches.
"""

import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from server.db import sqlite
from server.db.sqlite import Functions
from server.db.transaction import Reader, Writer

COMPILED_STATEMENTS = 2_000


class _Opening(threading.local):
    connect: Callable[[], sqlite.Connection] | None = None


_opening = _Opening()


def _open_chosen() -> sqlite.Connection:
    connect = _opening.connect
    if connect is None:
        raise RuntimeError("the shared engine opens a file only for a pool")
    return connect()


@lru_cache(maxsize=1)
def shared_engine() -> sa.Engine:
    """Return the engine of this process, made at first use."""
    return sa.create_engine(
        "sqlite://",
        creator=_open_chosen,
        poolclass=NullPool,
        query_cache_size=COMPILED_STATEMENTS,
        # An error's text ends up in the log, and the values of a statement are people's mail and secrets (security.md T082).
        hide_parameters=True,
    )


class Link:
    """One open connection, as the driver's and as SQLAlchemy's object."""

    __slots__ = ("alchemy", "driver", "folder")

    def __init__(self, path: Path, *, busy_timeout: float, read_only: bool, functions: Functions) -> None:
        opened: list[sqlite.Connection] = []

        def connect() -> sqlite.Connection:
            opened.append(sqlite.connect(path, busy_timeout=busy_timeout, read_only=read_only, functions=functions))
            return opened[0]

        _opening.connect = connect
        try:
            self.alchemy = shared_engine().connect()
        finally:
            _opening.connect = None
        self.driver = opened[0]
        self.folder = path.parent

    def reader(self) -> Reader:
        return Reader(self.alchemy, self.driver, self.folder)

    def writer(self) -> Writer:
        return Writer(self.alchemy, self.driver, self.folder)

    def roll_back(self) -> None:
        """End the transaction, if SQLite has not done so by itself."""
        if self.driver.in_transaction:
            self.driver.execute("ROLLBACK")

    def close(self) -> None:
        self.alchemy.close()


class ReaderPool:
    """Readers of one file. More than `keep` exist only while they are in use."""

    def __init__(self, path: Path, *, busy_timeout: float, keep: int, functions: Functions) -> None:
        self._path, self._busy_timeout, self._keep, self._functions = path, busy_timeout, keep, functions
        self._idle: list[Link] = []
        self._lock = threading.Lock()

    def take(self) -> Link:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return Link(self._path, busy_timeout=self._busy_timeout, read_only=True, functions=self._functions)

    def give_back(self, link: Link) -> None:
        with self._lock:
            if len(self._idle) < self._keep:
                self._idle.append(link)
                return
        link.close()

    def close(self) -> None:
        with self._lock:
            links, self._idle, self._keep = self._idle, [], 0
        for link in links:
            link.close()
