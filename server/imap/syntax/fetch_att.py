"""What FETCH may ask of a message (RFC 9051 §6.4.5), as values.

    fetch-att = "ENVELOPE" / "FLAGS" / "INTERNALDATE" / "RFC822.SIZE" / "BODY" ["STRUCTURE"] / "UID" /
                "BODY" section [partial] / "BODY.PEEK" section [partial] /
                "BINARY" [".PEEK"] section-binary [partial] / "BINARY.SIZE" section-binary
    section   = "[" [section-spec] "]"
    partial   = "<" number64 "." nz-number64 ">"

RFC 3501 adds RFC822, RFC822.HEADER and RFC822.TEXT; RFC 7162 MODSEQ; RFC 8474 EMAILID and THREADID; RFC 8514 SAVEDATE; RFC 8970
PREVIEW.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from server.imap.syntax.error import ProtocolError
from server.imap.syntax.response import astring
from server.imap.syntax.token import MAX_NUMBER64, Reader
from server.mail.section import Kind


class Column(Enum):
    """What the store keeps ready in columns; the value is the name on the wire."""

    UID = b"UID"
    FLAGS = b"FLAGS"
    INTERNALDATE = b"INTERNALDATE"
    SIZE = b"RFC822.SIZE"
    ENVELOPE = b"ENVELOPE"
    BODYSTRUCTURE = b"BODYSTRUCTURE"
    BODY = b"BODY"
    MODSEQ = b"MODSEQ"
    EMAILID = b"EMAILID"
    THREADID = b"THREADID"
    SAVEDATE = b"SAVEDATE"
    PREVIEW = b"PREVIEW"


@dataclass(frozen=True, slots=True)
class Section:
    """BODY[...], BINARY[...] or one of the RFC822 forms. `label` is how the answer names it, without partial."""

    path: str = ""
    kind: Kind = ""
    names: tuple[str, ...] = ()
    partial: tuple[int, int] | None = None
    peek: bool = False
    binary: bool = False
    label: bytes = b"BODY[]"


@dataclass(frozen=True, slots=True)
class BinarySize:
    path: str
    label: bytes


FetchAttribute = Column | Section | BinarySize

_MACROS = {
    "ALL": (Column.FLAGS, Column.INTERNALDATE, Column.SIZE, Column.ENVELOPE),
    "FAST": (Column.FLAGS, Column.INTERNALDATE, Column.SIZE),
    "FULL": (Column.FLAGS, Column.INTERNALDATE, Column.SIZE, Column.ENVELOPE, Column.BODY),
}
_COLUMNS = {column.value.decode(): column for column in Column}
_OLD_FORMS = {
    "RFC822": Section(label=b"RFC822"),
    "RFC822.HEADER": Section(kind="HEADER", peek=True, label=b"RFC822.HEADER"),
    "RFC822.TEXT": Section(kind="TEXT", label=b"RFC822.TEXT"),
}
_SECTIONS = {
    "BODY": (False, False),
    "BODY.PEEK": (True, False),
    "BINARY": (False, True),
    "BINARY.PEEK": (True, True),
}
_PATH = re.compile(r"[1-9][0-9]{0,5}(?:\.[1-9][0-9]{0,5}){0,99}\Z")
_KINDS: tuple[Kind, ...] = ("HEADER.FIELDS.NOT", "HEADER.FIELDS", "HEADER", "TEXT", "MIME")
MAX_ATTRIBUTES = 200
MAX_HEADER_NAMES = 200


def parse_attributes(reader: Reader) -> tuple[FetchAttribute, ...]:
    """`ALL`, one attribute, or a list of them."""
    if reader.peek() == b"(":
        return reader.parenthesised(lambda: parse_attribute(reader), limit=MAX_ATTRIBUTES)
    macro = reader.try_keyword(*_MACROS)
    if macro is not None:
        return _MACROS[macro]
    return (parse_attribute(reader),)


def parse_attribute(reader: Reader) -> FetchAttribute:
    name = reader.keyword("A fetch attribute")
    if reader.peek() == b"[":
        if name == "BINARY.SIZE":
            path = _binary_path(reader)
            return BinarySize(path, b"BINARY.SIZE[%s]" % path.encode())
        if name in _SECTIONS:
            return _section(reader, *_SECTIONS[name])
    elif name in _COLUMNS:
        if name == "PREVIEW":
            # RFC 8970 §3: previews are made at append, so LAZY changes nothing. (FUZZY is of older drafts; Apple sends it.)
            _ = reader.try_text(b" (LAZY)") or reader.try_text(b" (FUZZY)")
        return _COLUMNS[name]
    elif name in _OLD_FORMS:
        return _OLD_FORMS[name]
    raise ProtocolError("Unknown fetch attribute")


def _section(reader: Reader, peek: bool, binary: bool) -> Section:
    if binary:
        path = _binary_path(reader)
        return Section(path, "", (), _partial(reader), peek, binary, b"BINARY[%s]" % path.encode())
    reader.octet(b"[", "A bracket is missing")
    text = "" if reader.peek() == b"]" else reader.keyword("A section")
    path, kind = _split(text)
    names: tuple[str, ...] = ()
    if kind.startswith("HEADER.FIELDS"):
        reader.space()
        names = reader.parenthesised(lambda: _header_name(reader), limit=MAX_HEADER_NAMES)
    reader.octet(b"]", "A bracket is missing")
    label = (
        b"BODY["
        + text.encode()
        + (b" (" + b" ".join(astring(n.encode()) for n in names) + b")" if names else b"")
        + b"]"
    )
    return Section(path, kind, names, _partial(reader), peek, binary, label)


def _header_name(reader: Reader) -> str:
    value = reader.astring()
    # RFC 5322 §3.6.8: printable ASCII but the colon.
    if not value or any(octet <= 0x20 or octet >= 0x7F or octet == 0x3A for octet in value):
        reader.fail("A header field name is malformed")
    return value.decode("ascii")


def _split(text: str) -> tuple[str, Kind]:
    """`1.2.MIME` -> (`1.2`, `MIME`)."""
    if not text:
        return "", ""
    found: Kind = ""
    for kind in _KINDS:
        if text == kind or text.endswith("." + kind):
            path, found = text.removesuffix(kind).removesuffix("."), kind
            break
    else:
        path = text
    # RFC 9051 §9: MIME needs a part number before it.
    if (path and not _PATH.match(path)) or (found == "MIME" and not path) or (not path and not found):
        raise ProtocolError("The section is malformed")
    return path, found


def _binary_path(reader: Reader) -> str:
    reader.octet(b"[", "A bracket is missing")
    path = "" if reader.peek() == b"]" else reader.keyword("A section")
    if path and not _PATH.match(path):
        reader.fail("The section is malformed")
    reader.octet(b"]", "A bracket is missing")
    return path


def _partial(reader: Reader) -> tuple[int, int] | None:
    if not reader.try_octet(b"<"):
        return None
    start = reader.number64()
    reader.octet(b".", "A partial range is malformed")
    count = reader.positive(MAX_NUMBER64)
    reader.octet(b">", "A partial range is malformed")
    return start, count


def serialise(attributes: Iterable[FetchAttribute]) -> bytes:
    """The attributes as a client would ask for them."""
    return b"(" + b" ".join(_one(attribute) for attribute in attributes) + b")"


def _one(attribute: FetchAttribute) -> bytes:
    if isinstance(attribute, Column):
        return attribute.value
    if isinstance(attribute, BinarySize) or attribute.label.startswith(b"RFC822"):
        return attribute.label
    word, bracket, rest = attribute.label.partition(b"[")
    text = word + (b".PEEK" if attribute.peek else b"") + bracket + rest
    return text + (b"<%d.%d>" % attribute.partial if attribute.partial else b"")
