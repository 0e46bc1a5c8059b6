r"""From which uid on nobody was told of the messages of a mailbox (RFC 3501 §2.3.2: \Recent). Its own small schema beside the account's.

What is kept may lag behind what sessions were told, never run ahead of it: a message that may have been told of already counts as
recent once more, as the RFC wants it.
"""

import sqlalchemy as sa
from sqlalchemy import bindparam, func, select

from server.db.database import Reader, Writer
from server.db.schema import Schema
from server.db.statement import Statement
from server.store import schema

place = schema.placement

# A table of another owner cannot be named in Core here. The row goes with its mailbox.
_TABLE = (
    "CREATE TABLE recent (mailbox_id INTEGER NOT NULL PRIMARY KEY REFERENCES mailbox(id) ON DELETE CASCADE,"
    " first INTEGER NOT NULL)"
)
_FIRST = "SELECT first FROM recent WHERE mailbox_id = ?"
_KEEP = (
    "INSERT INTO recent SELECT id, ? FROM mailbox WHERE id = ?"
    " ON CONFLICT (mailbox_id) DO UPDATE SET first = max(first, excluded.first)"
)
_COUNT = Statement(
    select(func.count()).where(place.c.mailbox_id == bindparam("mailbox"), place.c.uid >= bindparam("first"))
)


def _first(w: Writer) -> None:
    # Mail of before there was this table is not new to anybody.
    w.raw("INSERT INTO recent SELECT id, uidnext FROM mailbox")


SCHEMA = Schema(owner="recent", version=1, metadata=sa.MetaData(), extra=(_TABLE,), first=_first)


def first(r: Reader, mailbox_id: int) -> int:
    """Return the first uid of which nobody was told, as far as it is kept."""
    row = r.raw(_FIRST, (mailbox_id,)).fetchone()
    return int(row[0]) if row else 1


def keep(w: Writer, mailbox_id: int, uid: int) -> None:
    """Keep that everything below `uid` was told of; nothing for a mailbox that is gone."""
    w.raw(_KEEP, (uid, mailbox_id))


def count(r: Reader, mailbox_id: int, uid: int) -> int:
    """Return how many messages there are from `uid` on."""
    return int(r.run(_COUNT, mailbox=mailbox_id, first=uid).fetchone()[0])
