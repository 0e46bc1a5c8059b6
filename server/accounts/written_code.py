"""Codes that a person copies by hand or by eye: recovery codes and app passwords.

Crockford's alphabet, without letters that look like digits: what is read as `o`, `i` or `l` is meant as 0, 1, 1, and nobody
has to know. Groups of four with hyphens; how it is grouped and cased does not matter when it is typed.

Invariant: the database holds SHA-256 of the normal form only. Such a code has 80 bits and more, so there is nothing to guess
and no need of a slow hash.
"""

import hashlib
import secrets

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
GROUP = 4
TEXT_LIMIT = 64
_MEANT = str.maketrans({"o": "0", "i": "1", "l": "1", "-": None, " ": None})


def make(groups: int) -> str:
    """Return a new code of so many groups of 20 bits."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(GROUP)) for _ in range(groups))


def normal(text: str, groups: int) -> str | None:
    """Return the form a code is stored by, or None when the text has not the form of one."""
    if len(text) > TEXT_LIMIT:
        return None
    plain = text.strip().lower().translate(_MEANT)
    return plain if len(plain) == groups * GROUP and set(plain) <= set(ALPHABET) else None


def shown(plain: str) -> str:
    """Return a code in its normal form as it was shown."""
    return "-".join(plain[at : at + GROUP] for at in range(0, len(plain), GROUP))


def digest(plain: str) -> bytes:
    """Return what the database holds of a code in its normal form."""
    return hashlib.sha256(plain.encode("ascii")).digest()
