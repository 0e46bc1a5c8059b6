"""Arguments of GETMETADATA and SETMETADATA, and the METADATA option of LIST (RFC 5464 §5, RFC 9590)."""

import re

from server.imap.syntax import command as c
from server.imap.syntax.token import Reader

MAX_ENTRIES = 100
ENTRY_LENGTH = 255
_DEPTHS: dict[str, int | None] = {"0": 0, "1": 1, "INFINITY": None}

# RFC 5464 §3.2: components separated by single slashes, no asterisk, no percent, no octets up to 0x19, ASCII only.
_ENTRY = re.compile(rb"/(?:private|shared)(?:/[^/\x00-\x19*%\x80-\xff]+)*\Z", re.IGNORECASE)
_SETTABLE = re.compile(r"/[^/]+/(?!vendor(?:/[^/]+)?\Z)", re.IGNORECASE)


def entry(reader: Reader) -> str:
    """Read entry (RFC 5464 §5): an astring, a path of components between slashes."""
    value = reader.astring()
    if len(value) > ENTRY_LENGTH or _ENTRY.match(value) is None:
        reader.fail("This is no name of an annotation")
    return value.decode("ascii")


def entries(reader: Reader) -> tuple[str, ...]:
    """Read entries: one, or `(entry entry ...)`; what is there in several spellings is asked for once (names are case-insensitive)."""
    if reader.peek() != b"(":
        return (entry(reader),)
    distinct: dict[str, str] = {}
    for name in reader.parenthesised(lambda: entry(reader), limit=MAX_ENTRIES):
        distinct.setdefault(name.lower(), name)
    return tuple(distinct.values())


def get_metadata(reader: Reader) -> c.GetMetadata:
    """Read getmetadata.

    getmetadata = "GETMETADATA" [SP getmetadata-options] SP mailbox SP entries

    The grammar has the options before the mailbox, the examples of RFC 5464 §4.2 have them after it: both are taken.
    """
    reader.space()
    options: dict[str, int | None] = {}
    if _begin_options(reader):
        options = _options(reader)
    mailbox = reader.mailbox()
    reader.space()
    if not options and _begin_options(reader):
        options = _options(reader)
    return c.GetMetadata(mailbox, entries(reader), options.get("MAXSIZE"), options.get("DEPTH", 0))


def _begin_options(reader: Reader) -> bool:
    """Whether a list of options begins here, which an entry cannot look like; its parenthesis is taken."""
    return reader.try_before(b"(", b"MD")


def _options(reader: Reader) -> dict[str, int | None]:
    options: dict[str, int | None] = {}
    while True:
        name = reader.keyword("An option")
        reader.space()
        if name in options:
            reader.fail("An option is there twice")
        if name == "MAXSIZE":
            options[name] = reader.number()
        elif name == "DEPTH":
            word = reader.keyword("A depth")
            if word not in _DEPTHS:
                reader.fail("A depth is 0, 1 or infinity")
            options[name] = _DEPTHS[word]
        else:
            reader.fail("Unknown option")
        if reader.try_octet(b")"):
            reader.space()
            return options
        reader.space()


def set_metadata(reader: Reader) -> c.SetMetadata:
    """Read setmetadata.

    setmetadata = "SETMETADATA" SP mailbox SP "(" entry-value *(SP entry-value) ")" ; entry-value = entry SP value
    """
    reader.space()
    mailbox = reader.mailbox()
    reader.space()
    return c.SetMetadata(mailbox, reader.parenthesised(lambda: _entry_value(reader), limit=MAX_ENTRIES))


def _entry_value(reader: Reader) -> tuple[str, bytes | None]:
    """Read entry-value, where value = nstring / literal8."""
    name = entry(reader)
    if _SETTABLE.match(name) is None:
        reader.fail("The name of the annotation is too short")  # RFC 5464 §3.2: two components, under vendor four
    reader.space()
    return name, reader.literal(binary=True) if reader.at_literal else reader.nstring()
