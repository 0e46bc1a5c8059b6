"""The store when the disk is full, the file damaged or another process sits on it: a named error, and nothing lost."""

import errno
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from server.config import Settings
from server.db import database as databases
from server.db.errors import DatabaseBusy, DatabaseCorrupt, DatabaseFull, DatabaseUnwritable
from server.notify.bus import SilentBus
from server.store import append, expunge, mailboxes, messages
from server.store.store import Store
from server.store.verify import verify
from tests.fakes.clock import FakeClock
from tests.fakes.mail_account import letter


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        databases.Database.__init__,
        "__kwdefaults__",
        databases.Database.__init__.__kwdefaults__ | {"busy_timeout": 0.3},
    )
    made = Store(Settings(tmp_path), SilentBus(), FakeClock())
    yield made
    made.close()


def put(store: Store, account: int, text: str, *, object_size: int = append.OBJECT_SIZE) -> int:
    prepared = append.prepare(letter(text, text), object_size=object_size)
    return store.write_now(account, lambda w: append.append(w, 1, prepared)).uid


def uids(store: Store, account: int) -> list[int]:
    return list(store.read_now(account, lambda r: messages.uids(r, 1)))


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (errno.ENOSPC, DatabaseFull),
        (errno.EDQUOT, DatabaseFull),
        (errno.EIO, DatabaseUnwritable),
        (errno.EROFS, DatabaseUnwritable),
    ],
)
def test_no_room_for_a_large_message(store: Store, monkeypatch: pytest.MonkeyPatch, code: int, error: type):
    put(store, 1, "before")

    def fail(_handle: int) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", fail)
        with pytest.raises(error):
            put(store, 1, "large", object_size=1)
    assert uids(store, 1) == [1]
    assert verify(store.path(1)) == []
    assert put(store, 1, "large", object_size=1) == 2


def test_no_room_in_the_database(store: Store):
    put(store, 1, "before")
    pages = store.write_now(1, lambda w: w.raw("PRAGMA page_count").fetchone()[0])
    store.write_now(1, lambda w: w.raw(f"PRAGMA max_page_count={pages + 2}").fetchone())
    with pytest.raises(DatabaseFull):
        put(store, 1, "much " + "".join(map(chr, range(0x4E00, 0x8E00))))
    # Reading and deleting still work, and with room again so does everything.
    assert uids(store, 1) == [1]
    assert store.write_now(1, lambda w: expunge.remove(w, 1, [1])) == [1]
    store.write_now(1, lambda w: w.raw("PRAGMA max_page_count=1000000").fetchone())
    assert put(store, 1, "after") == 2
    assert verify(store.path(1)) == []


async def test_a_locked_account_holds_up_nobody_else(store: Store):
    put(store, 1, "a")
    put(store, 2, "b")
    with closing(sqlite3.connect(store.path(1), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        prepared = append.prepare(letter("c"))
        started = time.monotonic()
        with pytest.raises(DatabaseBusy):
            await store.write(1, lambda w: append.append(w, 1, prepared))
        assert time.monotonic() - started < 30
        assert (await store.write(2, lambda w: append.append(w, 1, prepared))).uid == 2
        assert list(await store.read(1, lambda r: messages.uids(r, 1))) == [1]
        other.execute("ROLLBACK")
    assert (await store.write(1, lambda w: append.append(w, 1, prepared))).uid == 2


def test_a_damaged_account_is_named_and_others_work(store: Store):
    for account in (1, 2):
        put(store, account, "a")
    store.close()
    with closing(sqlite3.connect(store.path(1))) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(store.path(1).read_bytes())
    for page in range(1, len(data) // 4096):
        data[page * 4096 : page * 4096 + 16] = b"\xff" * 16
    store.path(1).write_bytes(data)
    again = Store(Settings(store.path(1).parents[3]), SilentBus(), FakeClock())
    with pytest.raises(DatabaseCorrupt):
        again.read_now(1, mailboxes.list_all)
    assert uids(again, 2) == [1]
    assert put(again, 2, "b") == 2
    again.close()


def test_a_folder_where_the_file_should_be(store: Store):
    store.path(1).mkdir(parents=True)
    with pytest.raises(DatabaseUnwritable):
        put(store, 1, "a")
    assert put(store, 2, "a") == 1


def test_the_log_deleted_after_a_clean_end_loses_nothing(store: Store):
    put(store, 1, "a")
    store.close()
    for name in ("mail.db-wal", "mail.db-shm"):
        (store.path(1).parent / name).unlink(missing_ok=True)
    again = Store(Settings(store.path(1).parents[3]), SilentBus(), FakeClock())
    assert uids(again, 1) == [1]
    assert put(again, 1, "b") == 2
    again.close()
