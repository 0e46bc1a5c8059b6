"""One-time codes, pure: HOTP (RFC 4226) and the TOTP made of it (RFC 6238), with SHA-1, six digits and steps of 30 s.

These are the values that every authenticator program knows; most of them ignore others. The caller brings the time.

Invariants: every step of the window is compared, each in constant time, whatever the code; what is no code of six digits is
never accepted.
"""

import base64
import hashlib
import hmac
import struct
from urllib.parse import quote, urlencode

DIGITS = 6
STEP_SECONDS = 30
DRIFT = 1
"""Steps that a clock may be off, in both directions (RFC 6238 §5.2)."""
SECRET_SIZE = 20
"""RFC 4226 §4, R6: 160 bits."""


def hotp(secret: bytes, counter: int, *, digits: int = DIGITS) -> str:
    """Return the code of a counter."""
    # RFC 4226 §5.3: dynamic truncation.
    digest = hmac.digest(secret, struct.pack(">Q", counter), hashlib.sha1)
    offset = digest[-1] & 0x0F
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFF_FFFF
    return str(number % 10**digits).zfill(digits)


def step_at(seconds: float) -> int:
    """Return the time step of a moment (seconds since 1970)."""
    return int(seconds // STEP_SECONDS)


def totp(secret: bytes, seconds: float, *, digits: int = DIGITS) -> str:
    """Return the code of a moment."""
    return hotp(secret, step_at(seconds), digits=digits)


def accepted(secret: bytes, code: str, seconds: float, *, after: int = -1) -> int | None:
    """Return the step a code belongs to, or None when it belongs to none that counts now.

    Args:
        secret: The shared key.
        code: What the person typed; spaces inside are fine.
        seconds: Now.
        after: The last step that was accepted. That one and those before it are used up (RFC 6238 §5.2).
    """
    digits = "".join(code.split())
    given = digits.encode("ascii") if looks_like_code(digits) else b""
    now, found = step_at(seconds), None
    for step in range(max(0, now - DRIFT), now + DRIFT + 1):
        if hmac.compare_digest(hotp(secret, step).encode("ascii"), given) and step > after:
            found = step
    return found


def looks_like_code(text: str) -> bool:
    """Tell whether this has the form of a code; spaces inside are fine."""
    digits = "".join(text.split())
    return len(digits) == DIGITS and digits.isascii() and digits.isdecimal()


def spelled(secret: bytes) -> str:
    """Write the key as authenticator programs take it when there is no camera: base32, in groups of four."""
    text = base64.b32encode(secret).decode("ascii").rstrip("=")
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def address_of(secret: bytes, *, account: str, issuer: str) -> str:
    """Return the otpauth address that the QR code holds, as Google Authenticator wrote it down and all others read it."""
    label = quote(f"{issuer}:{account}", safe="@:")
    values = {
        "secret": base64.b32encode(secret).decode("ascii").rstrip("="),
        "issuer": issuer,
        "algorithm": "SHA1",
        "digits": DIGITS,
        "period": STEP_SECONDS,
    }
    return f"otpauth://totp/{label}?{urlencode(values, quote_via=quote)}"
