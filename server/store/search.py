"""Searching a mailbox (RFC 9051 §6.4.4): exact substrings, any case, Chinese, Japanese and Korean included."""

from datetime import UTC, datetime
from functools import lru_cache

from sqlalchemy import bindparam, select

from server.db.database import Reader
from server.db.statement import Statement
from server.store import flag_set, messages, relevance, schema
from server.store.predicate import Compiler, of_bit
from server.store.query import All, Flag, Query

place = schema.placement


@lru_cache(maxsize=16)
def _of_bit(bit: int, *, present: bool) -> Statement:
    """UNSEEN and its like are most of what clients ask: rendering the SQL would cost more than running it."""
    return Statement(
        select(place.c.uid)
        .where(place.c.mailbox_id == bindparam("mailbox"), of_bit(bit, present=present))
        .order_by(place.c.uid)
    )


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
    if isinstance(query, Flag) and (bit := flag_set.SYSTEM.get(query.name.lower())):
        return [uid for (uid,) in r.run(_of_bit(bit, present=query.present), mailbox=mailbox_id)]
    condition = Compiler(r, mailbox_id, now=now or datetime.now(UTC)).compile(query)
    statement = select(place.c.uid).where(place.c.mailbox_id == mailbox_id, condition).order_by(place.c.uid)
    return [uid for (uid,) in r.tuples(statement)]


def search_scored(r: Reader, mailbox_id: int, query: Query, *, now: datetime | None = None) -> list[tuple[int, int]]:
    """`search`, each uid with its relevancy from 1 to 100 (RFC 6203 §4)."""
    compiler = Compiler(r, mailbox_id, now=now or datetime.now(UTC))
    condition = compiler.compile(query)
    statement = (
        select(place.c.uid, place.c.content_id).where(place.c.mailbox_id == mailbox_id, condition).order_by(place.c.uid)
    )
    return [(uid, relevance.mean(compiler.scores, number)) for uid, number in r.tuples(statement)]
