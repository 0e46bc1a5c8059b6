"""How much an account holds, and how much it may (RFC 9208). A message counts in every real mailbox that it lies in."""

from sqlalchemy import func, select, update

from server.db.database import Reader, Writer
from server.db.statement import Statement
from server.store import schema
from server.store.model import Usage

state, box = schema.state, schema.mailbox

_USAGE = Statement(
    select(
        func.coalesce(func.sum(box.c.size), 0),
        func.coalesce(func.sum(box.c.messages), 0),
        select(state.c.quota).scalar_subquery(),
    ).where(box.c.id.not_in(select(schema.virtual_mailbox.c.mailbox_id)))
)


def usage(r: Reader) -> Usage:
    """Return octets and messages held, and the limit; costs one row for each mailbox."""
    return Usage(*r.run(_USAGE).fetchone())


def set_limit(w: Writer, octets: int | None) -> None:
    """Set how many octets the account may hold; None for as many as fit on the disk. What is there stays."""
    w.execute(update(state).values(quota=octets))
