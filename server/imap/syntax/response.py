"""Responses as bytes (RFC 9051 §7). Every function returns whole tokens or whole lines; strings take the cheapest right form.

A quoted string may hold anything but CR, LF and NUL; quotes and backslashes are escaped. UTF-8 is sent quoted only to clients that
asked for it (ENABLE IMAP4rev2 or UTF8=ACCEPT), otherwise as a literal.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

CRLF = b"\r\n"
_ATOM = re.compile(rb"[^\x00-\x20(){%*\"\\\x7f-\xff]+\Z")
_PLAIN = re.compile(rb"[\x20\x21\x23-\x5b\x5d-\x7e]*\Z")
_QUOTABLE = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-\x7f]*\Z")
_QUOTABLE_UTF8 = re.compile(rb"[^\x00\r\n]*\Z")
_SPECIAL = re.compile(rb'(["\\])')
_UNSAFE_TEXT = re.compile(r"[^\x20-\x7e]")
_LONGEST_QUOTED = 1_000


@dataclass(frozen=True, slots=True)
class Reply:
    """How a command ended: OK with an optional response code and text; `untagged` lines go before it."""

    text: str
    code: bytes | None = None
    untagged: tuple[bytes, ...] = ()


def string(value: bytes, *, utf8: bool = False) -> bytes:
    """`value` as a quoted string or a literal."""
    if len(value) <= _LONGEST_QUOTED:
        if _PLAIN.match(value):
            return b'"' + value + b'"'
        if (_QUOTABLE_UTF8 if utf8 else _QUOTABLE).match(value):
            return b'"' + _SPECIAL.sub(rb"\\\1", value) + b'"'
    return literal(value)


def literal(value: bytes) -> bytes:
    return b"{%d}\r\n" % len(value) + value


def nstring(value: bytes | None, *, utf8: bool = False) -> bytes:
    return b"NIL" if value is None else string(value, utf8=utf8)


def astring(value: bytes) -> bytes:
    """`value` as an atom where it can be one; NIL is quoted so that nobody takes it for nothing."""
    if _ATOM.match(value) and value.upper() != b"NIL":
        return value
    return string(value)


def parenthesised(items: Iterable[bytes]) -> bytes:
    return b"(" + b" ".join(items) + b")"


def flags(names: Iterable[str]) -> bytes:
    return b"(" + " ".join(sorted(names)).encode("ascii", "replace") + b")"


def text(words: str) -> bytes:
    """Human text for the end of a line: one line of printable ASCII, whatever it was made of."""
    return _UNSAFE_TEXT.sub("?", words)[:500].encode("ascii")


def untagged(*parts: bytes) -> bytes:
    return b"* " + b" ".join(parts) + CRLF


def status(tag: bytes, condition: bytes, words: str, code: bytes | None = None) -> bytes:
    """`tag OK [CODE] words`; `tag` is `*` for an untagged condition."""
    middle = b" [" + code + b"] " if code else b" "
    return tag + b" " + condition + middle + text(words) + CRLF


def continuation(words: bytes = b"") -> bytes:
    return b"+ " + words + CRLF
