"""Which of an account's secrets a SCRAM proof is one of.

Invariants: every key the account has is tried, whichever fits, and never fewer than `TRIED`, so that the work for a name that
nobody has is about that for one that somebody has; an account that is off has none. Whether a main password opens anything here
is for the caller to say: with a second factor it does not (security.md T079).
"""

import secrets
from dataclasses import dataclass

from server.accounts import app_password, scram, scram_keys, second_factor
from server.accounts.account import Account, scram_of, stored_password
from server.db.transaction import Reader
from server.seal import Keyring

TRIED = 8
_NOBODYS = scram.Keys(secrets.token_bytes(scram.KEY_SIZE), secrets.token_bytes(scram.KEY_SIZE))


@dataclass(frozen=True, slots=True)
class Held:
    """What the directory holds for a name: sealed keys by what they were sealed for, None standing for the main password."""

    account: Account | None
    stored: str
    sealed: tuple[tuple[int | None, bytes, str], ...]
    guarded: bool = False
    """A second factor stands behind the main password."""


@dataclass(frozen=True, slots=True)
class Proven:
    """The proof was right: by the app password of this row or, without one, the main password."""

    token: int | None
    signature: bytes


def held(r: Reader, name: str) -> Held:
    """Read what there is for a name in its look-up form."""
    account, stored = stored_password(r, name)
    if account is None or stored is None:
        return Held(None, "", ())
    sealed: list[tuple[int | None, bytes, str]] = [*app_password.sealed_for(r, account.id)]
    main = scram_of(r, account.id)
    if main is not None:
        sealed.append((None, main, scram_keys.of_password(account.address, stored)))
    return Held(account, stored, tuple(sealed), guarded=second_factor.is_on(r, account.id))


def proven(ring: Keyring, found: Held, answer: scram.Answer) -> Proven | None:
    """Try the proof on everything; None when it is that of nothing."""
    opened = ring.open_each([(sealed, purpose) for _, sealed, purpose in found.sealed])
    tried = [
        (token, kept)
        for (token, _, _), plain in zip(found.sealed, opened, strict=True)
        for kept in scram_keys.opened(plain, answer.salt)
    ]
    right = [Proven(token, signed) for token, kept in tried if (signed := scram.signature(answer, kept)) is not None]
    for _ in range(TRIED - len(tried)):
        scram.signature(answer, _NOBODYS)
    return right[0] if right else None
