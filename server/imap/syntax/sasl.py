"""SASL messages of the mechanisms we take, decoded: PLAIN (RFC 4616), LOGIN, OAUTHBEARER (RFC 7628), XOAUTH2 (Google).

Nothing is checked here but the form; a malformed message is a ProtocolError.
"""

import base64
import binascii
import re
from dataclasses import dataclass, field

from server.imap.syntax.error import ProtocolError

MECHANISMS = ("PLAIN", "LOGIN", "OAUTHBEARER", "XOAUTH2")

_GS2 = re.compile(r"[nyp](?:=[A-Za-z0-9.-]+)?,(?:a=([^,]*))?,\Z")
_BEARER = re.compile(r"(?i:Bearer) +([A-Za-z0-9._~+/=-]+)\Z")

# RFC 7628 §3.2.2: the failure that a client gets before the tagged NO; it answers with a dummy.
TOKEN_FAILURE = base64.b64encode(b'{"status":"invalid_token"}')
LOGIN_USERNAME = base64.b64encode(b"Username:")
LOGIN_PASSWORD = base64.b64encode(b"Password:")


@dataclass(frozen=True, slots=True)
class Password:
    username: str
    password: str = field(repr=False)
    acting_as: str = ""


@dataclass(frozen=True, slots=True)
class Token:
    username: str | None
    token: str = field(repr=False)


def decode_base64(line: bytes) -> bytes:
    """One base64 line of a client; `=` is the empty response (RFC 4959 §3)."""
    if line == b"=":
        return b""
    try:
        return base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        raise ProtocolError("The response is not base64") from None


def text(message: bytes) -> str:
    try:
        decoded = message.decode("utf-8")
    except UnicodeDecodeError:
        raise ProtocolError("The response is not UTF-8") from None
    if "\0" in decoded:
        raise ProtocolError("The response must not hold NUL")
    return decoded


def plain(message: bytes) -> Password:
    """Read plain.

    message = [authzid] NUL authcid NUL passwd
    """
    parts = message.split(b"\0")
    if len(parts) != 3 or not parts[1]:
        raise ProtocolError("The PLAIN message is malformed")
    acting_as, username, password = (text(part) for part in parts)
    return Password(username, password, acting_as)


def oauthbearer(message: bytes) -> Token:
    """Read oauthbearer.

    client-resp = gs2-header kvsep *(key "=" value kvsep) kvsep
    """
    header, *pairs = text(message).split("\x01")
    match = _GS2.match(header)
    if match is None:
        raise ProtocolError("The OAUTHBEARER message is malformed")
    name = (match[1] or "").replace("=2C", ",").replace("=3D", "=")
    return Token(name or None, _bearer(pairs))


def xoauth2(message: bytes) -> Token:
    """Read xoauth2.

    user=NAME ^A auth=Bearer TOKEN ^A ^A
    """
    first, *pairs = text(message).split("\x01")
    if not first.startswith("user="):
        raise ProtocolError("The XOAUTH2 message is malformed")
    return Token(first.removeprefix("user=") or None, _bearer(pairs))


def _bearer(pairs: list[str]) -> str:
    for pair in pairs:
        name, _, value = pair.partition("=")
        if name == "auth":
            match = _BEARER.match(value)
            if match is not None:
                return match[1]
    raise ProtocolError("The bearer token is missing")
