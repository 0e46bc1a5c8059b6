"""IMAP ENVELOPE from a header (RFC 9051 §7.5.2).

    envelope = "(" env-date SP env-subject SP env-from SP env-sender SP env-reply-to SP env-to SP env-cc SP env-bcc SP
               env-in-reply-to SP env-message-id ")"

Values stand as written, unfolded and undecoded. A group begins with (NIL NIL name NIL) and ends with (NIL NIL NIL NIL);
therefore a mailbox without a domain has an empty host, never NIL.
"""

from collections.abc import Sequence
from typing import NamedTuple

from server.mail import address_list
from server.mail.address_list import Entry, Kind
from server.mail.header import HeaderBlock
from server.mail.limits import DEFAULT
from server.mail.wire import NIL, nstring, string

_GROUP_END = b"(NIL NIL NIL NIL)"
EMPTY = b"(" + b" ".join([NIL] * 10) + b")"


class AddressFields(NamedTuple):
    """The six address fields of a header, read once; sender and reply-to are as written, without their defaults."""

    from_: list[Entry]
    sender: list[Entry]
    reply_to: list[Entry]
    to: list[Entry]
    cc: list[Entry]
    bcc: list[Entry]


def address_fields(block: HeaderBlock, *, limit: int = DEFAULT.addresses) -> AddressFields:
    def read(name: str) -> list[Entry]:
        value = block.get(name)
        return address_list.read(value, limit) if value else []

    return AddressFields(read("from"), read("sender"), read("reply-to"), read("to"), read("cc"), read("bcc"))


def envelope(block: HeaderBlock, lists: AddressFields | None = None, *, limit: int = DEFAULT.addresses) -> bytes:
    lists = lists or address_fields(block, limit=limit)
    from_ = addresses(lists.from_)
    # RFC 9051 §7.5.2: an absent or empty Sender or Reply-To shows what From shows.
    sender = addresses(lists.sender) if lists.sender else from_
    reply_to = addresses(lists.reply_to) if lists.reply_to else from_
    return b"(%b %b %b %b %b %b %b %b %b %b)" % (
        nstring(block.get("date")),
        nstring(block.get("subject")),
        from_,
        sender,
        reply_to,
        addresses(lists.to),
        addresses(lists.cc),
        addresses(lists.bcc),
        nstring(block.get("in-reply-to")),
        nstring(block.get("message-id")),
    )


def addresses(entries: Sequence[Entry]) -> bytes:
    """`"(" 1*address ")" / nil`; address = "(" name SP adl SP mailbox SP host ")"."""
    if not entries:
        return NIL
    return b"(" + b"".join(map(_address, entries)) + b")"


def _address(entry: Entry) -> bytes:
    if entry.kind is Kind.GROUP_END:
        return _GROUP_END
    if entry.kind is Kind.GROUP_START:
        return b"(NIL NIL %b NIL)" % string(entry.name)
    return b"(%b %b %b %b)" % (
        string(entry.name) if entry.name else NIL,
        string(entry.route) if entry.route else NIL,
        string(entry.local),
        string(entry.domain),
    )
