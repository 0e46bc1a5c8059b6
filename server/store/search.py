"""Searching a mailbox (RFC 9051 §6.4.4): exact substrings, any case, Chinese, Japanese and Korean included."""

from datetime import UTC, datetime

from sqlalchemy import select

from server.db.database import Reader
from server.store import messages, schema
from server.store.predicate import Compiler
from server.store.query import All, Query

place = schema.placement


def search(r: Reader, mailbox_id: int, query: Query, *, now: datetime | None = None) -> list[int]:
    """Return the uids of the messages that match, ascending.

    Args:
        r: A transaction of the account.
        mailbox_id: Where to look.
        query: What to look for.
        now: What `Older` and `Younger` count from; the present when None.

    Raises:
        QueryTooComplex
    """
    if isinstance(query, All):
        return list(messages.uids(r, mailbox_id))
    condition = Compiler(r, mailbox_id, now=now or datetime.now(UTC)).compile(query)
    statement = select(place.c.uid).where(place.c.mailbox_id == mailbox_id, condition).order_by(place.c.uid)
    return [uid for (uid,) in r.tuples(statement)]
