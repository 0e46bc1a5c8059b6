"""Threads by subject (RFC 5256 §3, ORDEREDSUBJECT): who wrote to whom is not looked at, only the base subject and the date."""

from datetime import UTC, datetime
from itertools import groupby

from sqlalchemy import select

from server.db.database import Reader
from server.store import schema
from server.store.predicate import Compiler
from server.store.query import All, Query
from server.store.threads import Node

place, facet = schema.placement, schema.facet


def threads(r: Reader, mailbox_id: int, query: Query, *, now: datetime | None = None) -> list[Node]:
    """Return one thread for each base subject: its first message, and the others as its children; by the first's date.

    Raises:
        QueryTooComplex
    """
    statement = (
        select(facet.c.subject_key, place.c.sent, place.c.uid)
        .join_from(place, facet, facet.c.content_id == place.c.content_id)
        .where(place.c.mailbox_id == mailbox_id)
    )
    if not isinstance(query, All):
        statement = statement.where(Compiler(r, mailbox_id, now=now or datetime.now(UTC)).compile(query))
    rows = r.tuples(statement.order_by(facet.c.subject_key, place.c.sent, place.c.uid))
    groups = [[row[1:] for row in group] for _, group in groupby(rows, key=lambda row: row[0])]
    groups.sort(key=lambda group: group[0])
    return [Node(group[0][1], [Node(uid) for _, uid in group[1:]]) for group in groups]
