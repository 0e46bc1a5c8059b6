"""What the collector has to know of a message's octets: who it is, when it came, where failures would go. Pure.

Two hashes tell messages apart. `content_hash` is that of all octets. `header_hash` leaves out the fields that some servers
change from one session to the next, and can be had from TOP as well as from RETR.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from server.mail import date, header
from server.mail.address import parse_addr_spec
from server.mail.message_id import parse_all

HEADER_LIMIT = 2**20
HASH_SIZE = 32
OLDEST = datetime(1980, 1, 1, tzinfo=UTC)
"""No mail that can be fetched is older; an earlier date is a broken clock."""
_VOLATILE = frozenset(
    {"status", "x-status", "x-uidl", "x-uid", "x-keywords", "content-length", "lines", "x-mozilla-status"}
    | {"x-mozilla-status2", "x-evolution", "x-pop3-rcpt", "x-getmail-retrieved-from-mailbox"}
)


@dataclass(frozen=True, slots=True)
class Facts:
    """Of one whole message."""

    header_hash: str
    content_hash: str
    message_id: str | None
    arrived: datetime
    reverse_path: str


def read(raw: bytes, *, now: datetime) -> Facts:
    """Read what is needed, in one look at the header; never fails on any octets."""
    block, _ = header.split(raw, HEADER_LIMIT)
    ids = parse_all(block.get("message-id") or b"")
    return Facts(
        _header_hash(block),
        hashlib.sha256(raw).hexdigest()[:HASH_SIZE],
        ids[0] if ids else None,
        _arrived(block, now),
        _reverse_path(block),
    )


def header_hash(raw: bytes) -> str:
    """Hash what TOP n 0 gives; equal to that of the whole message."""
    block, _ = header.split(raw, HEADER_LIMIT)
    return _header_hash(block)


def _header_hash(block: header.HeaderBlock) -> str:
    digest = hashlib.sha256()
    for field in block.fields:
        name = field.name.lower()
        if name not in _VOLATILE:
            digest.update(name.encode("utf-8", "replace") + b":" + b" ".join(field.value.split()) + b"\n")
    return digest.hexdigest()[:HASH_SIZE]


def _arrived(block: header.HeaderBlock, now: datetime) -> datetime:
    """Return when the provider took it (the topmost Received, RFC 5321 §4.4), else when it was written, else now."""
    top = next(iter(block.all("received")), b"")
    for moment in (date.parse(top.rpartition(b";")[2]) if b";" in top else None, date.parse(block.get("date") or b"")):
        if moment is not None and OLDEST <= moment <= now:
            return moment.astimezone(UTC)
    return now


def _reverse_path(block: header.HeaderBlock) -> str:
    value = (block.get("return-path") or b"").strip().removeprefix(b"<").removesuffix(b">")
    if not value or not value.isascii():
        return ""
    address = parse_addr_spec(value.decode("ascii"))
    return address.addr_spec if address is not None else ""
