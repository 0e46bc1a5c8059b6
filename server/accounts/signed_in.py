"""A sign-in and what it rests on, so that a connection can be ended when that is gone.

Invariant: a proof holds no secret and nothing a secret could be tried against: a token is named by its row, a password by a
digest of its salted Argon2 string, which changes whenever the password is set.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from sqlalchemy import select

from server.accounts.account import Account, by_id, live_passwords, stored_password
from server.accounts.schema import account as accounts
from server.accounts.schema import token
from server.db.transaction import Reader

AT_ONCE = 500
"""Names in one statement; SQLite takes 32,766."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What somebody signed in with: a row of `token`, or else the password whose stored form has this digest.

    A password that a second factor stands behind opens no mail, so what it opened before is over (security.md T079).
    """

    account: int
    token: int | None = None
    password: bytes = b""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who signed in, and by what."""

    account: Account
    proof: Proof
    code_due: bool = False
    """The password was right, and a code of the second factor is still to come. Of the web alone: nothing else asks for one."""
    signature: bytes = field(default=b"", repr=False)
    """By what the server proves in turn that it knows the password (`sasl.Exchange.success`); of SCRAM alone."""


def by_password(owner: Account, stored: str, *, code_due: bool = False, signature: bytes = b"") -> SignedIn:
    """Describe a sign-in by a password that is stored so."""
    return SignedIn(owner, Proof(owner.id, password=_digest(stored)), code_due, signature)


def still_the_password(r: Reader, proof: Proof) -> bool:
    """Tell whether the account is on and its password is the one it was."""
    owner = by_id(r, proof.account)
    stored = None if owner is None else stored_password(r, owner.address)[1]
    return stored is not None and _digest(stored) == proof.password


def _digest(stored: str) -> bytes:
    return hashlib.sha256(stored.encode()).digest()


def ended(r: Reader, proofs: Collection[Proof], now: float) -> set[Proof]:
    """Tell which proofs would not open their account any more at `now` (seconds since 1970)."""
    tokens = _live_tokens(r, {proof.token for proof in proofs if proof.token is not None}, now)
    passwords = _live_passwords(r, {proof.account for proof in proofs if proof.token is None})
    return {
        proof
        for proof in proofs
        if (passwords.get(proof.account) != proof.password if proof.token is None else proof.token not in tokens)
    }


def _live_tokens(r: Reader, wanted: Iterable[int], now: float) -> set[int]:
    query = select(token.c.id).join(accounts, accounts.c.id == token.c.account_id)
    query = query.where(token.c.expires > now, accounts.c.active)
    return {row.id for some in _groups(wanted) for row in r.execute(query.where(token.c.id.in_(some)))}


def _live_passwords(r: Reader, wanted: Iterable[int]) -> dict[int, bytes]:
    return {account: _digest(stored) for some in _groups(wanted) for account, stored in live_passwords(r, some)}


def _groups(ids: Iterable[int]) -> Iterator[list[int]]:
    left = iter(ids)
    while some := list(islice(left, AT_ONCE)):
        yield some
