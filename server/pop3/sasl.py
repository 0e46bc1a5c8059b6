"""The SASL mechanisms of POP3, pure (RFC 5034): what a client's answers say about who it is.

Invariants: an exchange never raises anything but `SaslRefused`; a secret is only in the `Claim`, whose repr hides it; an
identity to act for (authzid) other than the one that signs in is refused, because nobody may act for somebody else here.
"""

import base64
import binascii
import json
import re
from dataclasses import dataclass, field

MECHANISMS = ("PLAIN", "LOGIN", "OAUTHBEARER", "XOAUTH2")

_BEARER = re.compile(r"(?i)^Bearer +(\S+) *$")


class SaslRefused(Exception):
    """The exchange is malformed; the text may be shown to the client."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What the client says: a name and a secret, which is a password or a bearer token."""

    username: str
    secret: str = field(repr=False)
    bearer: bool = False


class Exchange:
    """One AUTH: `answer` takes each decoded client answer and returns the next challenge (base64) or the claim."""

    def __init__(self, mechanism: str) -> None:
        if mechanism not in MECHANISMS:
            raise SaslRefused("this mechanism is not offered")
        self.mechanism = mechanism
        self._username: str | None = None

    def begin(self) -> str:
        """Return the first challenge, for a client that sent no initial response."""
        return _encode("Username:") if self.mechanism == "LOGIN" else ""

    def answer(self, data: bytes) -> str | Claim:
        text = _text(data)
        if self.mechanism == "PLAIN":
            return _plain(text)
        if self.mechanism == "LOGIN":
            return self._login(text)
        return _oauthbearer(text) if self.mechanism == "OAUTHBEARER" else _xoauth2(text)

    def _login(self, text: str) -> str | Claim:
        if self._username is None:
            self._username = text
            return _encode("Password:")
        return Claim(self._username, text)


def decode(line: bytes) -> bytes:
    """Read one base64 line, strictly; `=` alone is the empty initial response (RFC 5034 §4)."""
    if line == b"=":
        return b""
    try:
        return base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError) as error:
        raise SaslRefused("not base64") from error


def bearer_failure() -> str:
    """RFC 7628 §3.2.2: the reason as a challenge; the client answers it before it hears the failure."""
    return _encode(json.dumps({"status": "invalid_token", "schemes": "bearer"}, separators=(",", ":")))


def _encode(text: str) -> str:
    return base64.b64encode(text.encode("ascii")).decode("ascii")


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SaslRefused("not UTF-8") from error


def _plain(text: str) -> Claim:
    # RFC 4616 §2: [authzid] NUL authcid NUL passwd
    parts = text.split("\0")
    if len(parts) != 3 or not parts[1] or not parts[2]:
        raise SaslRefused("malformed answer")
    if parts[0] not in ("", parts[1]):
        raise SaslRefused("acting for another user is not possible")
    return Claim(parts[1], parts[2])


def _oauthbearer(text: str) -> Claim:
    # RFC 7628 §3.1: gs2-header kvsep *kvpair kvsep; gs2-header = "n,a=user,"
    header, separator, rest = text.partition("\x01")
    if not separator or not header.startswith(("n,", "y,")) or not header.endswith(","):
        raise SaslRefused("malformed answer")
    authzid = header[2:-1]
    if authzid and not authzid.startswith("a="):
        raise SaslRefused("malformed answer")
    # RFC 5801 §4: "," and "=" in the name are written =2C and =3D.
    username = authzid[2:].replace("=2C", ",").replace("=3D", "=")
    return Claim(username, _token(rest), bearer=True)


def _xoauth2(text: str) -> Claim:
    first, _, rest = text.partition("\x01")
    if not first.startswith("user="):
        raise SaslRefused("malformed answer")
    return Claim(first.removeprefix("user="), _token(rest), bearer=True)


def _token(pairs: str) -> str:
    for pair in pairs.split("\x01"):
        key, _, value = pair.partition("=")
        found = _BEARER.match(value) if key == "auth" else None
        if found is not None:
            return found.group(1)
    raise SaslRefused("malformed answer")
