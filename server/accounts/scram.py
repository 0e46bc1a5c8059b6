"""SCRAM-SHA-256, pure: the server's side of an exchange in which no password is sent (RFC 5802, RFC 7677).

The client says a name, hears a salt, and proves that it knows a password by an HMAC over all that was said; the server proves
the same by its signature. `Dialogue` reads and writes the messages up to the client's `Answer`; whether that is right is what
`signature` says about the keys of one password.

Invariants: nothing is raised but `SaslRefused`; what the client hears before its answer is made of the name alone, so it is the
same whoever has that name or nobody; a server key never leaves, and every comparison takes the same time.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from server.accounts import gs2, saslprep
from server.accounts.sasl_refusal import Fault, SaslRefused

NAME = "SCRAM-SHA-256"
ITERATIONS = 15_000
"""RFC 7677 §4: 4096 at the least; its rule of thumb gives this. It is the client that pays, at each sign-in, and what is kept here
is sealed besides."""
SALT_SIZE = 16
KEY_SIZE = 32
NONCE_LIMIT = 256

# RFC 5802 §7: client-first-message-bare and client-final-message, `m=` and the gs2-header apart.
_EXTENSIONS = r"((?:,[A-Za-z]=[^,\0]+)*)"
_FIRST = re.compile(r"n=([^,\0]+),r=([\x21-\x2b\x2d-\x7e]+)" + _EXTENSIONS)
_FINAL = re.compile(r"(c=([A-Za-z0-9+/=]+),r=([\x21-\x2b\x2d-\x7e]+)" + _EXTENSIONS + r"),p=([A-Za-z0-9+/=]+)")


@dataclass(frozen=True, slots=True)
class Keys:
    """What a server keeps of a password for SCRAM: enough to check a proof, not to make one."""

    stored: bytes = field(repr=False)
    server: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """A name, and the proof that the client knows a password; of which account's secrets it is one is still to be found out."""

    username: str
    salt: bytes
    said: bytes = field(repr=False)
    """AuthMessage: all that was said."""
    proof: bytes = field(repr=False)


def keys(password: str, salt: bytes, iterations: int = ITERATIONS) -> Keys:
    """Make the keys of a password (RFC 5802 §3)."""
    octets = saslprep.prepared(password).encode("utf-8", "surrogatepass")
    salted = hashlib.pbkdf2_hmac("sha256", octets, salt, iterations)
    return Keys(hashlib.sha256(_hmac(salted, b"Client Key")).digest(), _hmac(salted, b"Server Key"))


def signature(answer: Answer, kept: Keys) -> bytes | None:
    """Return the server's signature when the proof is that of these keys, else None."""
    # RFC 5802 §3: ClientKey = ClientProof XOR HMAC(StoredKey, AuthMessage), and H(ClientKey) is what is kept.
    mask = _hmac(kept.stored, answer.said)
    client_key = bytes(a ^ b for a, b in zip(answer.proof, mask, strict=True))
    signed = _hmac(kept.server, answer.said)
    return signed if hmac.compare_digest(hashlib.sha256(client_key).digest(), kept.stored) else None


def last_message(signed: bytes) -> bytes:
    """RFC 5802 §7: server-final-message of a sign-in that was right."""
    return b"v=" + base64.b64encode(signed)


class Dialogue:
    """One exchange. `salt_of`: the salt of a name, whether somebody has it or not; `nonce`: random, without a comma."""

    __slots__ = ("_first", "_header", "_iterations", "_nonce", "_salt", "_salt_of", "_server_first", "_username")

    def __init__(self, salt_of: Callable[[str], bytes], nonce: str, *, iterations: int = ITERATIONS) -> None:
        self._salt_of, self._nonce, self._iterations = salt_of, nonce, iterations
        self._header = self._first = self._server_first = self._username = ""
        self._salt = b""

    def first(self, message: str) -> bytes:
        """Take client-first-message and return server-first-message. Raises SaslRefused."""
        header, self._first = gs2.header(message)
        self._header = header.octets
        if self._first.startswith("m="):
            # RFC 5802 §5.1: `m` announces what must be understood, and nothing of the kind is.
            raise SaslRefused(Fault.EXTENSION)
        found = _FIRST.fullmatch(self._first)
        if found is None or len(found[2]) > NONCE_LIMIT:
            raise SaslRefused(Fault.FORM)
        _only_optional(found[3])
        self._username = gs2.name(found[1])
        if header.acting_as and header.acting_as.casefold() != self._username.casefold():
            raise SaslRefused(Fault.ACTING)
        self._nonce = found[2] + self._nonce
        self._salt = self._salt_of(self._username)
        self._server_first = f"r={self._nonce},s={base64.b64encode(self._salt).decode('ascii')},i={self._iterations}"
        return self._server_first.encode("ascii")

    def final(self, message: str) -> Answer:
        """Take client-final-message. Raises SaslRefused."""
        found = _FINAL.fullmatch(message)
        if found is None:
            raise SaslRefused(Fault.FORM)
        without_proof, binding, nonce, extensions, proof = found.groups()
        _only_optional(extensions)
        # RFC 5802 §5.1: `c` repeats the header of the first message and `r` the whole nonce, or somebody stands between.
        if _decoded(binding) != self._header.encode() or not hmac.compare_digest(nonce, self._nonce):
            raise SaslRefused(Fault.FORM)
        said = f"{self._first},{self._server_first},{without_proof}".encode()
        octets = _decoded(proof)
        if len(octets) != KEY_SIZE:
            raise SaslRefused(Fault.FORM)
        return Answer(self._username, self._salt, said, octets)


def _only_optional(extensions: str) -> None:
    if ",m=" in extensions:
        raise SaslRefused(Fault.EXTENSION)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise SaslRefused(Fault.FORM) from None


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, hashlib.sha256)
