"""Structured MIME fields: a value and its parameters (RFC 2045 §5.1, RFC 2183 §2, RFC 2231 continuations and charsets).

    field = value *(";" attribute "=" (token / quoted-string))

One pass, at most 128 parameters: a bomb of continuations costs what its octets cost (CVE-2026-27859). The first of two
parameters with one name counts.
"""

import re
from typing import Final
from urllib.parse import quote_from_bytes, unquote_to_bytes

from server.mail import charset, encoded_word
from server.mail.limits import DEFAULT

# An unquoted value may hold spaces (file names do), but a word with "=" after a space begins the next parameter.
_PARAMETER: Final = re.compile(
    rb"""([^\x00-\x20\x7f-\xff=;"()]++)\s*+=\s*+(?:"([^"\\]*+(?:\\.[^"\\]*+)*+)"?+|((?:[^;"(\s]++|\s++(?![^\s=;"()]{1,64}+=))*+))""",
    re.DOTALL,
)
_SEPARATOR: Final = re.compile(rb"[;\s]++")
_SKIP: Final = re.compile(rb'[^;"]*+(?:"[^"]*+"?+[^;"]*+)*+')  # up to the next semicolon outside of quotes
_QUOTED_PAIR: Final = re.compile(rb"\\(.)", re.DOTALL)
_COMMENT: Final = re.compile(rb"\([^()]*+\)")
_TOKEN: Final = re.compile(rb"[!#$%&'*+.^_`{|}~0-9A-Za-z-]++")
_HEAD: Final = re.compile(rb"\s*+([^\s;(/\"]*+)")
_TYPE: Final = re.compile(rb"\s*+([\w!#$&^.+-]++)\s*+(?:/\s*+([\w!#$&^.+-]*+))?+", re.ASCII)
_USUAL: Final = re.compile(rb"([\w.+-]++)/([\w.+-]++)(?:;\s*+(\w++)=(\"?+)([\w.=+:/-]*+)\4)?+")


def parse(value: bytes, *, limit: int = DEFAULT.parameters) -> tuple[str, dict[str, str]]:
    """The word before the parameters, in lower case, and the parameters by lower-case name."""
    match = _HEAD.match(value)
    word = b"" if match is None else match[1]
    params = _parameters(value, 0 if match is None else match.end(), limit)
    return word.decode("ascii", "replace").lower(), params


def content_type(value: bytes, *, limit: int = DEFAULT.parameters) -> tuple[str, str, dict[str, str]] | None:
    """Type, subtype and parameters of a Content-Type; None when it names no type (RFC 2045 §5.2 has the default)."""
    usual = _USUAL.fullmatch(value)
    if usual is not None:
        params = {usual[3].decode().lower(): usual[5].decode()} if usual[3] else {}
        return usual[1].decode().lower(), usual[2].decode().lower(), params
    if b"(" in value:  # RFC 2045 §5.1 allows comments between any two tokens
        head, semicolon, rest = value.partition(b";")
        value = _COMMENT.sub(b" ", head) + semicolon + rest
    match = _TYPE.match(value)
    if match is None:
        return None
    params = _parameters(value, match.end(), limit)
    kind, sub = match[1].decode().lower(), (match[2] or b"").decode().lower()
    if sub:
        return kind, sub, params
    if kind == "text":  # "Content-Type: text" of the age before MIME
        return "text", "plain", params
    # A type without its half, but a file name: nothing to show as text.
    return ("application", "octet-stream", params) if "name" in params or "filename" in params else None


def _parameters(value: bytes, position: int, limit: int) -> dict[str, str]:
    raw: dict[str, bytes] = {}
    end = len(value)
    while position < end and len(raw) < limit:
        separator = _SEPARATOR.match(value, position)
        if separator is not None:
            position = separator.end()
        match = _PARAMETER.match(value, position)
        if match is None:
            skipped = _SKIP.match(value, position)
            position = max(end if skipped is None else skipped.end(), position + 1)
            continue
        position = match.end()
        name = match[1].decode("ascii", "replace").lower()
        if match[2] is not None:
            text = _QUOTED_PAIR.sub(rb"\1", match[2]) if b"\\" in match[2] else match[2]
        else:
            text = match[3].strip()
        raw.setdefault(name, text)
    if any("*" in name for name in raw):
        return _joined(raw)
    return {name: _text(text) for name, text in raw.items()}


def _text(octets: bytes) -> str:
    return encoded_word.plain(charset.decode(octets, None))


def _joined(raw: dict[str, bytes]) -> dict[str, str]:
    """RFC 2231 §3 and §4: name*0*, name*1, ... are one value; name* carries its charset and percent encoding."""
    out: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[bytes, bool]]] = {}
    for name, text in raw.items():
        base, star, rest = name.partition("*")
        if not star or not base:
            out.setdefault(name, _text(text))
        elif not rest:
            pieces.setdefault(base, {})[-1] = (text, True)
        else:
            number = rest.removesuffix("*")
            if number.isdecimal() and number.isascii() and len(number) <= 4:
                pieces.setdefault(base, {}).setdefault(int(number), (text, rest.endswith("*")))
    for base, parts in pieces.items():
        # RFC 2231 beats the plain spelling that stands beside it for old readers (RFC 6266 §4.3 says so for HTTP).
        out[base] = _value(parts)
    return out


def _value(parts: dict[int, tuple[bytes, bool]]) -> str:
    if -1 in parts:
        ordered = [parts[-1]]
    else:
        ordered = []
        number = min(parts)  # some senders count from 1
        while number in parts:
            ordered.append(parts[number])
            number += 1
    label: str | None = None
    octets = bytearray()
    for position, (text, extended) in enumerate(ordered):
        piece = text
        if extended:
            if position == 0 and piece.count(b"'") >= 2:
                name, _, rest = piece.partition(b"'")
                label = name.decode("ascii", "replace")
                piece = rest.partition(b"'")[2]
            piece = unquote_to_bytes(piece)
        octets += piece
    return encoded_word.plain(charset.decode(bytes(octets), label))


def encode(name: str, value: str) -> list[bytes]:
    """A parameter as it stands in a header, `name=value` in one or more pieces that each keep a line short.

    Raises ValueError on control characters.
    """
    if any(ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 for char in value):
        raise ValueError("control character in a parameter")
    key = name.encode("ascii")
    if value.isascii() and len(value) <= 60:
        text = value.encode("ascii")
        if _TOKEN.fullmatch(text):
            return [key + b"=" + text]
        return [key + b'="' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"']
    encoded = percent(value)
    if len(encoded) <= 54:
        return [key + b"*=utf-8''" + encoded]
    pieces: list[bytes] = []
    position = 0
    while position < len(encoded):
        end = min(position + 54, len(encoded))
        while end < len(encoded) and b"%" in encoded[end - 2 : end]:  # never cut a %XX in two
            end -= 1
        chunk = encoded[position:end]
        pieces.append(key + b"*%d*=" % len(pieces) + (b"" if pieces else b"utf-8''") + chunk)
        position = end
    return pieces


def percent(value: str) -> bytes:
    """RFC 2231 §4 / RFC 8187 attr-char: everything else as %XX of its UTF-8 octets."""
    return quote_from_bytes(value.encode("utf-8", "replace"), safe="!#$&+^`|").encode("ascii")
