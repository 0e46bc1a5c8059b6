"""Who may have shared mailboxes with whom: the hints by which shared mailboxes are found.

The rights themselves are in the database of the mailboxes' owner, which alone is believed; no right follows from a row here, and
without a row nobody looks. An account that is switched off shares nothing for as long.
"""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, insert, or_, select

from server.accounts.account import by_address, canonical_address
from server.accounts.errors import AddressInvalid
from server.accounts.schema import account, alias, shared
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


def grantee(r: Reader, address: str) -> int | None:
    """Return the account that an address belongs to, as its own or as an alias of it alone; None when there is none.

    An account that is switched off is found by its own address, so that what it was given can be taken back.
    """
    try:
        wanted = canonical_address(address)
    except AddressInvalid:
        return None
    found = by_address(r, wanted)
    if found is not None:
        return found.id
    behind = list(r.execute(select(alias.c.account_id).where(alias.c.address == wanted)).scalars())
    return behind[0] if len(behind) == 1 else None


def addresses(r: Reader, ids: Collection[int]) -> dict[int, str]:
    """Return the addresses of accounts; one that is gone is left out."""
    rows = r.execute(select(account.c.id, account.c.address).where(account.c.id.in_(ids)))
    return {row.id: row.address for row in rows}


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
