"""Header blocks: octets to fields and back (RFC 5322 §2.2, §3.6.8; RFC 6532 raw UTF-8; RFC 2047 encoded words).

    field = field-name [WSP] ":" value *(CRLF WSP value) CRLF

Lines that are no field (an mbox "From ", garbage without a colon) are passed over and stay in the octets. Line ends may
be CRLF or LF. Nothing is read beyond the limits; the block's own bounds are always the true ones.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from server.mail import charset, encoded_word
from server.mail.limits import DEFAULT

_FIELD: Final = re.compile(rb"^([!-9;-~]++)[ \t]*+:((?:[^\n]*+\n[ \t])*+[^\n]*+\n?+)", re.MULTILINE)
_BLANK_LINE: Final = re.compile(rb"\n\r?\n")
_UNFOLD: Final = re.compile(rb"\r?\n(?=[ \t])")  # RFC 5322 §2.2.3: the line end goes, the white space stays
_LINE_ENDS: Final = re.compile(rb"[\r\n]+")
_REFUSED: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NAME: Final = re.compile("[!-9;-~]+")
LINE: Final = 78  # RFC 5322 §2.1.1: what a line should keep
LINE_LIMIT: Final = 998  # and what it must


@dataclass(frozen=True, slots=True)
class Field:
    name: str  # as written
    value: bytes  # unfolded, without surrounding white space
    raw: bytes  # with its line end


class HeaderBlock:
    """The fields of one header, in order; values are unfolded when they are asked for."""

    __slots__ = ("_field_octets", "_index", "_octets", "_spans")

    def __init__(
        self,
        octets: bytes,
        start: int,
        end: int,
        *,
        field_octets: int = DEFAULT.field_octets,
        fields: int = DEFAULT.header_fields,
    ) -> None:
        self._octets = octets
        self._field_octets = field_octets
        spans: list[tuple[int, int, int, int]] = []
        index: dict[bytes, list[int]] = {}
        position = start
        while len(spans) < fields:
            # A run of neighbours is matched one after the other; search only steps over garbage.
            match = _FIELD.match(octets, position, end) or _FIELD.search(octets, position, end)
            if match is None:
                break
            name = match[1].lower()
            if name in index:
                index[name].append(len(spans))
            else:
                index[name] = [len(spans)]
            spans.append((match.start(), match.end(1), match.start(2), match.end()))
            position = match.end()
        self._spans = spans
        self._index = index

    @property
    def fields(self) -> list[Field]:
        return [self._field(span) for span in self._spans]

    def __iter__(self) -> Iterator[Field]:
        return map(self._field, self._spans)

    def __len__(self) -> int:
        return len(self._spans)

    def __contains__(self, name: str) -> bool:
        return _key(name) in self._index

    def get(self, name: str) -> bytes | None:
        """The first field of that name: later ones are what forgers add (RFC 5322 §3.6 allows one)."""
        found = self._index.get(_key(name))
        return self._value(self._spans[found[0]]) if found else None

    def all(self, name: str) -> list[bytes]:
        return [self._value(self._spans[number]) for number in self._index.get(_key(name), ())]

    def count(self, name: str) -> int:
        return len(self._index.get(_key(name), ()))

    def text(self, name: str) -> str:
        """The first field of that name as one line of text; empty when there is none."""
        value = self.get(name)
        return "" if value is None else encoded_word.decode(value)

    def _value(self, span: tuple[int, int, int, int]) -> bytes:
        return unfold(self._octets[span[2] : min(span[3], span[2] + self._field_octets)])

    def _field(self, span: tuple[int, int, int, int]) -> Field:
        name = self._octets[span[0] : span[1]].decode("ascii", "replace")
        return Field(name, self._value(span), self._octets[span[0] : span[3]])


def _key(name: str) -> bytes:
    return name.lower().encode("utf-8", "replace")


def unfold(value: bytes) -> bytes:
    """A field body on one line. A bare CR, and a line end without white space after it, count as a space."""
    value = value.strip(b" \t\r\n")
    if b"\n" in value or b"\r" in value:
        value = _LINE_ENDS.sub(b" ", _UNFOLD.sub(b"", value))
    return value


def body_offset(raw: bytes, start: int, end: int) -> int:
    """Where the body begins: behind the first empty line, or at the end when there is none."""
    if raw.startswith(b"\n", start, end):
        return start + 1
    if raw.startswith(b"\r\n", start, end):
        return start + 2
    crlf = raw.find(b"\r\n\r\n", start, end)
    # A mixed or LF message has its empty line earlier; only the octets before the CRLF one can hold it.
    match = _BLANK_LINE.search(raw, start, end if crlf < 0 else crlf)
    if match is not None:
        return match.end()
    return end if crlf < 0 else crlf + 4


def split(
    raw: bytes,
    limit: int = DEFAULT.header_octets,
    *,
    start: int = 0,
    end: int | None = None,
    field_octets: int = DEFAULT.field_octets,
    fields: int = DEFAULT.header_fields,
) -> tuple[HeaderBlock, int]:
    """The header of the entity in raw[start:end], and the offset where its body begins."""
    last = len(raw) if end is None else end
    body = body_offset(raw, start, last)
    block = HeaderBlock(raw, start, min(body, start + limit), field_octets=field_octets, fields=fields)
    return block, body


decode_words = encoded_word.decode


def plain_text(value: bytes) -> str:
    """A value as one line of text, encoded words left as they are."""
    return encoded_word.plain(charset.decode(value, None))


def encode(name: str, value: str) -> bytes:
    """One header field with its line end: folded, in ASCII, with encoded words where the text needs them.

    Raises ValueError for a control character, a line end or half a surrogate pair: no value can start a second field.
    """
    if not _NAME.fullmatch(name):
        raise ValueError("not a header field name")
    if _REFUSED.search(value):
        raise ValueError("control character in a header value")
    before, middle, after = _encoded_region(value)
    tokens: list[bytes] = []
    if before:
        tokens += before.encode("ascii").split(b" ")
    if middle:
        used = len(name) + 2 + len(before)
        first_room = LINE - used % LINE if used < LINE else LINE
        tokens += encoded_word.encode(middle, first_room=min(first_room, 75))
    if after:
        tokens += after.encode("ascii").split(b" ")
    return fold(name.encode("ascii") + b":", tokens)


def _encoded_region(value: str) -> tuple[str, str, str]:
    """Cut the text into ASCII words, the region that must be encoded, and ASCII words again."""
    if value.isascii() and "=?" not in value and value == value.strip() and max(map(len, value.split(" "))) < LINE * 5:
        return value, "", ""
    if value != value.strip():
        return "", value, ""
    words = value.split(" ")
    needy = [number for number, word in enumerate(words) if not word.isascii() or "=?" in word or len(word) >= LINE * 5]
    first, last = needy[0], needy[-1] + 1
    # An empty word beside the region is a double space, which belongs to what is encoded.
    while first > 0 and not words[first - 1]:
        first -= 1
    while last < len(words) and not words[last]:
        last += 1
    return " ".join(words[:first]), " ".join(words[first:last]), " ".join(words[last:])


def fold(head: bytes, tokens: list[bytes]) -> bytes:
    """Tokens behind `head`, one space apart, broken before a token that would pass column 78."""
    out = [head]
    column = len(head)
    pending = 0  # spaces owed: an empty token is one more space, and a fold never leaves a line of spaces only
    for token in tokens:
        pending += 1
        if not token:
            continue
        if column + pending + len(token) > LINE and column > 1 and len(out) > 1:
            out.append(b"\r\n" + b" " * pending + token)
            column = pending + len(token)
        else:
            out.append(b" " * pending + token)
            column += pending + len(token)
        pending = 0
    out.append(b"\r\n")
    return b"".join(out)
