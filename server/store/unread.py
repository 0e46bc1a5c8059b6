"""Which contents hold documents that are still to be read (see `documents`). Its own small schema beside the account's.

A row is there from the transaction that stored the message until the one that stored the documents' text. It counts the
tries before they are made, so that a document which takes the whole program down is not tried for ever.
"""

import sqlalchemy as sa
from sqlalchemy import Column, Integer, MetaData, Table, bindparam, delete, select, update

from server.db.database import Reader, Writer
from server.db.schema import Schema
from server.db.statement import Statement

CHORE = "documents"
TRIES = 2
HELD = 600
"""Seconds that a reading may take before another process may take it over; it is over long before, or its process is gone."""

METADATA = MetaData()

unread = Table(
    "unread",
    METADATA,
    Column("content_id", Integer, primary_key=True),
    Column("tries", Integer, nullable=False),
    Column("held_until", Integer, nullable=False),
)
# A table of another owner cannot be named in Core here. The row goes with its content.
_TABLE = (
    "CREATE TABLE unread (content_id INTEGER NOT NULL PRIMARY KEY REFERENCES content(id) ON DELETE CASCADE,"
    " tries INTEGER NOT NULL, held_until INTEGER NOT NULL)"
)
# Mail of before there was this table: what was stored with an attachment says so by this keyword.
_OLD_MAIL = (
    "INSERT INTO unread SELECT DISTINCT content_id, 0, 0 FROM placement WHERE keywords LIKE '% $HasAttachment %'"
)

_ADD = "INSERT OR IGNORE INTO unread VALUES (?, 0, 0)"
# The newest mail first: it is what people look for; what has failed before comes last.
_NEXT = Statement(
    select(unread.c.content_id, unread.c.tries)
    .where(unread.c.held_until <= bindparam("now"))
    .order_by(unread.c.tries, unread.c.content_id.desc())
    .limit(1)
)
_HOLD = Statement(
    update(unread)
    .where(unread.c.content_id == bindparam("content"))
    .values(tries=bindparam("count"), held_until=bindparam("until"))
)
_DONE = Statement(delete(unread).where(unread.c.content_id == bindparam("content")))


def _first(w: Writer) -> None:
    w.raw(_OLD_MAIL)


SCHEMA = Schema(owner="unread", version=1, metadata=sa.MetaData(), extra=(_TABLE,), first=_first)


def add(w: Writer, content_id: int) -> None:
    """Note that a content has documents to be read, and see to it that they are."""
    w.raw(_ADD, (content_id,))
    w.leave_chore(CHORE)


def waits(r: Reader, now: int) -> bool:
    """Say whether `claim` would find something."""
    return r.run(_NEXT, now=now).fetchone() is not None


def claim(w: Writer, now: int) -> tuple[int, int] | None:
    """Take the next content to be read, for a while; return it and which try this is, from 1 on."""
    row = w.run(_NEXT, now=now).fetchone()
    if row is None:
        return None
    content_id, tries = row
    w.run(_HOLD, content=content_id, count=tries + 1, until=now + HELD)
    return int(content_id), int(tries) + 1


def release(w: Writer, content_id: int, tries: int) -> None:
    """Give a content back, with so many tries behind it."""
    w.run(_HOLD, content=content_id, count=tries, until=0)


def done(w: Writer, content_id: int) -> None:
    """Forget a content: it is read, or given up."""
    w.run(_DONE, content=content_id)
