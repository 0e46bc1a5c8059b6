"""Domains, accounts and aliases: records and the functions of a transaction that make and change them."""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, bindparam, exists, insert, select, update

from server.accounts import ending, scram_keys
from server.accounts import password as passwords
from server.accounts.errors import (
    AccountUnknown,
    AddressInvalid,
    AddressTaken,
    DomainInvalid,
    DomainUnknown,
    PasswordWeak,
)
from server.accounts.schema import account, alias, domain, second_factor
from server.db.statement import Statement
from server.db.transaction import Reader, Writer
from server.mail.address import canonical, parse_addr_spec


@dataclass(frozen=True, slots=True)
class Account:
    """One person's mail. `quota` is in octets, None means unlimited."""

    id: int
    address: str
    name: str
    admin: bool
    active: bool
    quota: int | None


def _account(row: Row[tuple[int, str, str, bool, bool, int | None]]) -> Account:
    return Account(row.id, row.address, row.name, bool(row.admin), bool(row.active), row.quota)


def _account_of(row: tuple[Any, ...] | None) -> Account | None:
    if row is None:
        return None
    number, address, name, admin, active, quota = row
    return Account(number, address, name, bool(admin), bool(active), quota)


_COLUMNS = (account.c.id, account.c.address, account.c.name, account.c.admin, account.c.active, account.c.quota)
# Asked for each recipient of each message and for each page of the webmail.
_BY_ADDRESS = Statement(select(*_COLUMNS).where(account.c.address == bindparam("address")))
_BY_ID = Statement(select(*_COLUMNS).where(account.c.id == bindparam("id")))
_DOMAIN = Statement(select(domain.c.id).where(domain.c.name == bindparam("name")))


def canonical_domain(name: str) -> str:
    """Return the look-up form of a domain; raises DomainInvalid."""
    parsed = parse_addr_spec(f"postmaster@{name.strip()}")
    if parsed is None or "." not in parsed.domain or parsed.domain.startswith("["):
        raise DomainInvalid(name)
    return canonical(parsed.addr_spec).rpartition("@")[2]


def canonical_address(address: str) -> str:
    """Return the look-up form of an address; raises AddressInvalid."""
    parsed = parse_addr_spec(address.strip())
    if parsed is None:
        raise AddressInvalid(address)
    return canonical(parsed.addr_spec)


def add_domain(w: Writer, name: str) -> str:
    """Serve one more domain; serving it already is fine. Returns the canonical name."""
    wanted = canonical_domain(name)
    if not has_domain(w, wanted):
        w.execute(insert(domain).values(name=wanted, created=int(time.time())))
    return wanted


def has_domain(r: Reader, name: str) -> bool:
    return r.run(_DOMAIN, name=name).fetchone() is not None


def domains(r: Reader) -> Sequence[str]:
    return [row.name for row in r.execute(select(domain.c.name).order_by(domain.c.name))]


def add_account(
    w: Writer, address: str, password: str, *, name: str = "", admin: bool = False, quota: int | None = None
) -> Account:
    """Make an account. Raises AddressInvalid, DomainUnknown, AddressTaken, PasswordWeak."""
    wanted = canonical_address(address)
    domain_name = wanted.rpartition("@")[2]
    domain_id = w.execute(select(domain.c.id).where(domain.c.name == domain_name)).scalar()
    if domain_id is None:
        raise DomainUnknown(domain_name)
    if by_address(w, wanted) or w.execute(select(alias.c.address).where(alias.c.address == wanted)).first():
        raise AddressTaken(wanted)
    if len(password) < passwords.MIN_LENGTH:
        raise PasswordWeak
    stored = passwords.make(password)
    w.execute(
        insert(account).values(
            domain_id=domain_id,
            address=wanted,
            name=name,
            password=stored,
            scram=_keys(w, wanted, stored, password),
            admin=admin,
            active=True,
            quota=quota,
            created=int(time.time()),
        )
    )
    made = by_address(w, wanted)
    if made is None:
        raise AccountUnknown(wanted)
    return made


def add_alias(w: Writer, address: str, account_id: int) -> None:
    """Let one more address (or `@domain`, the catch-all) lead to an account."""
    local, _, name = address.strip().rpartition("@")
    wanted = f"@{canonical_domain(name)}" if not local else canonical_address(address)
    if not has_domain(w, wanted.rpartition("@")[2]):
        raise DomainUnknown(wanted.rpartition("@")[2])
    if by_address(w, wanted):
        raise AddressTaken(wanted)
    known = w.execute(
        select(alias.c.address).where(alias.c.address == wanted, alias.c.account_id == account_id)
    ).first()
    if known is None:
        w.execute(insert(alias).values(address=wanted, account_id=account_id))


def set_password(w: Writer, account_id: int, password: str) -> None:
    """Change a password, and end what was opened with the former one; raises PasswordWeak."""
    if len(password) < passwords.MIN_LENGTH:
        raise PasswordWeak
    ending.tell(w)
    owner, stored = by_id(w, account_id), passwords.make(password)
    kept = None if owner is None else _keys(w, owner.address, stored, password)
    w.execute(update(account).where(account.c.id == account_id).values(password=stored, scram=kept))


def _keys(w: Writer, address: str, stored: str, password: str) -> bytes | None:
    purpose = scram_keys.of_password(address, stored)
    return scram_keys.make(scram_keys.ring_of(w.folder), address, [password], purpose=purpose)


def scram_of(r: Reader, account_id: int) -> bytes | None:
    """Return the sealed keys that SCRAM checks an account's password by, if there are any."""
    found: bytes | None = r.execute(select(account.c.scram).where(account.c.id == account_id)).scalar()
    return found


def set_scram(w: Writer, account_id: int, stored: str, kept: bytes) -> None:
    """Keep the sealed keys of a password, unless it has been changed meanwhile."""
    w.execute(update(account).where(account.c.id == account_id, account.c.password == stored).values(scram=kept))


def set_active(w: Writer, account_id: int, *, active: bool) -> None:
    """Switch an account on or off; whatever is open on one that goes off is ended."""
    ending.tell(w)
    w.execute(update(account).where(account.c.id == account_id).values(active=active))


def by_address(r: Reader, address: str) -> Account | None:
    """Find an account by its canonical address."""
    return _account_of(r.run(_BY_ADDRESS, address=address).fetchone())


def by_id(r: Reader, account_id: int) -> Account | None:
    return _account_of(r.run(_BY_ID, id=account_id).fetchone())


def all_accounts(r: Reader) -> list[Account]:
    return [_account(row) for row in r.execute(select(*_COLUMNS).order_by(account.c.address))]


def aliases_of(r: Reader, account_id: int) -> list[str]:
    rows = r.execute(select(alias.c.address).where(alias.c.account_id == account_id).order_by(alias.c.address))
    return [row.address for row in rows]


def stored_password(r: Reader, address: str) -> tuple[Account | None, str | None]:
    """Return the active account of a canonical address and its stored password, or (None, None)."""
    row = r.execute(select(*_COLUMNS, account.c.password).where(account.c.address == address)).first()
    if row is None or not row.active:
        return None, None
    return _account(row), row.password


def live_passwords(r: Reader, account_ids: Collection[int]) -> list[tuple[int, str]]:
    """Return the ids of active accounts among these whose password alone opens mail, with their stored passwords."""
    guarded = exists().where(second_factor.c.account_id == account.c.id)
    query = select(account.c.id, account.c.password).where(account.c.id.in_(account_ids), account.c.active, ~guarded)
    return [(row.id, row.password) for row in r.execute(query)]
