"""Secrets that travel from one step of a form to the next, inside the signed form cookie.

A signature hides nothing, so what is secret is encrypted (Fernet) under a key derived from the cookie's own. The purpose is part of
the key: what one wizard sealed does not open in another.
"""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken
from flask import current_app

LIFETIME = 3_600
"""Seconds between two steps of a form after which the secret has to be typed again."""


def seal(text: str, purpose: str) -> str:
    return _box(purpose).encrypt(text.encode()).decode("ascii")


def unseal(sealed: str, purpose: str) -> str | None:
    """Return the text, or None when it is too old, was changed, or was sealed for something else."""
    try:
        return _box(purpose).decrypt(sealed.encode(), ttl=LIFETIME).decode()
    except (InvalidToken, UnicodeDecodeError):
        return None


def _box(purpose: str) -> Fernet:
    secret = current_app.secret_key
    material = secret if isinstance(secret, bytes) else str(secret).encode()
    return Fernet(
        base64.urlsafe_b64encode(hashlib.sha256(b"posthouse form\0" + purpose.encode() + b"\0" + material).digest())
    )
