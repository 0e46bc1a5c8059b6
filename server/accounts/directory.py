"""The directory: from an address to the account that gets the mail, from an account to what it may send as."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sqlalchemy import insert, select, update

from server.accounts import account as accounts
from server.accounts import pop3_choice
from server.accounts.account import Account
from server.accounts.errors import AddressInvalid
from server.accounts.schema import SCHEMA, alias, setting
from server.db.database import Database
from server.db.schema import Schema
from server.db.transaction import Reader, Writer

T = TypeVar("T")
HOSTNAME = "hostname"


@dataclass(frozen=True, slots=True)
class Recipient:
    """One account that a resolved address leads to; `detail` is what stood behind a plus sign."""

    account: int
    address: str
    detail: str | None
    quota: int | None = None
    """Octets, None means unlimited; here so that RCPT needs one look-up."""


@dataclass(frozen=True, slots=True)
class Local:
    """The address is ours and leads to these accounts."""

    recipients: tuple[Recipient, ...]


@dataclass(frozen=True, slots=True)
class UnknownUser:
    """The domain is ours, the name is nobody's."""


@dataclass(frozen=True, slots=True)
class NotLocal:
    """The domain is not served here."""


Resolution = Local | UnknownUser | NotLocal


def open_database(path: Path, *others: Schema) -> Database:
    """Open (and on first use make) the directory database; `others` are the tables of further owners in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return Database(path, [SCHEMA, pop3_choice.SCHEMA, *others])


class Directory:
    """Look-ups in the directory database; async methods run on threads, `_now` twins block."""

    def __init__(self, database: Database, *, default_hostname: str | None = None) -> None:
        self.database = database
        self._default_hostname = default_hostname

    def read_now(self, fn: Callable[[Reader], T]) -> T:
        return self.database.read(fn)

    def write_now(self, fn: Callable[[Writer], T]) -> T:
        return self.database.write(fn)

    async def resolve(self, address: str) -> Resolution:
        """Tell who gets mail for an address of a RCPT command."""
        return await self.database.async_read(lambda r: resolve(r, address))

    def resolve_now(self, address: str) -> Resolution:
        return self.database.read(lambda r: resolve(r, address))

    async def hosts(self, domain: str) -> bool:
        """Tell whether mail for this domain stays here."""
        return await self.database.async_read(lambda r: accounts.has_domain(r, domain.casefold()))

    async def account(self, account_id: int) -> Account | None:
        return await self.database.async_read(lambda r: accounts.by_id(r, account_id))

    async def may_send_as(self, account_id: int, address: str) -> bool:
        """Tell whether the account owns this sender address (its own, an alias, or either with a detail)."""
        return await self.database.async_read(lambda r: may_send_as(r, account_id, address))

    def hostname(self) -> str:
        """The name this installation greets with: from the wizard, else the setting, else `localhost`."""
        return self.database.read(hostname) or self._default_hostname or "localhost"


def resolve(r: Reader, address: str) -> Resolution:
    """Exact account, then alias, then both without the plus detail, then the domain's catch-all."""
    try:
        wanted = accounts.canonical_address(address)
    except AddressInvalid:
        return NotLocal()
    local, _, domain = wanted.rpartition("@")
    if not accounts.has_domain(r, domain):
        return NotLocal()
    base, plus, detail = local.partition("+")
    for candidate in dict.fromkeys((wanted, f"{base}@{domain}" if plus and base else wanted, f"@{domain}")):
        found = _exact(r, candidate)
        if found:
            return Local(tuple(Recipient(a.id, wanted, detail or None, a.quota) for a in found))
    # RFC 5321 §4.5.1: a host that takes mail has a postmaster; the first administrator stands in.
    admin = next((a for a in accounts.all_accounts(r) if a.admin and a.active), None) if base == "postmaster" else None
    return Local((Recipient(admin.id, wanted, None, admin.quota),)) if admin else UnknownUser()


def _exact(r: Reader, address: str) -> list[Account]:
    account = accounts.by_address(r, address)
    if account is not None:
        return [account] if account.active else []
    rows = r.execute(select(alias.c.account_id).where(alias.c.address == address).order_by(alias.c.account_id))
    owners = (accounts.by_id(r, row.account_id) for row in rows)
    return [owner for owner in owners if owner is not None and owner.active]


def may_send_as(r: Reader, account_id: int, address: str) -> bool:
    found = resolve(r, address)
    if not isinstance(found, Local) or account_id not in {x.account for x in found.recipients}:
        return False
    # A catch-all receives for others' names; it does not let its owner write as them.
    wanted = accounts.canonical_address(address)
    local, _, domain = wanted.rpartition("@")
    return bool(_exact(r, wanted) or _exact(r, f"{local.partition('+')[0]}@{domain}"))


def hostname(r: Reader) -> str | None:
    """The host name the wizard stored, if it has run."""
    return r.execute(select(setting.c.value).where(setting.c.key == HOSTNAME)).scalar()


def set_hostname(w: Writer, name: str) -> None:
    wanted = accounts.canonical_domain(name)
    if w.execute(update(setting).where(setting.c.key == HOSTNAME).values(value=wanted)).rowcount == 0:
        w.execute(insert(setting).values(key=HOSTNAME, value=wanted))
