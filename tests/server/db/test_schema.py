from pathlib import Path

import pytest
import sqlalchemy as sa

from server.db.database import Database, Reader, Writer
from server.db.errors import DatabaseTooNew
from server.db.schema import Schema, versions


def tables(*columns: str) -> sa.MetaData:
    metadata = sa.MetaData()
    sa.Table(
        "thing", metadata, sa.Column("id", sa.Integer, primary_key=True), *(sa.Column(c, sa.String) for c in columns)
    )
    return metadata


def names(r: Reader) -> list[str]:
    return [row[1] for row in r.raw("PRAGMA table_info(thing)")]


def add_colour(w: Writer) -> None:
    w.raw("ALTER TABLE thing ADD COLUMN colour TEXT")


def test_made_with_its_first_rows(tmp_path: Path):
    first = Schema(
        "store",
        1,
        tables("name"),
        extra=("CREATE VIEW v AS SELECT 1",),
        first=lambda w: w.raw("INSERT INTO thing(name) VALUES ('x')") and None,
    )
    for _ in range(2):
        database = Database(tmp_path / "a.db", first)
        assert database.read(lambda r: r.raw("SELECT count(*) FROM thing").fetchone()) == (1,)
        database.close()


def test_upgraded_step_by_step_and_its_data_kept(tmp_path: Path):
    old = Database(tmp_path / "a.db", Schema("store", 1, tables("name")))
    old.write(lambda w: w.raw("INSERT INTO thing(name) VALUES ('x')") and None)
    old.close()

    def fill(w: Writer) -> None:
        w.raw("UPDATE thing SET colour = 'red'")

    new = Database(tmp_path / "a.db", Schema("store", 3, tables("name", "colour"), steps={1: add_colour, 2: fill}))
    assert new.read(lambda r: r.raw("SELECT name, colour FROM thing").fetchall()) == [("x", "red")]
    assert new.read(versions) == {"store": 3}
    new.close()


def test_a_failing_step_changes_nothing(tmp_path: Path):
    Database(tmp_path / "a.db", Schema("store", 1, tables("name"))).read(names)

    def fail(_w: Writer) -> None:
        raise LookupError

    new = Database(tmp_path / "a.db", Schema("store", 3, tables("name", "colour"), steps={1: add_colour, 2: fail}))
    with pytest.raises(LookupError):
        new.read(names)
    again = Database(tmp_path / "a.db", Schema("store", 1, tables("name")))
    assert again.read(names) == ["id", "name"]


def test_a_newer_file_is_refused(tmp_path: Path):
    new = Database(tmp_path / "a.db", Schema("store", 2, tables("name")))
    new.read(names)
    new.close()
    with pytest.raises(DatabaseTooNew, match="version 2 of store"):
        Database(tmp_path / "a.db", Schema("store", 1, tables("name"))).read(names)


def test_owners_share_a_file(tmp_path: Path):
    other = sa.MetaData()
    sa.Table("other", other, sa.Column("id", sa.Integer, primary_key=True))
    first = Database(tmp_path / "a.db", tables("name"))
    second = Database(tmp_path / "a.db", [tables("name"), other])
    first.read(names)
    assert second.read(lambda r: r.raw("SELECT count(*) FROM other").fetchone()) == (0,)
    assert set(second.read(versions)) == {"thing", "other"}
    first.close()
    second.close()
