"""Who an address of a RCPT command leads to, asked before any octet of the message is taken.

Invariants: nothing is accepted that would have to be returned later for a reason known now (no backscatter, security.md T105), and
nothing is relayed: an address is either in the directory or refused (T098).
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol, TypeVar

from server.accounts.account import Account, domains
from server.accounts.directory import Local, NotLocal, Recipient, Resolution
from server.store import quota

T = TypeVar("T")


class Addresses(Protocol):
    """What is needed of `server.accounts.directory.Directory`."""

    async def resolve(self, address: str) -> Resolution: ...

    async def account(self, account_id: int) -> Account | None: ...

    @property
    def database(self) -> Any: ...


class Accounts(Protocol):
    """What is needed of `server.store.store.Store`."""

    async def read(self, account: int, fn: Callable[[Any], T]) -> T: ...

    async def write(self, account: int, fn: Callable[[Any], T]) -> T: ...

    async def run(self, fn: Callable[[], T]) -> T:
        """Run work that needs no transaction on a thread."""
        ...


class Refusal(Enum):
    """Why an address is not taken."""

    UNKNOWN = "unknown"
    RELAY = "relay"
    OVER_QUOTA = "over-quota"
    NEVER_FITS = "never-fits"


@dataclass(frozen=True, slots=True)
class Addressee:
    """An accepted address and the accounts behind it."""

    address: str
    accounts: tuple[Recipient, ...]


async def resolve(directory: Addresses, store: Accounts, address: str, size: int | None) -> Addressee | Refusal:
    """Tell who gets mail for `address`; `size` is what MAIL declared.

    An address that leads to several accounts is over quota only when all of them are.
    """
    if address.casefold() == "postmaster":
        # RFC 5321 §4.5.1: <Postmaster> without a domain is ours.
        served = await directory.database.async_read(domains)
        address = f"postmaster@{served[0]}" if served else address
    found = await directory.resolve(address)
    if isinstance(found, NotLocal):
        return Refusal.RELAY
    if not isinstance(found, Local) or not found.recipients:
        return Refusal.UNKNOWN
    refusals = [await _room(store, r, size or 0) for r in found.recipients]
    if None not in refusals:
        return Refusal.OVER_QUOTA if Refusal.OVER_QUOTA in refusals else Refusal.NEVER_FITS
    return Addressee(address, found.recipients)


async def _room(store: Accounts, recipient: Recipient, size: int) -> Refusal | None:
    limit = recipient.quota
    if limit is None:
        return None
    if size > limit:
        return Refusal.NEVER_FITS
    usage = await store.read(recipient.account, quota.usage)
    return Refusal.OVER_QUOTA if usage.octets + max(size, 1) > limit else None
