"""The one place that opens SQLite files: how a connection is set up, and what its errors mean.

Invariants: write-ahead log, `synchronous=FULL` (a commit is on the disk before it returns, so 250 may be said), foreign
keys on, transactions begun and ended by us alone (`isolation_level=None`).
"""

import contextlib
import errno
import os
import sqlite3
import stat
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from server.db.errors import (
    DatabaseBusy,
    DatabaseCorrupt,
    DatabaseError,
    DatabaseFull,
    DatabaseUnsuitable,
    DatabaseUnwritable,
)

Cursor = sqlite3.Cursor
Connection = sqlite3.Connection
Functions = Mapping[str, tuple[int, Callable[..., Any]]]
"""What SQL may call: name, number of arguments, and a function of values that always gives the same result."""

OLDEST = (3, 38, 0)
WAL_PAGES_BEFORE_CHECKPOINT = 2_000
LOG_KEPT = 4 * 2**20
"""Octets to which the log shrinks when it is begun anew; there is one for each account."""
CACHED_STATEMENTS = 256
READ_CACHE, WRITE_CACHE = 512, 1_024
"""KiB of pages that a connection keeps. There may be hundreds; behind them is the system's own cache."""
IOERR_FSYNC = (sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC)

_MEANING: dict[int, type[DatabaseError]] = {
    sqlite3.SQLITE_FULL: DatabaseFull,
    sqlite3.SQLITE_TOOBIG: DatabaseFull,
    sqlite3.SQLITE_BUSY: DatabaseBusy,
    sqlite3.SQLITE_LOCKED: DatabaseBusy,
    sqlite3.SQLITE_CORRUPT: DatabaseCorrupt,
    sqlite3.SQLITE_NOTADB: DatabaseCorrupt,
    sqlite3.SQLITE_READONLY: DatabaseUnwritable,
    sqlite3.SQLITE_CANTOPEN: DatabaseUnwritable,
    sqlite3.SQLITE_PERM: DatabaseUnwritable,
    sqlite3.SQLITE_IOERR: DatabaseUnwritable,
    sqlite3.SQLITE_AUTH: DatabaseUnwritable,
}
_MEANING_OF_ERRNO: dict[int, type[DatabaseError]] = {
    errno.ENOSPC: DatabaseFull,
    errno.EDQUOT: DatabaseFull,
    errno.EFBIG: DatabaseFull,
    errno.EACCES: DatabaseUnwritable,
    errno.EPERM: DatabaseUnwritable,
    errno.EROFS: DatabaseUnwritable,
    errno.EIO: DatabaseUnwritable,
}


def connect(path: Path, *, busy_timeout: float, read_only: bool, functions: Functions) -> Connection:
    """Open a file that any one thread at a time may use.

    `read_only` is a promise of ours (`query_only`), not an open mode: a reader of a write-ahead log writes its index.
    """
    if not read_only:
        _make_private(path)
    # A path may hold '?' or '#', which mean something in a URI.
    uri = f"file:{quote(str(path))}"
    connection = sqlite3.connect(
        uri,
        uri=True,
        timeout=busy_timeout,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=CACHED_STATEMENTS,
    )
    try:
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute(f"PRAGMA wal_autocheckpoint={WAL_PAGES_BEFORE_CHECKPOINT}")
        connection.execute(f"PRAGMA journal_size_limit={LOG_KEPT}")
        connection.execute(f"PRAGMA cache_size=-{READ_CACHE if read_only else WRITE_CACHE}")
        for name, (arguments, function) in functions.items():
            connection.create_function(name, arguments, function, deterministic=True)
        if read_only:
            connection.execute("PRAGMA query_only=ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _make_private(path: Path) -> None:
    """Make a file that does not exist yet, for our eyes only; its log takes over the permissions.

    By mknod, as no descriptor may be closed here: that would take away the locks of every connection to the file.
    """
    with contextlib.suppress(OSError):
        os.mknod(path, 0o600 | stat.S_IFREG)


def use_write_ahead_log(connection: Connection) -> None:
    """Switch a file to WAL; it stays so for ever, later opens need not ask."""
    (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
    if mode != "wal":
        raise DatabaseUnwritable(f"the volume cannot hold a write-ahead log (journal mode stays {mode})")


def meaning(error: BaseException) -> DatabaseError | None:
    """Return the named error for what SQLite, SQLAlchemy or the file system raised, or None for a bug of ours."""
    if isinstance(error, DatabaseError):
        return error
    if isinstance(error, OSError):
        kind = _MEANING_OF_ERRNO.get(error.errno or 0)
        return kind(str(error)) if kind else None
    original = getattr(error, "orig", None) or error
    if not isinstance(original, sqlite3.Error):
        return None
    code = getattr(original, "sqlite_errorcode", None)
    if code is None:
        return None
    kind = _MEANING.get(code & 0xFF)
    return kind(f"{original} ({original.sqlite_errorname})") if kind else None


def lost_fsync(error: BaseException) -> bool:
    """Say whether the kernel failed to put data on the disk: what it held in memory may be gone for good."""
    original = getattr(error, "orig", None) or error
    return getattr(original, "sqlite_errorcode", None) in IOERR_FSYNC


@lru_cache(maxsize=1)
def require_suitable_library() -> None:
    """Refuse a SQLite that is too old, without FTS5, or whose trigram index does not find what is there."""
    if sqlite3.sqlite_version_info < OLDEST:
        raise DatabaseUnsuitable(f"SQLite {sqlite3.sqlite_version} is too old; Posthouse needs 3.38 or newer")
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("CREATE VIRTUAL TABLE t USING fts5(x, tokenize='trigram case_sensitive 1', detail='none')")
        connection.execute("INSERT INTO t(rowid, x) VALUES (7, 'das posthaus 郵便局員')")
        for wanted in ('"sth" AND "hau" AND "aus"', '"便局員"'):
            if connection.execute("SELECT rowid FROM t WHERE t MATCH ?", (wanted,)).fetchall() != [(7,)]:
                raise DatabaseUnsuitable("the full-text index of this SQLite does not find what it was given")
    except sqlite3.OperationalError as error:
        raise DatabaseUnsuitable(
            f"SQLite {sqlite3.sqlite_version} has no FTS5 with trigrams ({error}); install a Python with a complete SQLite"
        ) from error
    finally:
        connection.close()
