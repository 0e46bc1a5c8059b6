"""Which messages a POP3 program has taken, and when; and moving them to the trash when their days are over.

Kept only for accounts that want it so: a message that was taken before has no row and stays.

Invariants: a message is remembered by its first taking; it leaves by an ordinary move, so that every session hears of it; a row goes
in the transaction in which its message does; a row whose message went another way is cleared when its time comes.
"""

from collections.abc import Collection

from sqlalchemy import Column, Index, Integer, MetaData, Table, bindparam, delete, select

from server.db.database import Reader, Writer
from server.db.schema import Schema
from server.db.statement import Statement
from server.store import copy, expunge, mailboxes
from server.store.crashpoint import reach
from server.store.errors import NoSuchMailbox
from server.store.model import Mailbox

AT_ONCE = 200
TRASH, ARCHIVE = "\\Trash", "\\Archive"

METADATA = MetaData()

popped = Table(
    "popped",
    METADATA,
    Column("mailbox_id", Integer, primary_key=True, autoincrement=False),
    Column("uid", Integer, primary_key=True, autoincrement=False),
    Column("at", Integer, nullable=False),
    Index("popped_at", "at"),
    sqlite_with_rowid=False,
)
SCHEMA = Schema("popped", 1, METADATA)

_ADD = "INSERT INTO popped (mailbox_id, uid, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_DUE = Statement(
    select(popped.c.mailbox_id, popped.c.uid, popped.c.at)
    .where(popped.c.at <= bindparam("before"))
    .order_by(popped.c.at)
    .limit(bindparam("limit"))
)
_FORGET = Statement(
    delete(popped).where(popped.c.mailbox_id == bindparam("mailbox"), popped.c.uid == bindparam("which"))
)


def remember(w: Writer, mailbox_id: int, uids: Collection[int], at: int) -> None:
    """Note that messages were taken at a time (seconds since 1970); the first time counts."""
    w.raw_many(_ADD, [(mailbox_id, uid, at) for uid in uids])


def is_due(r: Reader, before: int) -> bool:
    """Say whether `clear` would find something."""
    return r.run(_DUE, before=before, limit=1).fetchone() is not None


def clear(w: Writer, before: int, *, since: int, now: int, limit: int = AT_ONCE) -> int:
    """Move what was taken before a time to the trash; return how many rows were done with, `limit` at most.

    Args:
        w: A write transaction of the account.
        before: The last moment that is long enough ago.
        since: What was taken before this is left where it is and forgotten.
        now: The save date of what is moved.
        limit: Messages in one transaction.
    """
    rows = w.run(_DUE, before=before, limit=limit).fetchall()
    by_mailbox: dict[int, list[int]] = {}
    for mailbox_id, uid, at in rows:
        if at >= since:
            by_mailbox.setdefault(mailbox_id, []).append(uid)
    for mailbox_id, uids in by_mailbox.items():
        try:
            put_away(w, mailboxes.by_id(w, mailbox_id), sorted(uids), TRASH, now=now)
        except NoSuchMailbox:
            continue
    w.run_many(_FORGET, [{"mailbox": mailbox_id, "which": uid} for mailbox_id, uid, _ in rows])
    reach("popped.cleared")
    return len(rows)


def put_away(w: Writer, source: Mailbox, uids: Collection[int], use: str, *, now: int) -> None:
    """Move messages to the mailbox of a special use, which is made where there is none. Out of the trash they go for good."""
    if source.special_use == use == ARCHIVE:
        # A message that was deleted must leave the maildrop (RFC 1939 §6).
        use = TRASH
    if source.special_use == use:
        expunge.remove(w, source.id, uids)
        return
    target = mailboxes.by_special_use(w, use) or _made(w, use)
    if target.id == source.id:
        expunge.remove(w, source.id, uids)
    else:
        copy.move(w, source.id, uids, target.id, now=now)


def _made(w: Writer, use: str) -> Mailbox:
    name = use.removeprefix("\\")
    # One of that name without the use serves: the person means the same by it.
    return mailboxes.find(w, name) or mailboxes.create(w, name, use)
