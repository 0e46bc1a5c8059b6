"""Browsers that a person told to remember: there the password is enough for thirty days.

A device holds 256 random bits, the database their SHA-256. They open nothing by themselves and no protocol takes them: they only
stand in for the code of the second factor, for one account, until they expire or their owner takes them back.
"""

import hashlib
import secrets
import time
from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update

from server.accounts.schema import remembered_device as device
from server.accounts.security_event import Kind, record
from server.db.transaction import Reader, Writer

LIFETIME = 30 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Device:
    """One remembered browser as shown to its owner. Times are seconds since 1970."""

    id: int
    label: str
    peer: str
    created: int
    last_used: int
    expires: int


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def remember(w: Writer, account_id: int, *, label: str, peer: str) -> str:
    """Remember one more browser and return what it has to show."""
    secret, now = secrets.token_urlsafe(32), int(time.time())
    w.execute(delete(device).where(device.c.expires <= now))
    w.execute(
        insert(device).values(
            account_id=account_id,
            digest=_digest(secret),
            label=label[:200],
            peer=peer[:64],
            created=now,
            last_used=now,
            expires=now + LIFETIME,
        )
    )
    record(w, account_id, Kind.DEVICE_REMEMBERED, peer)
    return secret


def find(r: Reader, account_id: int, secret: str) -> int | None:
    """Return the id of the remembered browser that shows this, or None when it is none of this account's."""
    query = select(device.c.id).where(device.c.account_id == account_id, device.c.digest == _digest(secret))
    found: int | None = r.execute(query.where(device.c.expires > int(time.time()))).scalar()
    return found


def touch(w: Writer, device_id: int, peer: str) -> None:
    """Note that it was used just now."""
    w.execute(update(device).where(device.c.id == device_id).values(last_used=int(time.time()), peer=peer[:64]))


def list_for(r: Reader, account_id: int) -> list[Device]:
    """All remembered browsers of an account, last used first."""
    query = select(device).where(device.c.account_id == account_id, device.c.expires > int(time.time()))
    return [
        Device(row.id, row.label, row.peer, row.created, row.last_used, row.expires)
        for row in r.execute(query.order_by(device.c.last_used.desc(), device.c.id.desc()))
    ]


def forget(w: Writer, account_id: int, device_id: int) -> bool:
    """Forget one; False for an id that is none of theirs."""
    return w.execute(delete(device).where(device.c.id == device_id, device.c.account_id == account_id)).rowcount > 0


def forget_all(w: Writer, account_id: int, *, keep: int | None = None) -> None:
    """Forget all of this account but the one to keep."""
    w.execute(delete(device).where(device.c.account_id == account_id, device.c.id != (keep or 0)))
