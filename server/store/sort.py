"""Sorting a mailbox (RFC 5256 §3, RFC 5957), in the database and by its indexes.

Sorting by date, arrival or size with a window reads the window, not the mailbox.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import select

from server.db.database import Reader
from server.store import schema
from server.store.predicate import Compiler
from server.store.query import All, Query

Key = Literal["arrival", "cc", "date", "from", "size", "subject", "to", "displayfrom", "displayto"]

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
KEYS = frozenset(_OWN) | frozenset(_JOINED)


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
    order: list[Any] = []
    joined = False
    for key, reverse in criteria:
        found = _OWN.get(key)
        if found is None:
            found, joined = _JOINED[key], True
        order.append(found.desc() if reverse else found.asc())
    statement = select(place.c.uid).where(place.c.mailbox_id == mailbox_id)
    if joined:
        statement = statement.join_from(place, facet, facet.c.content_id == place.c.content_id)
    if not isinstance(query, All):
        statement = statement.where(Compiler(r, mailbox_id, now=now or datetime.now(UTC)).compile(query))
    # RFC 5256 §3: what compares equal comes in sequence number order, also under REVERSE.
    statement = statement.order_by(*order, place.c.uid)
    if offset or limit is not None:
        statement = statement.limit(-1 if limit is None else limit).offset(offset)
    return [uid for (uid,) in r.tuples(statement)]
