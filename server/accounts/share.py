"""Who may have shared mailboxes with whom: the hints by which shared mailboxes are found.

The rights themselves are in the database of the mailboxes' owner, which alone is believed; no right follows from a row here, and
without a row nobody looks. An account that is switched off shares nothing for as long.
"""

from dataclasses import dataclass

from sqlalchemy import bindparam, delete, insert, or_, select

from server.accounts.schema import account, shared
from server.db.statement import Statement
from server.db.transaction import Reader, Writer

ANYONE = 0

_TO = or_(shared.c.grantee == ANYONE, shared.c.grantee == bindparam("grantee"))
_OWNERS = (
    select(account.c.id, account.c.address)
    .distinct()
    .join_from(shared, account, account.c.id == shared.c.owner_id)
    .where(_TO, account.c.active, account.c.id != bindparam("grantee"))
)
_ALL = Statement(_OWNERS.order_by(account.c.address))
_ONE = Statement(_OWNERS.where(account.c.address == bindparam("address")))


@dataclass(frozen=True, slots=True)
class Owner:
    """An account that others may find something in."""

    id: int
    address: str


def owners(r: Reader, grantee: int) -> list[Owner]:
    """Return the accounts in which `grantee` may find shared mailboxes, by address."""
    return [Owner(*row) for row in r.run(_ALL, grantee=grantee).fetchall()]


def owner(r: Reader, address: str, grantee: int) -> Owner | None:
    """Return one of them by its address, exactly as it is written down; None for any other, whether it exists or not."""
    row = r.run(_ONE, address=address, grantee=grantee).fetchone()
    return Owner(*row) if row else None


def grantees(r: Reader, owner_id: int) -> set[int]:
    """Return to whom an account is said to have given something."""
    return set(r.execute(select(shared.c.grantee).where(shared.c.owner_id == owner_id)).scalars())


def add(w: Writer, owner_id: int, grantee: int) -> None:
    """Note that there may be something."""
    if grantee not in grantees(w, owner_id):
        w.execute(insert(shared).values(owner_id=owner_id, grantee=grantee))


def remove(w: Writer, owner_id: int, grantee: int) -> None:
    """Note that there is nothing any more."""
    w.execute(delete(shared).where(shared.c.owner_id == owner_id, shared.c.grantee == grantee))
