"""What the untagged responses of an IMAP server say: attributes of messages, capabilities, facts of a mailbox. Pure.

Invariant: any octets are read without an error; what cannot be understood is left out.
"""

import re
from collections.abc import Iterator, Sequence

NUMBER_LIMIT = 2**32
_TOKEN = re.compile(rb'(\()|(\))|"((?:[^"\\]|\\.)*)"|([^\s()"]+)', re.DOTALL)


def attributes(pieces: Sequence[bytes], start: int) -> dict[bytes, bytes | None]:
    """Read the list behind FETCH (RFC 9051 §7.5.2): name to atom, string or literal; lists inside it are passed over."""
    found: dict[bytes, bytes | None] = {}
    name: bytes | None = None
    depth = 0
    for token in _tokens(pieces, start):
        if token == b"(":
            depth += 1
            continue
        value: bytes | None = None
        if token == b")":
            depth -= 1
        elif isinstance(token, tuple):
            value = token[0]
        else:
            value = None if token.upper() == b"NIL" else token
        if depth != 1:
            continue
        if name is None:
            name = (value or b"").upper()
        else:
            found[name], name = value, None
    return found


def _tokens(pieces: Sequence[bytes], start: int) -> Iterator[bytes | tuple[bytes]]:
    """Yield atoms and parentheses as they are, strings and literals in a tuple."""
    for place, piece in enumerate(pieces):
        if place % 2:
            yield (piece,)
            continue
        end = len(piece) if place == len(pieces) - 1 else piece.rindex(b"{")
        for match in _TOKEN.finditer(piece, start if place == 0 else 0, end):
            if match[3] is not None:
                yield (re.sub(rb"\\(.)", rb"\1", match[3], flags=re.DOTALL),)
            else:
                yield match[0]


def capabilities(payload: bytes) -> frozenset[str]:
    """RFC 9051 §7.2.2: the words behind CAPABILITY, in capitals."""
    lines = [line.split() for line in payload.decode("utf-8", "replace").upper().split("\r\n")]
    return frozenset(word for words in lines if words and words[0] == "CAPABILITY" for word in words[1:])


_FACT = re.compile(rb"OK \[(UIDVALIDITY|UIDNEXT) (\d{1,10})\]|(\d{1,10}) (EXISTS)|OK \[(UIDNOTSTICKY)\]", re.IGNORECASE)


def facts(payload: bytes) -> dict[str, int]:
    """RFC 9051 §6.3.2: EXISTS, UIDVALIDITY and UIDNEXT as SELECT gives them, 0 where it does not."""
    found = {"EXISTS": 0, "UIDVALIDITY": 0, "UIDNEXT": 0, "UIDNOTSTICKY": 0}
    for line in payload.split(b"\r\n"):
        fact = _FACT.match(line)
        if fact:
            name = (fact[1] or fact[4] or fact[5]).decode("ascii").upper()
            found[name] = int(fact[2] or fact[3] or 1)
    return found


def sizes(payload: bytes) -> dict[int, int]:
    """Return UID to size of a listing, in the order of the UIDs; -1 where a size is missing."""
    found: dict[int, int] = {}
    for line in payload.split(b"\r\n"):
        uid, _, size = line.partition(b" ")
        if uid.isdigit() and len(uid) <= 10 and 0 < int(uid) < NUMBER_LIMIT:
            found[int(uid)] = int(size) if size.isdigit() and len(size) <= 15 else -1
    return dict(sorted(found.items()))
