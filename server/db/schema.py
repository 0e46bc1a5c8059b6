"""Making and upgrading the tables of one owner in a database file.

Several owners (accounts, queue, sources, the webmail) keep tables in one file, so the version is a row for each owner in
`schema_version`, not the file's single `user_version`. An upgrade runs step by step in one transaction: killed half-way,
it has not happened. A file of a newer product is refused.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from server.db import sqlite
from server.db.crashpoint import reach
from server.db.errors import DatabaseBusy, DatabaseTooNew
from server.db.pool import Link
from server.db.transaction import Reader, Writer

VERSIONS = "CREATE TABLE IF NOT EXISTS schema_version (owner TEXT PRIMARY KEY, version INTEGER NOT NULL)"


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables of one owner.

    Args:
        owner: Its name in `schema_version`.
        version: Which version `metadata` describes, from 1 on.
        metadata: The tables of that version.
        extra: DDL that Core has no words for, run once after the tables are made.
        first: Rows that every new database begins with.
        steps: For each older version, what turns it into the next one.
    """

    owner: str
    version: int
    metadata: sa.MetaData
    extra: Sequence[str] = ()
    first: Callable[[Writer], None] | None = None
    steps: Mapping[int, Callable[[Writer], None]] = field(default_factory=dict)


def as_schema(tables: Schema | sa.MetaData) -> Schema:
    """Give plain MetaData an owner's name made of its tables, so that a new table is noticed and made."""
    if isinstance(tables, Schema):
        return tables
    return Schema(owner="+".join(sorted(tables.tables)), version=1, metadata=tables)


def versions(r: Reader) -> dict[str, int]:
    """Return the version of each owner in this file; nothing for a new file."""
    if r.raw("SELECT 1 FROM sqlite_master WHERE name = 'schema_version'").fetchone() is None:
        return {}
    return dict(r.raw("SELECT owner, version FROM schema_version").fetchall())


def is_current(r: Reader, schemas: Sequence[Schema]) -> bool:
    """Say whether nothing has to be made or upgraded."""
    found = versions(r)
    for schema in schemas:
        if found.get(schema.owner, 0) > schema.version:
            raise DatabaseTooNew(
                f"version {found[schema.owner]} of {schema.owner}; this Posthouse knows {schema.version}: use a newer one"
            )
    return all(found.get(schema.owner) == schema.version for schema in schemas)


def ensure(link: Link, schemas: Sequence[Schema], *, patience: float) -> None:
    """Make or upgrade what is missing, whoever else may be at it too.

    Args:
        link: The writing connection, outside of a transaction.
        schemas: What must be there.
        patience: Seconds to wait for another process that switches the file to its write-ahead log.
    """
    if is_current(link.reader(), schemas):
        return
    _switch_to_log(link, patience)
    writer = link.writer()
    link.driver.execute("BEGIN IMMEDIATE")
    try:
        if not is_current(writer, schemas):
            bring_up(writer, link.alchemy, schemas)
        reach("schema.before_commit")
        link.driver.execute("COMMIT")
    except BaseException:
        link.roll_back()
        raise


def _switch_to_log(link: Link, patience: float) -> None:
    # SQLite does not wait for a lock here, so we do.
    deadline = time.monotonic() + patience
    while True:
        try:
            sqlite.use_write_ahead_log(link.driver)
        except Exception as error:
            if not isinstance(sqlite.meaning(error), DatabaseBusy) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def bring_up(w: Writer, alchemy: sa.Connection, schemas: Sequence[Schema]) -> None:
    """Make or upgrade what is missing. Runs inside one write transaction."""
    w.raw(VERSIONS)
    found = versions(w)
    for schema in schemas:
        at = found.get(schema.owner)
        if at is None:
            schema.metadata.create_all(alchemy)
            for statement in schema.extra:
                w.raw(statement)
            if schema.first is not None:
                schema.first(w)
        else:
            for version in range(at, schema.version):
                schema.steps[version](w)
                reach("schema.step")
        w.raw(
            "INSERT INTO schema_version VALUES (?, ?) ON CONFLICT (owner) DO UPDATE SET version = excluded.version",
            (schema.owner, schema.version),
        )
