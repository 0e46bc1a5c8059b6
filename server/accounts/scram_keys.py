"""What this house keeps for SCRAM: the keys of each password of an account, sealed, and the salt of every name.

A server must name a salt before it knows which password a client has, or whether anybody is there. So the salt is no row: it is
made of the name with the house's key, the same for all passwords of an account and for names that nobody has, before an account
is there, while it is, and after.

Keys of SCRAM are weaker than Argon2id against whoever guesses, so they are sealed with the house's key, which lies outside the
database (DESIGN.md D11). Invariants: sealed keys open only for the very password they were made of, so what is left of a former
one is worth nothing; without the key file nobody signs in by SCRAM, and everything else goes on.
"""

import hashlib
import hmac
import secrets
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

from server.accounts import scram
from server.config import SECRET_KEY_FILE
from server.log import get_logger
from server.seal import KeyMissing, Keyring, SealError

log = get_logger("accounts")

_PURPOSE = "scram salt"
_HEAD = struct.Struct(f">{scram.SALT_SIZE}sI")
_WITHOUT_KEY = secrets.token_bytes(32)


def ring_of(folder: Path) -> Keyring:
    """The key file of the data folder that holds the directory database."""
    return Keyring(folder / SECRET_KEY_FILE)


def salts(ring: Keyring) -> Callable[[str], bytes]:
    """Return what gives the salt of a name in its look-up form. Raises SealError when the key file cannot be used."""
    try:
        secret = ring.derived(_PURPOSE)
    except KeyMissing:
        # Nobody's keys open now, so it need only be there, and alike for everybody.
        secret = _WITHOUT_KEY
    return lambda name: hmac.digest(secret, name.encode("utf-8", "surrogatepass"), hashlib.sha256)[: scram.SALT_SIZE]


def of_password(address: str, stored: str) -> str:
    """What the keys of a main password are sealed for."""
    return f"scram password:{address}:{stored}"


def of_app_password(digest: bytes) -> str:
    """What the keys of an app password are sealed for."""
    return f"scram app password:{digest.hex()}"


def make(ring: Keyring, address: str, spellings: Sequence[str], *, purpose: str) -> bytes | None:
    """Make and seal the keys of a password, in each way it may be typed; the key file is made if there is none.

    None when it cannot be used: the password is kept all the same, and only SCRAM has to wait for a later sign-in.
    """
    try:
        if ring.current_id() is None:
            ring.seal(b"", purpose=_PURPOSE)
        salt = salts(ring)(address)
        found = [scram.keys(spelling, salt) for spelling in spellings]
        plain = _HEAD.pack(salt, scram.ITERATIONS) + b"".join(one.stored + one.server for one in found)
        return ring.seal(plain, purpose=purpose)
    except SealError:
        log.warning("scram_keys_not_made", account=address)
        return None


def lacking(ring: Keyring, address: str, kept: bytes | None, *, purpose: str) -> bool:
    """Tell whether keys are to be made: there are none, or they do not open any more.

    Never without a key file: a lost one is to be put back, and a sign-in must not make another in its place.
    """
    try:
        if ring.current_id() is None:
            return False
        salt = salts(ring)(address)
    except SealError:
        return False
    return kept is None or not opened(ring.open_each([(kept, purpose)])[0], salt)


def opened(plain: bytes | None, salt: bytes) -> list[scram.Keys]:
    """Read keys that were sealed; none when they did not open, or were made for another salt or another cost."""
    if plain is None or plain[: _HEAD.size] != _HEAD.pack(salt, scram.ITERATIONS):
        return []
    size = scram.KEY_SIZE
    return [
        scram.Keys(plain[at : at + size], plain[at + size : at + 2 * size])
        for at in range(_HEAD.size, len(plain), 2 * size)
    ]
