import asyncio
import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from server.db.database import GROUP, Database, Reader, Writer
from server.db.errors import DatabaseBusy, DatabaseCorrupt, DatabaseFull, DatabaseUnwritable
from server.db.statement import Statement

METADATA = sa.MetaData()
word = sa.Table(
    "word", METADATA, sa.Column("id", sa.Integer, primary_key=True), sa.Column("text", sa.String, unique=True)
)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "a.db", METADATA, busy_timeout=0.2)
    yield made
    made.close()


def add(text: str):
    def fn(w: Writer) -> int:
        return w.execute(sa.insert(word), {"text": text}).lastrowid

    return fn


def words(r: Reader) -> list[str]:
    return list(r.execute(sa.select(word.c.text).order_by(word.c.id)).scalars())


class Holding:
    """A write that holds the lock until it is let go, so that what is asked for meanwhile is one group."""

    def __init__(self) -> None:
        self.started, self.let_go = threading.Event(), threading.Event()

    def __call__(self, w: Writer) -> None:
        w.changed(1)
        self.started.set()
        self.let_go.wait(5)


async def hold(database: Database) -> tuple[Holding, "asyncio.Future[None]"]:
    holding = Holding()
    write = asyncio.ensure_future(database.async_write(holding))
    await asyncio.to_thread(holding.started.wait, 5)
    return holding, write


def test_write_then_read(database: Database):
    assert database.write(add("one")) == 1
    assert database.read(words) == ["one"]


def test_a_commit_is_synchronous_full_in_a_write_ahead_log(database: Database):
    pragmas = database.write(
        lambda w: [w.raw(f"PRAGMA {p}").fetchone()[0] for p in ("journal_mode", "synchronous", "foreign_keys")]
    )
    assert pragmas == ["wal", 2, 1]


def test_a_failed_write_leaves_nothing(database: Database):
    def fn(w: Writer) -> None:
        add("one")(w)
        raise LookupError("bad")

    with pytest.raises(LookupError):
        database.write(fn)
    assert database.read(words) == []
    database.write(add("two"))
    assert database.read(words) == ["two"]


def test_a_reader_cannot_write(database: Database):
    database.write(add("one"))
    with pytest.raises(DatabaseUnwritable):
        database.read(lambda r: r.raw("DELETE FROM word"))
    assert database.read(words) == ["one"]


def test_a_reader_sees_one_moment(database: Database):
    database.write(add("one"))

    def fn(r: Reader) -> tuple[list[str], list[str]]:
        before = words(r)
        thread = threading.Thread(target=database.write, args=(add("two"),))
        thread.start()
        thread.join()
        return before, words(r)

    assert database.read(fn) == (["one"], ["one"])
    assert database.read(words) == ["one", "two"]


async def test_waiting_writes_share_a_commit_and_a_failing_one_fails_alone(database: Database):
    database.write(add("first"))
    marks: list[int] = []
    database._on_commit = marks.append
    holding, held = await hold(database)

    def marked(n: int):
        def fn(w: Writer) -> int:
            w.changed(n)
            return add(f"word {n}")(w)

        return fn

    def failing(w: Writer) -> None:
        add("lost")(w)
        w.changed(99)
        raise LookupError("mine alone")

    tasks = [asyncio.ensure_future(database.async_write(fn)) for fn in (marked(2), failing, marked(3))]
    await asyncio.sleep(0)
    holding.let_go.set()
    await held
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(results[1], LookupError)
    assert database.read(words) == ["first", "word 2", "word 3"]
    # The first was alone; the others came while it ran and are one commit. What failed told nobody.
    assert marks == [1, 3]


async def test_more_writes_than_fit_one_group(database: Database):
    count = GROUP * 3 + 1
    await asyncio.gather(*(database.async_write(add(f"w{n}")) for n in range(count)))
    assert len(database.read(words)) == count


async def test_a_cancelled_write_does_not_disturb_the_others(database: Database):
    holding, slow = await hold(database)
    cancelled = asyncio.ensure_future(database.async_write(add("cancelled")))
    kept = asyncio.ensure_future(database.async_write(add("kept")))
    await asyncio.sleep(0)
    cancelled.cancel()
    holding.let_go.set()
    await asyncio.gather(slow, kept)
    assert database.read(words) == ["kept"]


async def test_reads_do_not_wait_for_writes(database: Database):
    database.write(add("one"))
    holding, write = await hold(database)
    assert await database.async_read(words) == ["one"]
    holding.let_go.set()
    await write


def test_actions_after_commit_and_chores(tmp_path: Path):
    chores: list[str] = []
    database = Database(tmp_path / "a.db", METADATA, on_chore=chores.append)
    done: list[str] = []

    def fn(w: Writer) -> None:
        w.after_commit(lambda: done.append("after"))
        w.leave_chore("sweep")

    def undone(w: Writer) -> None:
        fn(w)
        raise LookupError

    database.write(fn)
    with pytest.raises(LookupError):
        database.write(undone)
    assert (done, chores) == (["after"], ["sweep"])
    database.close()


def test_an_action_that_fails_does_not_undo_the_commit(database: Database):
    def fn(w: Writer) -> None:
        add("kept")(w)
        w.after_commit(lambda: 1 / 0)

    database.write(fn)
    assert database.read(words) == ["kept"]


def test_busy_is_named_and_passes(database: Database):
    database.write(add("one"))
    other = sqlite3.connect(database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseBusy):
        database.write(add("two"))
    assert database.read(words) == ["one"]
    other.execute("ROLLBACK")
    other.close()
    database.write(add("two"))


async def test_busy_is_told_to_every_writer_of_the_group(database: Database):
    database.write(add("one"))
    other = sqlite3.connect(database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    results = await asyncio.gather(*(database.async_write(add(f"w{n}")) for n in range(3)), return_exceptions=True)
    assert [type(result) for result in results] == [DatabaseBusy] * 3
    other.close()
    await database.async_write(add("two"))
    assert database.read(words) == ["one", "two"]


def test_full_is_named_and_passes(database: Database):
    database.write(add("one"))

    def fill(w: Writer) -> None:
        w.raw("PRAGMA max_page_count=1")
        w.execute(sa.insert(word), {"text": "x" * 100_000})

    with pytest.raises(DatabaseFull):
        database.write(fill)
    database.write(lambda w: w.raw("PRAGMA max_page_count=1000000").fetchone())
    database.write(add("two"))
    assert database.read(words) == ["one", "two"]


async def test_full_in_a_group_fails_all_that_was_undone(database: Database):
    database.write(add("one"))
    holding, slow = await hold(database)

    def fill(w: Writer) -> None:
        w.raw("PRAGMA max_page_count=1")
        w.execute(sa.insert(word), {"text": "x" * 100_000})

    tasks = [asyncio.ensure_future(database.async_write(fn)) for fn in (add("before"), fill, add("after"))]
    await asyncio.sleep(0)
    holding.let_go.set()
    await slow
    results = await asyncio.gather(*tasks, return_exceptions=True)
    kept = database.read(words)
    assert isinstance(results[1], DatabaseFull)
    # Whoever was told of success is there, and nobody else.
    told = ["one"] + [
        text for text, result in zip(("before", None, "after"), results, strict=True) if isinstance(result, int)
    ]
    assert kept == told


def test_corrupt_is_named(tmp_path: Path):
    path = tmp_path / "a.db"
    path.write_bytes(b"this is no database, but long enough to have a header" * 100)
    database = Database(path, METADATA)
    with pytest.raises(DatabaseCorrupt):
        database.read(words)
    database.close()


@pytest.mark.parametrize("use", ["read", "write"])
def test_a_missing_folder_is_unwritable(tmp_path: Path, use: str):
    database = Database(tmp_path / "none" / "a.db", METADATA)
    with pytest.raises(DatabaseUnwritable):
        database.read(words) if use == "read" else database.write(add("one"))


def test_a_file_error_inside_is_named(database: Database):
    def fn(_w: Writer) -> None:
        raise OSError(28, os.strerror(28))

    with pytest.raises(DatabaseFull):
        database.write(fn)


def test_no_more_writes_after_a_lost_fsync(database: Database):
    database.write(add("one"))
    lost = sqlite3.OperationalError("disk I/O error")
    lost.sqlite_errorcode, lost.sqlite_errorname = sqlite3.SQLITE_IOERR_FSYNC, "SQLITE_IOERR_FSYNC"

    def fn(_w: Writer) -> None:
        raise lost

    with pytest.raises(DatabaseUnwritable):
        database.write(fn)
    with pytest.raises(DatabaseUnwritable, match="restart"):
        database.write(add("two"))
    assert database.read(words) == ["one"]


def test_closed_and_used_again(database: Database):
    database.write(add("one"))
    assert database.idle
    database.close()
    assert database.read(words) == ["one"]
    database.write(add("two"))


def test_two_processes_worth_of_databases_make_the_file_once(tmp_path: Path):
    databases = [Database(tmp_path / "a.db", METADATA) for _ in range(6)]
    failures: list[BaseException] = []

    def use(n: int) -> None:
        try:
            databases[n].write(add(f"w{n}"))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=use, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert sorted(databases[0].read(words)) == [f"w{n}" for n in range(6)]
    for database in databases:
        database.close()


def test_a_path_with_marks_that_mean_something_in_a_uri(tmp_path: Path):
    folder = tmp_path / "a?b#c %20"
    folder.mkdir()
    database = Database(folder / "x.db", METADATA)
    database.write(add("one"))
    database.close()
    assert (folder / "x.db").exists()


def test_compiled_statements(database: Database):
    insert = Statement(sa.insert(word).values(text=sa.bindparam("what")))
    find = Statement(sa.select(word.c.id, sa.literal(7)).where(word.c.text == sa.bindparam("what")))
    database.write(lambda w: w.run_many(insert, [{"what": "a"}, {"what": "b"}]))
    assert database.read(lambda r: r.run(find, what="b").fetchall()) == [(2, 7)]
    with pytest.raises(KeyError):
        database.read(lambda r: r.run(find))


def test_t082_errors_do_not_tell_values(database: Database):
    """They are logged, and values are mail and secrets."""
    database.write(add("a secret value"))
    with pytest.raises(sa.exc.IntegrityError) as caught:
        database.write(add("a secret value"))
    assert "a secret value" not in str(caught.value)
