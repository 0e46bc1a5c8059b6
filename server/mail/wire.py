r"""IMAP strings on the wire (RFC 9051 §4.3): `nstring = string / "NIL"`, `string = quoted / literal`.

Quoted where it is short ASCII on one line, else a literal; NUL has no form in either (RFC 9051 §9, CHAR8) and is dropped.
"""

import re
from typing import Final

NIL: Final = b"NIL"
_QUOTED_LIMIT: Final = 1_000
_NEEDS_LITERAL: Final = re.compile(rb"[\x00\r\n\x80-\xff]")
_QUOTED_SPECIAL: Final = re.compile(rb'["\\]')


def string(value: bytes) -> bytes:
    if len(value) > _QUOTED_LIMIT or _NEEDS_LITERAL.search(value):
        value = value.replace(b"\x00", b"")
        return b"{%d}\r\n%b" % (len(value), value)
    if b'"' in value or b"\\" in value:
        value = _QUOTED_SPECIAL.sub(rb"\\\g<0>", value)
    return b'"' + value + b'"'


def nstring(value: bytes | None) -> bytes:
    return NIL if value is None else string(value)


def text(value: str | None) -> bytes:
    return NIL if value is None else string(value.encode("utf-8", "replace"))
