"""Keeping the log of expunged uids (`vanished`) short without forgetting anything.

Every expunge adds a row for each run of neighbours that went; a mailbox that lives for years would gather them without end. Old rows
that lie side by side become one, with the later mod-sequence of the two: what is left is at most one row for each gap between
messages that are there, and those younger than `KEPT_DAYS`.

A client that synchronised in between two rows that became one hears again of uids that it was told of before, which RFC 7162
§3.2.5.2 allows and which costs it nothing. It never misses one, since a row's mod-sequence only grows; and it needs no floor below
which the log would be silent.

Invariants: the uids in the log of a mailbox are the same before and after; no run in it overlaps another; rows that an open session has not
looked at yet are never touched, for those are at most minutes old.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sqlalchemy import Column, Integer, MetaData, Table, bindparam, delete, func, insert, select

from server.db.database import Reader, Writer
from server.db.schema import Schema
from server.db.statement import Statement
from server.store import changes, schema

CHORE = "log"
DAY = 86_400
KEPT_DAYS = 90
"""A client that comes back within this time hears of nothing twice."""
AT_ONCE = 5_000
"""Rows that one transaction puts together: it holds the account's write lock."""

METADATA = MetaData()

# Which mod-sequence the account had when: how the age of a row is known.
log_mark = Table(
    "log_mark",
    METADATA,
    Column("modseq", Integer, primary_key=True, autoincrement=False),
    Column("at", Integer, nullable=False),
    sqlite_with_rowid=False,
)
SCHEMA = Schema("log_mark", 1, METADATA)

gone = schema.vanished

_LAST_MARK = Statement(select(func.max(log_mark.c.at)))
_OLD = Statement(select(func.max(log_mark.c.modseq)).where(log_mark.c.at <= bindparam("before")))
_FORGET_MARKS = Statement(delete(log_mark).where(log_mark.c.modseq < bindparam("modseq")))
_MARK = Statement(insert(log_mark).values(modseq=bindparam("modseq"), at=bindparam("at")))
_MOVE_MARK = "UPDATE log_mark SET at = ? WHERE modseq = ?"
_BOXES = Statement(select(gone.c.mailbox_id).distinct())
_ROWS = Statement(
    select(gone.c.modseq, gone.c.first, gone.c.last)
    .where(gone.c.mailbox_id == bindparam("mailbox"), gone.c.modseq <= bindparam("upto"))
    .order_by(gone.c.first)
)
_REMOVE = Statement(
    delete(gone).where(
        gone.c.mailbox_id == bindparam("mailbox"), gone.c.modseq == bindparam("at"), gone.c.first == bindparam("begin")
    )
)
_ADD = Statement(
    insert(gone).values(
        mailbox_id=bindparam("mailbox"), modseq=bindparam("at"), first=bindparam("begin"), last=bindparam("end")
    )
)


class Run(NamedTuple):
    """A row of the log: the uids from `first` to `last` went at `modseq`, or before that."""

    modseq: int
    first: int
    last: int


def neighbours(runs: Iterable[Run]) -> Iterator[list[Run]]:
    """Group runs, given in order of their uids, that follow one another without a gap; single ones are left out."""
    group: list[Run] = []
    for run in runs:
        if group and run.first != group[-1].last + 1:
            if len(group) > 1:
                yield group
            group = []
        group.append(run)
    if len(group) > 1:
        yield group


def is_due(r: Reader, now: int) -> bool:
    """Say whether `advance` would do something: it is at it once a day."""
    at = r.run(_LAST_MARK).fetchone()[0]
    return at is None or now - at >= DAY


def advance(w: Writer, now: int) -> bool:
    """Put a day's worth of old rows together; return whether more waits."""
    upto = w.run(_OLD, before=now - KEPT_DAYS * DAY).fetchone()[0]
    if upto is not None:
        w.run(_FORGET_MARKS, modseq=upto)
        if compact(w, upto) >= AT_ONCE:
            return True
    modseq = changes.account_modseq(w)
    # Nothing may have happened since the last mark: the same number was then still true today.
    if not w.raw(_MOVE_MARK, (now, modseq)).rowcount:
        w.run(_MARK, modseq=modseq, at=now)
    return False


def compact(w: Writer, upto: int, *, limit: int = AT_ONCE) -> int:
    """Put together what went at `upto` or before; return how many rows were taken up, about `limit` at most."""
    taken = 0
    for (mailbox_id,) in w.run(_BOXES).fetchall():
        for group in neighbours(Run(*row) for row in w.run(_ROWS, mailbox=mailbox_id, upto=upto).fetchall()):
            w.run_many(_REMOVE, [{"mailbox": mailbox_id, "at": run.modseq, "begin": run.first} for run in group])
            w.run(_ADD, mailbox=mailbox_id, at=max(group).modseq, begin=group[0].first, end=group[-1].last)
            taken += len(group)
            if taken >= limit:
                return taken
    return taken
