"""Tokens: what a web session shows instead of the person's password (DESIGN.md D2). App passwords are rows of the same table.

A token is 256 random bits; the database holds its SHA-256 only, so a copy of the database opens nothing. One row is one
thing a person can see and end under Settings > Devices.
"""

import hashlib
import secrets
import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from server.accounts import ending
from server.accounts.account import Account
from server.accounts.account import by_id as account_by_id
from server.accounts.schema import token
from server.db.transaction import Reader, Writer

PREFIX = "pht_"
TOUCH_INTERVAL = 300
"""Seconds between two writes of `last_used`; finer would make every request a durable write."""


@dataclass(frozen=True, slots=True)
class Token:
    """A session or app password as shown to its owner. Times are seconds since 1970."""

    id: int
    account_id: int
    kind: str
    label: str
    peer: str
    created: int
    last_used: int
    expires: int
    service: str = ""
    """The protocol an app password was used by last."""


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


_COLUMNS = (
    token.c.id,
    token.c.account_id,
    token.c.kind,
    token.c.label,
    token.c.peer,
    token.c.created,
    token.c.last_used,
    token.c.expires,
    token.c.service,
)


def _token(row: Row[Any]) -> Token:
    known = (row.id, row.account_id, row.kind, row.label, row.peer, row.created, row.last_used, row.expires)
    return Token(*known, service=row.service or "")


def issue(w: Writer, account_id: int, *, kind: str, label: str, peer: str, lifetime: int) -> str:
    """Make a token that lives `lifetime` seconds and return the secret, which is shown this once."""
    secret = PREFIX + secrets.token_urlsafe(32)
    now = int(time.time())
    w.execute(delete(token).where(token.c.expires <= now))
    w.execute(
        insert(token).values(
            account_id=account_id,
            digest=_digest(secret),
            kind=kind,
            label=label[:200],
            peer=peer[:64],
            created=now,
            last_used=now,
            expires=now + lifetime,
        )
    )
    return secret


def find(r: Reader, secret: str) -> tuple[Token, Account] | None:
    """Return the token and its active account, or None when it is unknown, expired or ended."""
    if not secret.startswith(PREFIX):
        return None
    row = r.execute(select(*_COLUMNS).where(token.c.digest == _digest(secret))).first()
    if row is None or row.expires <= time.time():
        return None
    owner = account_by_id(r, row.account_id)
    return (_token(row), owner) if owner is not None and owner.active else None


def by_id(r: Reader, token_id: int) -> Token | None:
    """Return a live token by its row."""
    row = r.execute(select(*_COLUMNS).where(token.c.id == token_id, token.c.expires > int(time.time()))).first()
    return None if row is None else _token(row)


def touch(w: Writer, token_id: int) -> None:
    """Note that it was used just now."""
    w.execute(update(token).where(token.c.id == token_id).values(last_used=int(time.time())))


def stale(found: Token) -> bool:
    """Tell whether `last_used` is old enough to be worth a write."""
    return found.last_used + TOUCH_INTERVAL < time.time()


def list_for(r: Reader, account_id: int) -> list[Token]:
    """All live tokens of an account, last used first."""
    query = select(*_COLUMNS).where(token.c.account_id == account_id, token.c.expires > int(time.time()))
    return [_token(row) for row in r.execute(query.order_by(token.c.last_used.desc()))]


def revoke(w: Writer, account_id: int, token_id: int) -> bool:
    """End one token of this account, and whatever was opened with it; False for an id that is none of theirs."""
    ending.tell(w)
    return w.execute(delete(token).where(token.c.id == token_id, token.c.account_id == account_id)).rowcount > 0


def revoke_all(w: Writer, account_id: int, *, keep: int | None = None) -> None:
    """End every token of this account but the one to keep, and whatever was opened with them."""
    ending.tell(w)
    w.execute(delete(token).where(token.c.account_id == account_id, token.c.id != (keep or 0)))
