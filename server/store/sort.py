"""Sorting a mailbox (RFC 5256 §3, RFC 5957), in the database and by its indexes.

Sorting by date, arrival or size with a window reads the window, not the mailbox.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, Literal

from sqlalchemy import Select, func, select

from server.db.database import Reader
from server.store import relevance, schema
from server.store.predicate import Compiler
from server.store.query import All, Query

Key = Literal["arrival", "cc", "date", "from", "size", "subject", "to", "displayfrom", "displayto", "relevancy"]

place, facet = schema.placement, schema.facet

_OWN = {"arrival": place.c.internaldate, "date": place.c.sent, "size": place.c.size}
_JOINED = {
    "cc": facet.c.cc_key,
    "from": facet.c.from_key,
    "to": facet.c.to_key,
    "subject": facet.c.subject_key,
    "displayfrom": facet.c.display_from,
    "displayto": facet.c.display_to,
}
KEYS = frozenset(_OWN) | frozenset(_JOINED) | {"relevancy"}


def sort(
    r: Reader,
    mailbox_id: int,
    query: Query,
    criteria: Sequence[tuple[Key, bool]],
    *,
    offset: int = 0,
    limit: int | None = None,
    now: datetime | None = None,
) -> list[int]:
    """Return the uids of matching messages in the wanted order; equal ones in the order of the mailbox.

    Args:
        r: A transaction of the account.
        mailbox_id: Where to look.
        query: What to look for.
        criteria: Keys, the most important first, each with whether it is reversed.
        offset: How many of the first to leave out (for PARTIAL, RFC 9394).
        limit: How many to return; all when None.
        now: What `Older` and `Younger` count from.

    Raises:
        QueryTooComplex
    """
    if any(key == "relevancy" for key, _ in criteria):
        found = [uid for uid, _ in sort_scored(r, mailbox_id, query, criteria, now=now)]
        return found[offset:] if limit is None else found[offset : offset + limit]
    columns = [_column(key) for key, _ in criteria]
    order = [column.desc() if reverse else column.asc() for column, (_, reverse) in zip(columns, criteria, strict=True)]
    statement = _from(select(place.c.uid), criteria).where(place.c.mailbox_id == mailbox_id)
    if not isinstance(query, All):
        statement = statement.where(Compiler(r, mailbox_id, now=now or datetime.now(UTC)).compile(query))
    # RFC 5256 §3: what compares equal comes in sequence number order, also under REVERSE.
    statement = statement.order_by(*order, place.c.uid)
    if offset or limit is not None:
        statement = statement.limit(-1 if limit is None else limit).offset(offset)
    return [uid for (uid,) in r.tuples(statement)]


def sort_scored(
    r: Reader, mailbox_id: int, query: Query, criteria: Sequence[tuple[Key, bool]], *, now: datetime | None = None
) -> list[tuple[int, int]]:
    """`sort`, each uid with its relevancy from 1 to 100; by `relevancy` the highest comes first (RFC 6203 §6)."""
    compiler = Compiler(r, mailbox_id, now=now or datetime.now(UTC))
    condition = compiler.compile(query)
    columns = [_column(key) for key, _ in criteria if key != "relevancy"]
    statement = (
        _from(select(place.c.uid, place.c.content_id, *columns), criteria)
        .where(place.c.mailbox_id == mailbox_id, condition)
        .order_by(place.c.uid)
    )
    rows = [(row[0], relevance.mean(compiler.scores, row[1]), row[2:]) for row in r.tuples(statement)]
    # The relevancy is known here alone. A sort that keeps the order of equals, by the least important key first, is all keys.
    at = len(columns)
    for key, reverse in reversed(criteria):
        if key == "relevancy":
            rows.sort(key=itemgetter(1), reverse=not reverse)
        else:
            at -= 1
            rows.sort(key=lambda row, at=at: row[2][at], reverse=reverse)  # type: ignore[misc]
    return [(uid, score) for uid, score, _ in rows]


def _column(key: Key) -> Any:
    found = _OWN.get(key)
    # RFC 5051 §2: letters compare as capitals, so `[` and `_` come after them. Keys are kept in small letters.
    return func.upper(_JOINED[key]) if found is None else found


def _from(statement: Select[Any], criteria: Sequence[tuple[Key, bool]]) -> Select[Any]:
    if any(key in _JOINED for key, _ in criteria):
        return statement.join_from(place, facet, facet.c.content_id == place.c.content_id)
    return statement
