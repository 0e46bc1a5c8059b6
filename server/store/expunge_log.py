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
DONE = 0
"""The time in the one mark up to which the log has been put together."""

METADATA = MetaData()

# Which mod-sequence the account had when: how the age of a row is known.
log_mark = Table(
    "log_mark",
    METADATA,
    Column("modseq", Integer, primary_key=True, autoincrement=False),
    Column("at", Integer, nullable=False),  # or DONE
    sqlite_with_rowid=False,
)
SCHEMA = Schema("log_mark", 1, METADATA)

box, gone = schema.mailbox, schema.vanished

_LAST = Statement(select(log_mark.c.modseq, log_mark.c.at).order_by(log_mark.c.modseq.desc()).limit(1))
_OLD = Statement(select(func.coalesce(func.max(log_mark.c.modseq), 0)).where(log_mark.c.at <= bindparam("before")))
_FORGET_MARKS = Statement(delete(log_mark).where(log_mark.c.modseq <= bindparam("upto")))
_MARK = Statement(insert(log_mark).values(modseq=bindparam("modseq"), at=bindparam("at")))
_BOXES = Statement(select(box.c.id))
_ANY = Statement(
    select(gone.c.first)
    .where(
        gone.c.mailbox_id == bindparam("mailbox"),
        gone.c.modseq > bindparam("after"),
        gone.c.modseq <= bindparam("upto"),
    )
    .limit(1)
)
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
    """Say whether `advance` would do something. A quiet account costs nothing."""
    return _wants_mark(r, now) or _old(r, now) > _old(r, DONE)


def _old(r: Reader, now: int) -> int:
    """The mod-sequence that the account had at least `KEPT_DAYS` before; of DONE, up to which all is done."""
    before = now - KEPT_DAYS * DAY if now else DONE
    return int(r.run(_OLD, before=before).fetchone()[0])


def _wants_mark(r: Reader, now: int) -> bool:
    """Something happened since the last mark, and that is a day ago."""
    last = r.run(_LAST).fetchone()
    return last is None or (now - last[1] >= DAY and changes.account_modseq(r) > last[0])


def advance(w: Writer, now: int) -> bool:
    """Put rows together that have become old, and note the mod-sequence of today; return whether more waits."""
    upto, done = _old(w, now), _old(w, DONE)
    if upto > done:
        if compact(w, upto, done=done) >= AT_ONCE:
            return True
        w.run(_FORGET_MARKS, upto=upto)
        w.run(_MARK, modseq=upto, at=DONE)
    if _wants_mark(w, now):
        w.run(_MARK, modseq=changes.account_modseq(w), at=now)
    return False


def compact(w: Writer, upto: int, *, done: int = 0, limit: int = AT_ONCE) -> int:
    """Put rows together; return how many were taken up.

    Args:
        w: A write transaction of the account.
        upto: What went later than this mod-sequence is left alone.
        done: A mailbox of which nothing went after this was done before.
        limit: The most rows to take up.
    """
    taken = 0
    for (mailbox_id,) in w.run(_BOXES).fetchall():
        if w.run(_ANY, mailbox=mailbox_id, after=done, upto=upto).fetchone() is None:
            continue
        rows = w.run(_ROWS, mailbox=mailbox_id, upto=upto).fetchall()
        for group in neighbours(Run(*row) for row in rows):
            some = group[: max(limit - taken, 2)]
            w.run_many(_REMOVE, [{"mailbox": mailbox_id, "at": run.modseq, "begin": run.first} for run in some])
            w.run(_ADD, mailbox=mailbox_id, at=max(some).modseq, begin=some[0].first, end=some[-1].last)
            taken += len(some)
            if taken >= limit:
                return taken
    return taken
