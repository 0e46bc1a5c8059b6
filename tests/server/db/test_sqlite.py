import sqlite3

import pytest

from server.db import sqlite
from server.db.errors import DatabaseBusy, DatabaseCorrupt, DatabaseFull, DatabaseUnsuitable, DatabaseUnwritable


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (sqlite3.SQLITE_FULL, DatabaseFull),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, DatabaseBusy),
        (sqlite3.SQLITE_CORRUPT_VTAB, DatabaseCorrupt),
        (sqlite3.SQLITE_NOTADB, DatabaseCorrupt),
        (sqlite3.SQLITE_IOERR_WRITE, DatabaseUnwritable),
        (sqlite3.SQLITE_READONLY, DatabaseUnwritable),
        (sqlite3.SQLITE_CANTOPEN, DatabaseUnwritable),
    ],
)
def test_codes_have_names(code: int, kind: type):
    error = sqlite3.OperationalError("x")
    error.sqlite_errorcode, error.sqlite_errorname = code, "NAME"
    assert type(sqlite.meaning(error)) is kind


def test_a_broken_rule_of_ours_is_no_database_failure():
    error = sqlite3.IntegrityError("UNIQUE constraint failed")
    error.sqlite_errorcode = sqlite3.SQLITE_CONSTRAINT
    assert sqlite.meaning(error) is None
    assert sqlite.meaning(ValueError("x")) is None
    assert sqlite.meaning(FileNotFoundError(2, "x")) is None


def test_an_old_library_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sqlite, "OLDEST", (99, 0, 0))
    with pytest.raises(DatabaseUnsuitable, match="too old"):
        sqlite.require_suitable_library.__wrapped__()


def test_a_library_without_full_text_search_is_refused(monkeypatch: pytest.MonkeyPatch):
    class Connection(sqlite3.Connection):
        def execute(self, sql, *args):
            return super().execute(sql.replace("fts5", "fts9"), *args)

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite.sqlite3, "connect", lambda *a, **k: connect(*a, factory=Connection, **k))
    with pytest.raises(DatabaseUnsuitable, match="FTS5"):
        sqlite.require_suitable_library.__wrapped__()


def test_a_library_that_does_not_find_is_refused(monkeypatch: pytest.MonkeyPatch):
    class Connection(sqlite3.Connection):
        def execute(self, sql, *args):
            return super().execute(sql.replace("MATCH", "IS"), *args)

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite.sqlite3, "connect", lambda *a, **k: connect(*a, factory=Connection, **k))
    with pytest.raises(DatabaseUnsuitable, match="does not find"):
        sqlite.require_suitable_library.__wrapped__()
