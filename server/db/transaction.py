"""What a function of a transaction is given: a `Reader`, or a `Writer` that can also change things.

They are different types so that code that reads cannot write; the connection of a `Reader` refuses writing too.
Neither outlives its function: a cursor or result must be consumed inside.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import CursorResult
from sqlalchemy.sql.base import Executable

from server.db import sqlite
from server.db.statement import Statement

Values = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class Reader:
    """One snapshot of a database."""

    __slots__ = ("_alchemy", "_driver", "folder")

    def __init__(self, alchemy: sa.Connection, driver: sqlite.Connection, folder: Path) -> None:
        self._alchemy, self._driver = alchemy, driver
        self.folder = folder
        """Where the database file lives; files that belong to it are beside it."""

    def execute(self, statement: Executable, params: Values | None = None) -> CursorResult[Any]:
        """Execute a SQLAlchemy Core statement."""
        return self._alchemy.execute(statement, params)

    def tuples(self, statement: Executable) -> Iterator[tuple[Any, ...]]:
        """Execute a Core statement and go through its rows as the driver gives them, for results of very many rows."""
        cursor: Any = self._alchemy.execute(statement).cursor
        rows: Iterator[tuple[Any, ...]] = iter(cursor or ())
        return rows

    def run(self, statement: Statement, **values: Any) -> sqlite.Cursor:
        """Execute a compiled statement by the driver; rows are plain tuples."""
        return self._driver.execute(*statement.bind(values))

    def raw(self, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> sqlite.Cursor:
        """Execute SQL as it stands. For named hot spots and for what Core has no words for (FTS5, PRAGMA)."""
        return self._driver.execute(sql, params)


class Writer(Reader):
    """A transaction that holds the write lock."""

    __slots__ = ("_after_commit", "chores", "mark")

    def __init__(self, alchemy: sa.Connection, driver: sqlite.Connection, folder: Path) -> None:
        super().__init__(alchemy, driver, folder)
        self._after_commit: list[Callable[[], None]] = []
        self.mark = 0
        self.chores: set[str] = set()

    def run_many(self, statement: Statement, values: Iterable[dict[str, Any]]) -> None:
        """Execute a compiled statement once for each set of values."""
        sql, names, fixed = statement.parts()
        self._driver.executemany(sql, [tuple([{**fixed, **v}[n] for n in names]) for v in values])

    def raw_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Execute SQL as it stands once for each row of values."""
        self._driver.executemany(sql, rows)

    def changed(self, mark: int) -> None:
        """Say that subscribers shall hear of `mark` after the commit; the highest of a transaction wins."""
        self.mark = max(self.mark, mark)

    def leave_chore(self, name: str) -> None:
        """Say that this transaction leaves work of that name for later; whoever opened the database sees to it."""
        self.chores.add(name)

    def after_commit(self, action: Callable[[], None]) -> None:
        """Call `action` once the transaction is on the disk, on the thread that wrote; never when it is undone."""
        self._after_commit.append(action)

    def take_actions(self) -> list[Callable[[], None]]:
        """Hand over and forget the actions (for the database, which calls them)."""
        actions, self._after_commit = self._after_commit, []
        return actions
