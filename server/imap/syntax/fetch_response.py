"""The FETCH responses (RFC 9051 §7.5.2) of messages whose parts lie ready in columns.

`ENVELOPE`, `BODYSTRUCTURE` and `BODY` are copied as they were stored; nothing is parsed or built here, so a list of a thousand
messages costs a thousand joins.
"""

from collections.abc import Callable, Collection
from datetime import datetime
from functools import lru_cache
from typing import Protocol

from server.imap.syntax.date import format_date_time
from server.imap.syntax.fetch_att import BinarySize, Column, Section
from server.imap.syntax.response import flags as format_flags
from server.imap.syntax.response import literal, nstring, string


class MessageColumns(Protocol):
    """What a row of the store gives."""

    @property
    def uid(self) -> int: ...
    @property
    def modseq(self) -> int: ...
    @property
    def flags(self) -> frozenset[str]: ...
    @property
    def internaldate(self) -> datetime: ...
    @property
    def savedate(self) -> datetime: ...
    @property
    def size(self) -> int: ...
    @property
    def envelope(self) -> bytes: ...
    @property
    def bodystructure(self) -> bytes: ...
    @property
    def body(self) -> bytes: ...
    @property
    def preview(self) -> str: ...
    @property
    def email_id(self) -> str: ...
    @property
    def thread_id(self) -> str: ...


Piece = Callable[[MessageColumns], bytes]


@lru_cache(maxsize=4_096)
def flag_list(flags: frozenset[str]) -> bytes:
    """Few different sets of flags occur in a mailbox, so each is written once."""
    return format_flags(flags)


def _preview(message: MessageColumns) -> bytes:
    # RFC 8970 §3.1: a quoted string or literal of UTF-8; quoted 8-bit needs ENABLE, a literal is understood by everybody.
    return b"PREVIEW " + string(message.preview.encode("utf-8"))


_PIECES: dict[Column, Piece] = {
    Column.UID: lambda m: b"UID %d" % m.uid,
    Column.FLAGS: lambda m: b"FLAGS " + flag_list(m.flags),
    Column.INTERNALDATE: lambda m: b"INTERNALDATE " + format_date_time(m.internaldate),
    Column.SIZE: lambda m: b"RFC822.SIZE %d" % m.size,
    Column.ENVELOPE: lambda m: b"ENVELOPE " + m.envelope,
    Column.BODYSTRUCTURE: lambda m: b"BODYSTRUCTURE " + m.bodystructure,
    Column.BODY: lambda m: b"BODY " + m.body,
    Column.MODSEQ: lambda m: b"MODSEQ (%d)" % m.modseq,
    Column.EMAILID: lambda m: b"EMAILID (%s)" % m.email_id.encode("ascii"),
    Column.THREADID: lambda m: b"THREADID (%s)" % m.thread_id.encode("ascii") if m.thread_id else b"THREADID NIL",
    Column.SAVEDATE: lambda m: b"SAVEDATE " + format_date_time(m.savedate),
    Column.PREVIEW: _preview,
}


def pieces(columns: Collection[Column]) -> list[Piece]:
    return [_PIECES[column] for column in columns]


def fetch(sequence: int, items: list[bytes]) -> bytes:
    return b"* %d FETCH (%b)\r\n" % (sequence, b" ".join(items))


def uid_fetch(uid: int, items: list[bytes]) -> bytes:
    """RFC 9586 §3.3: what stands for FETCH where there are no message numbers."""
    return b"* %d UIDFETCH (%b)\r\n" % (uid, b" ".join(items))


def section_item(section: Section, octets: bytes | None) -> bytes:
    """BODY[...] data, cut to the partial range that was asked for."""
    label = section.label
    if section.partial is not None:
        start, count = section.partial
        label += b"<%d>" % start
        octets = None if octets is None else octets[start : start + count]
    if octets is None:
        return label + b" " + nstring(None)
    if b"\0" not in octets:
        return label + b" " + literal(octets)
    if section.binary:
        return label + b" ~" + literal(octets)  # RFC 3516 §4.2: literal8 where a literal may not hold NUL
    # RFC 9051 §9, CHAR8: damaged mail has NULs where no literal may; the octet stays one that is no text, and the size is right.
    return label + b" " + literal(octets.replace(b"\0", b"\x80"))


def binary_size_item(attribute: BinarySize, size: int) -> bytes:
    return attribute.label + b" %d" % size


def flag_update(sequence: int, uid: int, flags: frozenset[str], modseq: int | None, *, by_uid: bool = False) -> bytes:
    """An unsolicited FETCH: with MODSEQ for clients that keep it, always with UID (RFC 9051 §7.5.2 allows it)."""
    tail = b"" if modseq is None else b" MODSEQ (%d)" % modseq
    if by_uid:
        return b"* %d UIDFETCH (FLAGS %b%b)\r\n" % (uid, flag_list(flags), tail)
    return b"* %d FETCH (UID %d FLAGS %b%b)\r\n" % (sequence, uid, flag_list(flags), tail)
