import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from server.db.database import Database
from server.db.footprint import SETTLED, footprint_of

METADATA = sa.MetaData()
words = sa.Table("words", METADATA, sa.Column("word", sa.String))


def later():
    return 2**62


def test_a_database_that_is_not_there_is_nothing(tmp_path):
    found = footprint_of(tmp_path / "mail.db", later)
    assert (found.file, found.log) == ((0, 0), (0, 0))


def test_a_commit_leaves_another_and_a_read_does_not(tmp_path):
    path = tmp_path / "mail.db"
    database = Database(path, METADATA)
    database.write(lambda w: w.execute(sa.insert(words), {"word": "one"}))
    before = footprint_of(path, later)
    database.read(lambda r: r.execute(sa.select(words)).all())
    assert footprint_of(path, later).proves_nothing_since(before)
    next_grain(tmp_path / "probe", before)
    database.write(lambda w: w.execute(sa.insert(words), {"word": "two"}))
    assert not footprint_of(path, later).proves_nothing_since(before)
    database.close()


def test_opening_for_a_look_and_closing_again_settles(tmp_path):
    """Or two who look in turn would open it for ever."""
    path = tmp_path / "mail.db"
    database = Database(path, METADATA)
    database.write(lambda w: w.execute(sa.insert(words), {"word": "one"}))
    database.close()
    before = footprint_of(path, later)
    for _ in range(2):
        again = Database(path, METADATA)
        again.read(lambda r: r.execute(sa.select(words)).all())
        assert footprint_of(path, later).proves_nothing_since(before)
        again.close()
        assert footprint_of(path, later).proves_nothing_since(before)


def test_what_was_written_a_moment_ago_proves_nothing(tmp_path):
    path = tmp_path / "mail.db"
    path.write_bytes(b"x")
    written = path.stat().st_mtime_ns
    fresh = footprint_of(path, lambda: written + SETTLED)
    assert not fresh.proves_nothing_since(fresh)
    settled = footprint_of(path, lambda: written + SETTLED + 1)
    assert settled.proves_nothing_since(settled)
    assert not settled.proves_nothing_since(None)


def next_grain(probe, footprint):
    """Wait until the file system gives another time; SETTLED is what stands for that outside of tests."""
    last = max(footprint.file[1], footprint.log[1])
    while True:
        probe.write_bytes(b"x")
        if probe.stat().st_mtime_ns > last:
            return


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(["write", "read", "reopen"]), max_size=12))
def test_no_commit_is_ever_missed(tmp_path_factory, steps):
    path = tmp_path_factory.mktemp("any") / "mail.db"
    database = Database(path, METADATA)
    database.read(lambda _r: None)
    for step in steps:
        before = footprint_of(path, later)
        if step == "reopen":
            database.close()
        elif step == "read":
            database.read(lambda r: r.execute(sa.select(words)).all())
        else:
            next_grain(path.parent / "probe", before)
            database.write(lambda w: w.execute(sa.insert(words), {"word": "x"}))
            assert not footprint_of(path, later).proves_nothing_since(before)
    database.close()
