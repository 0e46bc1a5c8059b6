"""Rights as they stand on the wire (RFC 4314 §2), with the two that older clients know them by.

RFC 4314 §2.1.1: `c` is `k` and `x` together, `d` is `e` and `t`; they are understood, and told wherever one of their members is.
"""

from collections.abc import Set as AbstractSet

from server.imap.syntax.error import ProtocolError
from server.imap.syntax.response import astring

STANDARD = "lrswipkxtea"
VIRTUAL = {"c": "kx", "d": "et"}
_TOLD = "lrswipkxtecda"


def read_rights(text: str) -> frozenset[str]:
    """Read the letters; raises ProtocolError for one that is none (RFC 4314 §3.1: never passed over)."""
    held: set[str] = set()
    for letter in text:
        if letter not in STANDARD and letter not in VIRTUAL:
            raise ProtocolError("Unknown right")
        held.update(VIRTUAL.get(letter, letter))
    return frozenset(held)


def format_rights(held: AbstractSet[str]) -> bytes:
    """The letters as an astring."""
    told = "".join(letter for letter in _TOLD if letter in held or not held.isdisjoint(VIRTUAL.get(letter, "")))
    return astring(told.encode("ascii"))


def optional_rights() -> tuple[bytes, ...]:
    """Rights that anybody but the owner may be given, each apart, none tied to another (RFC 4314 §3.7)."""
    return tuple(letter.encode("ascii") for letter in _TOLD)
