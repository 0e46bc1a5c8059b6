"""How every mailbox of an account stands, in one read: what a client that watches them all compares (RFC 5465).

Two pictures of an account differ exactly where something has happened in between, so nobody needs to keep a list of events.
"""

from dataclasses import dataclass

from sqlalchemy import select

from server.db.database import Reader
from server.db.statement import Statement
from server.store import schema

box, sub, virtual = schema.mailbox, schema.subscription, schema.virtual_mailbox


@dataclass(frozen=True, slots=True)
class Standing:
    """One mailbox. `id` outlives its name, and no other mailbox ever gets it."""

    id: int
    name: str
    special_use: str | None
    uidvalidity: int
    uidnext: int
    highestmodseq: int
    messages: int
    unseen: int
    rule: str | None = None
    """Of a virtual mailbox, whose numbers are those of when somebody looked last."""


_ALL = Statement(
    select(
        box.c.id,
        box.c.name,
        box.c.special_use,
        box.c.uidvalidity,
        box.c.uidnext,
        box.c.highestmodseq,
        box.c.messages,
        box.c.unseen,
        virtual.c.rule,
    )
    .join_from(box, virtual, virtual.c.mailbox_id == box.c.id, isouter=True)
    .order_by(box.c.name)
)
_SUBSCRIBED = Statement(select(sub.c.name))


def all_mailboxes(r: Reader) -> list[Standing]:
    """Return every mailbox, ordered by name."""
    return [Standing(*row) for row in r.run(_ALL)]


def subscriptions(r: Reader) -> frozenset[str]:
    """Return the subscribed names, those without a mailbox included."""
    return frozenset(name for (name,) in r.run(_SUBSCRIBED))
