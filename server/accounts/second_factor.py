"""The second factor of an account: a key shared with an authenticator program, and recovery codes for when that is lost.

Functions of a transaction. Invariants: the key is sealed and opens for its own account alone; the step of an accepted code is
stored in the transaction that accepts it, so no code counts twice, whoever comes at once (security.md T138); a recovery code is
deleted by being used; turning on and off says so to whoever holds connections open, as the main password opens mail no more, or
again.

RFC 6238 §5.2, RFC 4226 §7.
"""

import secrets
import time
from dataclasses import dataclass

from sqlalchemy import delete, func, insert, select, update

from server.accounts import ending, one_time, written_code
from server.accounts.schema import recovery_code, second_factor
from server.accounts.security_event import Kind, record
from server.db.transaction import Reader, Writer
from server.seal import Keyring

RECOVERY_CODES = 10
RECOVERY_GROUPS = 4


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stands with an account whose second factor is on."""

    created: int
    codes_left: int


def new_key() -> bytes:
    """Return a key to share with an authenticator program."""
    return secrets.token_bytes(one_time.SECRET_SIZE)


def is_on(r: Reader, account_id: int) -> bool:
    """Tell whether a code is asked for after the password."""
    return (
        r.execute(select(second_factor.c.account_id).where(second_factor.c.account_id == account_id)).first()
        is not None
    )


def standing(r: Reader, account_id: int) -> Standing | None:
    """Return how it stands, or None while it is off."""
    created = r.execute(select(second_factor.c.created).where(second_factor.c.account_id == account_id)).scalar()
    if created is None:
        return None
    left = select(func.count()).select_from(recovery_code).where(recovery_code.c.account_id == account_id)
    return Standing(created, r.execute(left).scalar_one())


def turn_on(w: Writer, ring: Keyring, account_id: int, key: bytes, *, step: int, peer: str) -> list[str] | None:
    """Ask for codes from now on. Returns the recovery codes, or None when it is on already.

    Args:
        w: The transaction.
        ring: Seals the key; raises SealError when it cannot.
        account_id: Whose.
        key: What the authenticator program has.
        step: The step of the code that proved it; it is used up.
        peer: From where.
    """
    if is_on(w, account_id):
        return None
    sealed = ring.seal(key, purpose=_purpose(account_id))
    w.execute(
        insert(second_factor).values(account_id=account_id, sealed=sealed, last_step=step, created=int(time.time()))
    )
    record(w, account_id, Kind.FACTOR_ON, peer)
    ending.tell(w)
    return _renew_codes(w, account_id)


def turn_off(w: Writer, account_id: int, *, peer: str = "", by_administrator: bool = False) -> bool:
    """Ask for no code any more; the recovery codes go. False when it was off."""
    if w.execute(delete(second_factor).where(second_factor.c.account_id == account_id)).rowcount == 0:
        return False
    w.execute(delete(recovery_code).where(recovery_code.c.account_id == account_id))
    record(w, account_id, Kind.FACTOR_OFF_BY_ADMINISTRATOR if by_administrator else Kind.FACTOR_OFF, peer)
    ending.tell(w)
    return True


def renew_codes(w: Writer, account_id: int, *, peer: str) -> list[str]:
    """Make the recovery codes anew; the former ones are worth nothing."""
    record(w, account_id, Kind.RECOVERY_CODES_NEW, peer)
    return _renew_codes(w, account_id)


def _renew_codes(w: Writer, account_id: int) -> list[str]:
    w.execute(delete(recovery_code).where(recovery_code.c.account_id == account_id))
    made = [written_code.make(RECOVERY_GROUPS) for _ in range(RECOVERY_CODES)]
    for code in made:
        w.execute(insert(recovery_code).values(account_id=account_id, digest=_digest(code)))
    return made


def take_code(w: Writer, ring: Keyring, account_id: int, code: str, seconds: float) -> bool:
    """Accept a code of the authenticator program, once. Raises SealError when the key cannot be opened."""
    row = w.execute(
        select(second_factor.c.sealed, second_factor.c.last_step).where(second_factor.c.account_id == account_id)
    ).first()
    if row is None:
        return False
    key = ring.open(row.sealed, purpose=_purpose(account_id))
    step = one_time.accepted(key, code, seconds, after=row.last_step)
    if step is None:
        return False
    w.execute(update(second_factor).where(second_factor.c.account_id == account_id).values(last_step=step))
    return True


def has_recovery_code(r: Reader, account_id: int, code: str) -> bool:
    """Tell whether this is a recovery code that was not used yet."""
    found = _digest(code)
    query = select(recovery_code.c.digest).where(recovery_code.c.account_id == account_id)
    return found is not None and r.execute(query.where(recovery_code.c.digest == found)).first() is not None


def take_recovery_code(w: Writer, account_id: int, code: str, *, peer: str) -> bool:
    """Accept a recovery code; it is gone then."""
    found = _digest(code)
    if found is None:
        return False
    gone = delete(recovery_code).where(recovery_code.c.account_id == account_id, recovery_code.c.digest == found)
    if w.execute(gone).rowcount == 0:
        return False
    record(w, account_id, Kind.RECOVERY_CODE_USED, peer)
    return True


def _digest(code: str) -> bytes | None:
    plain = written_code.normal(code, RECOVERY_GROUPS)
    return None if plain is None else written_code.digest(plain)


def _purpose(account_id: int) -> str:
    return f"second factor:{account_id}"
