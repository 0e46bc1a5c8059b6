"""What a client sends in AUTH, mechanism by mechanism.

RFC 4616 (PLAIN), RFC 7628 (OAUTHBEARER), XOAUTH2 as Google wrote it down, LOGIN as everybody does it.
"""

import base64
import binascii
from dataclasses import dataclass

FAILURE_JSON = b'{"status":"invalid_token","scope":""}'
"""RFC 7628 §3.2.2: told in a challenge; the client answers with an empty line, then the refusal comes."""


class Malformed(ValueError):
    """The octets are not what the mechanism asks for."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A user name (None: the token says who) and what proves it."""

    username: str | None
    value: str
    is_token: bool = False

    def __repr__(self) -> str:
        return f"Secret(username={self.username!r})"


def decode(line: bytes) -> bytes:
    """RFC 4954 §4: base64; `=` alone is the empty string."""
    if line == b"=":
        return b""
    try:
        return base64.b64decode(line, validate=True)
    except binascii.Error as error:
        raise Malformed("base64") from error


def plain(data: bytes) -> Secret:
    """RFC 4616 §2: `[authzid] NUL authcid NUL passwd`."""
    parts = data.split(b"\0")
    if len(parts) != 3 or not parts[1] or not parts[2]:
        raise Malformed("PLAIN")
    acting_as, username, password = (_text(p) for p in parts)
    if acting_as and acting_as != username:
        raise Malformed("acting as somebody else is not supported")
    return Secret(username, password)


def login(username: bytes, password: bytes) -> Secret:
    """Both answers of LOGIN."""
    if not username or not password:
        raise Malformed("LOGIN")
    return Secret(_text(username), _text(password))


def oauthbearer(data: bytes) -> Secret:
    """RFC 7628 §3.1: a GS2 header, then key=value pairs between ^A."""
    header, *pairs = data.split(b"\x01")
    # RFC 5801 §4: `n,a=user,`; channel binding (p=) is not offered.
    gs2 = header.split(b",")
    if len(gs2) != 3 or gs2[0] not in (b"n", b"y") or gs2[2]:
        raise Malformed("GS2 header")
    username = _saslname(gs2[1][2:]) if gs2[1].startswith(b"a=") else None
    return Secret(username, _bearer(pairs), is_token=True)


def xoauth2(data: bytes) -> Secret:
    """`user=NAME ^A auth=Bearer TOKEN ^A ^A`."""
    user, *pairs = data.split(b"\x01")
    if not user.startswith(b"user="):
        raise Malformed("XOAUTH2")
    return Secret(_text(user[5:]) or None, _bearer(pairs), is_token=True)


def _bearer(pairs: list[bytes]) -> str:
    for pair in pairs:
        key, _, value = pair.partition(b"=")
        if key == b"auth":
            scheme, _, token = value.partition(b" ")
            if scheme.lower() == b"bearer" and token:
                return _text(token)
    raise Malformed("no bearer token")


def _saslname(value: bytes) -> str | None:
    # RFC 5801 §4: comma and equals sign are written =2C and =3D.
    return _text(value.replace(b"=2C", b",").replace(b"=3D", b"=")) or None


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("UTF-8") from error
