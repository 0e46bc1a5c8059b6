"""App passwords: what a mail program signs in with where a code cannot be asked for (security.md T079).

A row of `token` of the kind `app`: named, ended by itself, and gone when the administrator sets a new password. 100 random bits,
kept as SHA-256, without the prefix of a token: no cookie and no bearer token is ever taken for one. Only IMAP, POP3 and
submission ask here; the webmail does not.
"""

import time

from sqlalchemy import insert, select, update

from server.accounts import scram_keys, written_code
from server.accounts import token as tokens
from server.accounts.account import Account, by_id
from server.accounts.schema import token
from server.accounts.security_event import Kind, record
from server.accounts.token import Token
from server.db.transaction import Reader, Writer
from server.seal import Keyring

KIND = "app"
GROUPS = 5
NAME_LIMIT = 60
MOST = 50
"""App passwords of one account."""
NEVER = 253_402_300_799
"""The end of the year 9999: it lives until it is ended."""


def make(w: Writer, account_id: int, name: str, *, peer: str) -> str | None:
    """Make one and return it, which is shown this once; None when there are `MOST`."""
    if len(list_for(w, account_id)) >= MOST:
        return None
    password, now = written_code.make(GROUPS), int(time.time())
    owner = by_id(w, account_id)
    kept = None if owner is None else scram_of(scram_keys.ring_of(w.folder), owner.address, password)
    w.execute(
        insert(token).values(
            account_id=account_id,
            digest=_digest(password),
            kind=KIND,
            label=name[:NAME_LIMIT],
            peer="",
            created=now,
            last_used=0,
            expires=NEVER,
            scram=kept,
        )
    )
    record(w, account_id, Kind.APP_PASSWORD_MADE, peer)
    return password


def find(r: Reader, address: str, password: str) -> tuple[Token, Account] | None:
    """Return the app password and its active account, or None when it is none of that canonical address."""
    digest = _digest(password)
    if digest is None:
        return None
    row = r.execute(select(token.c.id).where(token.c.digest == digest, token.c.kind == KIND)).first()
    found = None if row is None else tokens.by_id(r, row.id)
    owner = None if found is None else by_id(r, found.account_id)
    if found is None or owner is None or not owner.active or owner.address != address:
        return None
    return found, owner


def scram_of(ring: Keyring, address: str, password: str) -> bytes | None:
    """Make the sealed keys that SCRAM checks it by, as it was shown and without its hyphens."""
    plain = written_code.normal(password, GROUPS)
    if plain is None:
        return None
    return scram_keys.make(ring, address, [written_code.shown(plain), plain], purpose=purpose_of(password))


def purpose_of(password: str) -> str:
    """What the keys of an app password are sealed for."""
    return scram_keys.of_app_password(_digest(password) or b"")


def sealed_for(r: Reader, account_id: int) -> list[tuple[int, bytes, str]]:
    """The app passwords of an account that have keys of SCRAM: row, sealed keys, and what those were sealed for."""
    query = select(token.c.id, token.c.digest, token.c.scram).where(token.c.account_id == account_id)
    query = query.where(token.c.kind == KIND, token.c.expires > int(time.time()), token.c.scram.is_not(None))
    return [(row.id, row.scram, scram_keys.of_app_password(row.digest)) for row in r.execute(query)]


def sealed(r: Reader, token_id: int) -> bytes | None:
    """Return the sealed keys of SCRAM of one, if it has any."""
    found: bytes | None = r.execute(select(token.c.scram).where(token.c.id == token_id)).scalar()
    return found


def set_scram(w: Writer, token_id: int, kept: bytes) -> None:
    """Keep the sealed keys of one."""
    w.execute(update(token).where(token.c.id == token_id).values(scram=kept))


def touch(w: Writer, token_id: int, *, service: str, peer: str) -> None:
    """Note by what and from where it was used just now."""
    values = {"last_used": int(time.time()), "service": service, "peer": peer[:64]}
    w.execute(update(token).where(token.c.id == token_id).values(**values))


def list_for(r: Reader, account_id: int) -> list[Token]:
    """The app passwords of an account, newest first."""
    found = [one for one in tokens.list_for(r, account_id) if one.kind == KIND]
    return sorted(found, key=lambda one: one.id, reverse=True)


def revoke(w: Writer, account_id: int, token_id: int, *, peer: str) -> bool:
    """End one, and the connections opened with it; False for an id that is none of theirs."""
    if token_id not in {one.id for one in list_for(w, account_id)}:
        return False
    record(w, account_id, Kind.APP_PASSWORD_ENDED, peer)
    return tokens.revoke(w, account_id, token_id)


def _digest(password: str) -> bytes | None:
    plain = written_code.normal(password, GROUPS)
    return None if plain is None else written_code.digest(plain)
