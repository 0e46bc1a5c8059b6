"""Signing in by SASL, pure: what a client's answers say about who it is, for IMAP, POP3 and submission alike.

An `Exchange` takes the base64 lines of the client as they stand on the wire; the three protocols wrap them the same way
(RFC 4959 §3, RFC 5034 §4, RFC 4954 §4) and differ only in what surrounds them, which stays with them.

Invariants: whatever the octets, nothing is raised but `SaslRefused`; a secret is only in the `Claim`, whose repr hides it; no
name and no secret is empty or holds NUL; nobody signs in to act for somebody else.

RFC 4422 (SASL), RFC 5802 (SCRAM, see `scram`), RFC 4616 (PLAIN), RFC 7628 (OAUTHBEARER), XOAUTH2 as Google wrote it down, LOGIN as
everybody does it.
"""

import base64
import binascii
import re
from dataclasses import dataclass, field

from server.accounts import gs2, scram
from server.accounts.sasl_refusal import Fault, SaslRefused

MECHANISMS = (scram.NAME, "PLAIN", "LOGIN", "OAUTHBEARER", "XOAUTH2")
"""In the order they are named in: the one that sends no password comes first."""
LINE_LIMIT = 12_288
"""RFC 4954 §4.1: the longest line of an exchange; access tokens are long."""

# RFC 7628 §3.1: the scheme in any case; RFC 6750 §2.1: b64token.
_BEARER = re.compile(r"(?i:Bearer) +([A-Za-z0-9._~+/-]+=*) *")

_FAILURE = b'{"status":"invalid_token","schemes":"bearer"}'


@dataclass(frozen=True, slots=True)
class Claim:
    """What the client says: a name and a secret, which is a password or a bearer token. No name: the token says who."""

    username: str
    secret: str = field(repr=False)
    bearer: bool = False


@dataclass(frozen=True, slots=True)
class Challenge:
    """What the server says next, decoded; the client's next line goes to `Exchange.answer`."""

    data: bytes

    @property
    def line(self) -> bytes:
        """As it stands on the wire, without what the protocol puts before it."""
        return base64.b64encode(self.data)


Step = Challenge | Claim | scram.Answer


class Exchange:
    """One sign-in from the mechanism's name to the claim, and the last words after it.

    Args:
        mechanism: Its name, in any case.
        dialogue: What SCRAM needs of this house; other mechanisms need nothing.
        limit: The longest line of the client.

    Raises:
        SaslRefused: The mechanism is none of `MECHANISMS`.
    """

    __slots__ = ("_dialogue", "_limit", "_salted", "_username", "mechanism")

    def __init__(self, mechanism: str, dialogue: scram.Dialogue | None = None, *, limit: int = LINE_LIMIT) -> None:
        self.mechanism = mechanism.upper()
        if self.mechanism not in MECHANISMS or (self.mechanism == scram.NAME and dialogue is None):
            raise SaslRefused(Fault.MECHANISM)
        self._limit = limit
        self._username: str | None = None
        self._dialogue = dialogue if self.mechanism == scram.NAME else None
        self._salted = False

    def start(self, initial: bytes | None = None) -> Step:
        """Begin, with the initial response if one came with the command.

        Raises:
            SaslRefused: as `answer`.
        """
        if initial is None:
            return Challenge(b"Username:" if self.mechanism == "LOGIN" else b"")
        # RFC 4959 §3, RFC 5034 §4, RFC 4954 §4: `=` alone is an initial response that is there and empty.
        return self._take(b"" if initial == b"=" else self._decode(initial))

    def answer(self, line: bytes) -> Step:
        """Take the client's line, without its end, that came upon a challenge.

        Raises:
            SaslRefused: It cancels the exchange, or is not what the mechanism asks for.
        """
        if line == b"*":
            raise SaslRefused(Fault.CANCELLED)
        return self._take(self._decode(line))

    def failure(self) -> Challenge | None:
        """What to say before the refusal of a claim; whatever line the client answers, the refusal follows."""
        # RFC 7628 §3.2.2 and §3.2.3. It tells nothing about the token.
        return Challenge(_FAILURE) if self.mechanism in ("OAUTHBEARER", "XOAUTH2") else None

    def success(self, signature: bytes) -> Challenge | None:
        """What to say before the sign-in stands; the client's line upon it goes to `agreed`."""
        return Challenge(scram.last_message(signature)) if self.mechanism == scram.NAME else None

    def agreed(self, line: bytes) -> None:
        """Take the client's line upon the server's proof: empty, or it does not want to be signed in.

        Raises:
            SaslRefused: as `answer`.
        """
        if line == b"*":
            raise SaslRefused(Fault.CANCELLED)
        # RFC 5802 §5: there is nothing left to say. `=` is how some clients write what is there and empty.
        if line not in (b"", b"="):
            raise SaslRefused(Fault.FORM)

    def _decode(self, line: bytes) -> bytes:
        if len(line) > self._limit:
            raise SaslRefused(Fault.TOO_LONG)
        try:
            return base64.b64decode(line, validate=True)
        except (binascii.Error, ValueError):
            raise SaslRefused(Fault.BASE64) from None

    def _take(self, data: bytes) -> Step:
        if self.mechanism == "PLAIN":
            return _plain(data)
        if self._dialogue is not None:
            return self._scram(self._dialogue, text(data))
        if self.mechanism == "LOGIN":
            return self._login(text(data))
        return _oauthbearer(text(data)) if self.mechanism == "OAUTHBEARER" else _xoauth2(text(data))

    def _scram(self, dialogue: scram.Dialogue, message: str) -> Step:
        if self._salted:
            return dialogue.final(message)
        self._salted = True
        return Challenge(dialogue.first(message))

    def _login(self, word: str) -> Step:
        if self._username is None:
            self._username = word
            return Challenge(b"Password:")
        return password(self._username, word)


def text(data: bytes) -> str:
    """Read a name or a secret.

    Raises:
        SaslRefused: It is not UTF-8, or holds NUL.
    """
    try:
        found = data.decode("utf-8")
    except UnicodeDecodeError:
        raise SaslRefused(Fault.UTF8) from None
    if "\0" in found:
        raise SaslRefused(Fault.FORM)
    return found


def password(username: str, secret: str) -> Claim:
    """Claim by name and password.

    Raises:
        SaslRefused: One of them is empty.
    """
    if not username or not secret:
        raise SaslRefused(Fault.FORM)
    return Claim(username, secret)


def _plain(data: bytes) -> Claim:
    # RFC 4616 §2: [authzid] NUL authcid NUL passwd, and no NUL in any of them.
    parts = data.split(b"\0")
    if len(parts) != 3:
        raise SaslRefused(Fault.FORM)
    acting_as, username, secret = (text(part) for part in parts)
    claim = password(username, secret)
    if acting_as and acting_as.casefold() != username.casefold():
        raise SaslRefused(Fault.ACTING)
    return claim


def _oauthbearer(message: str) -> Claim:
    # RFC 7628 §3.1: gs2-header kvsep *(key "=" value kvsep) kvsep
    first, *pairs = message.split("\x01")
    header, rest = gs2.header(first)
    if rest:
        raise SaslRefused(Fault.FORM)
    return Claim(header.acting_as, _token(pairs), bearer=True)


def _xoauth2(message: str) -> Claim:
    # user=NAME ^A auth=Bearer TOKEN ^A ^A
    first, *pairs = message.split("\x01")
    if not first.startswith("user="):
        raise SaslRefused(Fault.FORM)
    return Claim(first.removeprefix("user="), _token(pairs), bearer=True)


def _token(pairs: list[str]) -> str:
    """RFC 7628 §3.1: `auth` must be there, other keys (host, port) are passed over."""
    values = [pair.removeprefix("auth=") for pair in pairs if pair.startswith("auth=")]
    found = _BEARER.fullmatch(values[0]) if len(values) == 1 else None
    if found is None:
        raise SaslRefused(Fault.FORM)
    return found[1]
