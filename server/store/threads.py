"""What THREAD reads of a mailbox (RFC 5256), and pages of a list of conversations (by the ids that RFC 8474 calls THREADID).

THREAD is worked out anew each time from the messages that were asked for, as the RFC has it. Conversations were decided at append and
are never changed (`conversation`).
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Executable, Select, and_, bindparam, exists, func, or_, select
from sqlalchemy import case as sql_case

from server.db.database import Reader
from server.db.statement import Statement
from server.mail.thread import Columns
from server.store import model, schema
from server.store.lineage import lineage
from server.store.predicate import Compiler
from server.store.query import All, Query

AT_ONCE = 50_000
"""Messages whose columns one row brings."""
LATEST = 2**62

place = schema.placement
other = place.alias("other")


@dataclass(frozen=True, slots=True)
class Conversation:
    """A line in a list of conversations: its newest message in the mailbox, and what else of it is there."""

    thread_id: str
    newest_uid: int
    newest: int
    messages: int
    unseen: int


# The driver passes Python's lock at every row, so SQLite puts the columns together (as in `flag_column`). A row that is lost leaves a
# message that is alone.
_ROWS = (
    select(
        place.c.uid,
        place.c.sent,
        func.ifnull(lineage.c.subject, 0).label("subject"),
        func.ifnull(func.hex(lineage.c.ids), "").label("ids"),
    )
    .select_from(place.outerjoin(lineage, lineage.c.content_id == place.c.content_id))
    .where(
        place.c.mailbox_id == bindparam("mailbox"),
        place.c.uid > bindparam("after"),
        place.c.uid < bindparam("before"),
    )
    .order_by(place.c.uid)
    .limit(bindparam("limit"))
)
_NEWER = and_(
    other.c.mailbox_id == place.c.mailbox_id,
    other.c.thread_id == place.c.thread_id,
    or_(other.c.sent > place.c.sent, and_(other.c.sent == place.c.sent, other.c.uid > place.c.uid)),
)
_PAGE = Statement(
    select(place.c.thread_id, place.c.uid, place.c.sent)
    .where(
        place.c.mailbox_id == bindparam("mailbox"),
        place.c.sent <= bindparam("sent"),
        or_(place.c.sent < bindparam("sent"), place.c.uid < bindparam("uid")),
        ~exists().where(_NEWER),
    )
    .order_by(place.c.sent.desc(), place.c.uid.desc())
    .limit(bindparam("limit"))
)
_COUNTS = Statement(
    select(func.count(), func.sum(sql_case((place.c.flags.op("&")(schema.SEEN) == 0, 1), else_=0))).where(
        place.c.mailbox_id == bindparam("mailbox"), place.c.thread_id == bindparam("thread")
    )
)


class Messages(NamedTuple):
    """What was asked for: in order of the mailbox, so that a position in a `Forest` is one in here."""

    uids: list[str]  # as digits
    columns: Columns


def read(r: Reader, mailbox_id: int, query: Query, *, before: int = LATEST, now: datetime | None = None) -> Messages:
    """Return what threading reads of the matching messages whose uids are below `before`.

    Raises:
        QueryTooComplex
    """
    uids: list[str] = []
    columns = Columns([], [], [])
    condition = None if isinstance(query, All) else Compiler(r, mailbox_id, now=now or datetime.now(UTC)).compile(query)
    joined = _joined(_ROWS if condition is None else _ROWS.where(condition))
    after, size = 0, AT_ONCE
    while size == AT_ONCE:
        values = {"mailbox": mailbox_id, "after": after, "before": before, "limit": AT_ONCE}
        row: tuple[Any, ...] = tuple(r.execute(joined, values).one())
        size = row[0]
        if size:
            uids += row[1].split(",")
            # The quickest reader of many numbers that there is.
            columns.sent.extend(json.loads(f"[{row[2]}]"))
            columns.subjects.extend(json.loads(f"[{row[3]}]"))
            columns.ids.extend(row[4].split(","))
            after = int(uids[-1])
    return Messages(uids, columns)


def _joined(rows: Select[Any]) -> Executable:
    part = rows.subquery()
    return select(func.count(), *[func.group_concat(column) for column in part.c])


def page(r: Reader, mailbox_id: int, *, limit: int, before: tuple[int, int] | None = None) -> list[Conversation]:
    """Return conversations, the one with the newest message first.

    Costs what a page holds, whatever the mailbox holds.

    Args:
        r: A transaction of the account.
        mailbox_id: Whose messages count.
        limit: How many.
        before: (`newest`, `newest_uid`) of the last line of the page before.
    """
    sent, uid = before or (LATEST, 0)
    found = []
    for number, newest_uid, newest in r.run(_PAGE, mailbox=mailbox_id, sent=sent, uid=uid, limit=limit).fetchall():
        messages, unseen = r.run(_COUNTS, mailbox=mailbox_id, thread=number).fetchone()
        found.append(Conversation(model.thread_id(number), newest_uid, newest, messages, unseen))
    return found
