"""The folded text of a message that BODY and TEXT look through: its own words, then those of what is attached. Pure.

Whoever calls says how a document is read: at once, under small limits, or afterwards, by the process that reads documents.
"""

from collections.abc import Callable

from server.document import reader
from server.document.kind import CHEAP, Kind, kind_of
from server.document.limits import APART, AT_ONCE
from server.document.reader import Text
from server.mail.limits import DEFAULT
from server.mail.part import Part
from server.mail.part_content import decoded
from server.mail.summary import Summary
from server.store.fold import fold

CHARACTERS = DEFAULT.text
"""Text kept of one message, what is attached included; of what is more, the attachments' end is lost first."""
DOCUMENTS = 50
"""Attachments read of one message."""
FIRST = 5
"""Of these, how many are read where its sender waits, or apart from the process that reads: each may take some tens of milliseconds."""

Read = Callable[[Kind, Callable[[], bytes], int], Text]
"""Reads a document of a kind, whose octets a function gives, up to so many characters."""


def text_of(raw: bytes, summary: Summary, read: Read) -> tuple[str, bool]:
    """Return the text, and whether every document in it was read as far as it will ever be."""
    pieces = [summary.text, *summary.attached_names]
    room = CHARACTERS - sum(map(len, pieces)) - len(pieces)
    whole = True
    documents = [(part, kind) for part in summary.documents if (kind := kind_of(part)) is not None]
    for part, kind in documents[:DOCUMENTS]:
        if room <= 0:
            break
        found = read(kind, _octets(raw, part), room)
        whole = whole and found.whole
        if found.text:
            pieces.append(found.text[:room])
            room -= len(found.text) + 1
    return fold("\n".join(pieces)), whole


def read_at_once(kind: Kind, octets: Callable[[], bytes], room: int) -> Text:
    """Read what is cheap to read; the rest is said to be left."""
    if kind not in CHEAP:
        return Text("", whole=False)
    found = reader.read(kind, octets(), AT_ONCE)
    # Half of it would only be read again: it comes whole, or afterwards.
    return found if found.whole or len(found.text) >= room else Text("", whole=False)


def first_at_once() -> Read:
    """Return what reads the first documents of one message at once, as `read_at_once`, and leaves the others."""
    left = iter(range(FIRST))

    def read(kind: Kind, octets: Callable[[], bytes], room: int) -> Text:
        if kind in CHEAP and next(left, None) is None:
            return Text("", whole=False)
        return read_at_once(kind, octets, room)

    return read


def _octets(raw: bytes, part: Part) -> Callable[[], bytes]:
    return lambda: decoded(raw, part, limit=APART.octets + 1)
