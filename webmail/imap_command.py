"""IMAP commands as bytes: the one place where a value becomes part of a command line.

Invariant: no NUL, CR or LF ever reaches the wire inside an argument (threat T128: imapclient splits commands there).
Values that people typed or that mail carries travel as literals, so that no quoting rule can be got wrong.
RFC 9051 §9 (formal syntax), RFC 7888 (LITERAL+).
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MAX_VALUE = 1_000
_FORBIDDEN = re.compile(r"[\x00\r\n]")
_ATOM = re.compile(r"[A-Za-z0-9\\$_.:*+/=<>,-]+\Z")
_FLAG = re.compile(r"\\?[^\x00-\x20\x7f(){%*\"\\\]\x80-\U0010ffff]+\Z")
_FETCH_ITEM = re.compile(r"[A-Z0-9.]+(\[[A-Z0-9. ()-]*\])?(<\d+\.\d+>)?\Z", re.IGNORECASE)


class BadArgument(ValueError):
    """A value that must not be put into a command."""


@dataclass(frozen=True, slots=True)
class Value:
    """A search value: always sent as a literal in UTF-8."""

    text: str


@dataclass(frozen=True, slots=True)
class Literal:
    """Octets sent as they are, with their length in front."""

    data: bytes


Piece = bytes | Literal
Token = str | Value


def refuse(text: str) -> str:
    """Give the text back, or refuse it when it could end a command line."""
    if _FORBIDDEN.search(text):
        raise BadArgument("a line break or NUL in an argument")
    return text


def atom(text: str) -> bytes:
    """A word of the protocol itself (SEEN, RETURN, 1:50), never something that a person typed."""
    if not _ATOM.match(text):
        raise BadArgument("not an atom")
    return text.encode("ascii")


def quoted(text: str) -> bytes:
    """An ASCII quoted string, as mailbox names in modified UTF-7 are."""
    # RFC 9051 §4.3: a quoted string holds any character but CR and LF; `\\` and `"` are escaped.
    refuse(text)
    return b'"' + text.replace("\\", "\\\\").replace('"', '\\"').encode("ascii") + b'"'


def value(text: str, limit: int = MAX_VALUE) -> Literal:
    """What a person searches for."""
    refuse(text)
    if len(text) > limit:
        raise BadArgument("a search value is too long")
    return Literal(text.encode("utf-8", "replace"))


def flags(names: Iterable[str]) -> bytes:
    r"""A flag list: `(\Seen $Junk)`."""
    checked = list(names)
    for name in checked:
        if not _FLAG.match(name):
            raise BadArgument("not a flag")
    return b"(" + " ".join(checked).encode("ascii") + b")"


def fetch_items(names: Sequence[str]) -> bytes:
    """The item list of a FETCH."""
    for name in names:
        if not _FETCH_ITEM.match(name):
            raise BadArgument("not a fetch item")
    return b"(" + " ".join(names).encode("ascii") + b")"


def uid_set(uids: Iterable[int]) -> bytes:
    """UIDs as the shortest set: 1:3,7."""
    # RFC 9051 §9: seq-number = nz-number, 32 bits.
    numbers = sorted(set(uids))
    if not numbers or numbers[0] < 1 or numbers[-1] > 0xFFFFFFFF:
        raise BadArgument("not a set of UIDs")
    runs: list[str] = []
    start = last = numbers[0]
    for number in [*numbers[1:], 0]:
        if number == last + 1:
            last = number
            continue
        runs.append(str(start) if start == last else f"{start}:{last}")
        start = last = number
    return ",".join(runs).encode("ascii")


def criteria(tokens: Sequence[Token]) -> list[Piece]:
    """Search keys, with the spaces that the grammar wants: none after `(` and none before `)`."""
    parts: list[Piece] = []
    space = False
    for key in tokens:
        if key == ")":
            parts.append(b")")
            space = True
            continue
        if space:
            parts.append(b" ")
        if key == "(":
            parts.append(b"(")
            space = False
            continue
        parts.append(value(key.text) if isinstance(key, Value) else atom(key))
        space = True
    return parts


def needs_utf8(tokens: Sequence[Token]) -> bool:
    """Whether a charset must be named (RFC 9051 §6.4.4: without one, US-ASCII for old servers)."""
    return any(isinstance(token, Value) and not token.text.isascii() for token in tokens)
