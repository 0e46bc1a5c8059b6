"""Bringing mail in from files: one message, an mbox, a Maildir (with its sub-folders' flags), or standard input.

Invariants: nothing is changed in the source; a message imported twice into one mailbox is there once (its envelope id is the
digest of its octets and the mailbox), so an import that was stopped can simply be run again.
"""

import hashlib
import mailbox
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from server.db.transaction import Writer
from server.mail import header
from server.mail.date import parse as parse_date
from server.store import append, mailboxes
from server.store.errors import NoSuchMailbox
from server.store.store import Store

_FROM_LINE = re.compile(rb"^From [^\r\n]*\r?\n", re.MULTILINE)
_MAILDIR_FLAGS = {"S": "\\Seen", "R": "\\Answered", "F": "\\Flagged", "D": "\\Draft"}


@dataclass(frozen=True, slots=True)
class Found:
    """One message of a source with what the source knows of it."""

    raw: bytes
    flags: tuple[str, ...]
    arrived: datetime | None


@dataclass(slots=True)
class Tally:
    """What an import did."""

    stored: int = 0
    present: int = 0


def read(source: Path) -> Iterator[Found]:
    """Yield the messages of a file, an mbox or a Maildir; raises OSError."""
    if source.is_dir():
        yield from _maildir(source)
    else:
        yield from from_octets(source.read_bytes())


def from_octets(content: bytes) -> Iterator[Found]:
    """Yield one message, or the messages of an mbox (RFC 4155: it begins with `From `)."""
    if not content.startswith(b"From "):
        yield Found(_crlf(content), (), None)
        return
    starts = [
        m for m in _FROM_LINE.finditer(content) if m.start() == 0 or content[: m.start()].endswith((b"\n\n", b"\n\r\n"))
    ]
    ends = [m.start() for m in starts[1:]] + [len(content)]
    for line, end in zip(starts, ends, strict=True):
        # mboxrd: one level of quoting comes off; the blank line before the next separator is the format's, not the message's.
        body = re.sub(rb"^>(>*From )", rb"\1", content[line.end() : end], flags=re.MULTILINE)
        yield Found(_crlf(re.sub(rb"\r?\n\Z", b"", body)), (), None)


def _maildir(folder: Path) -> Iterator[Found]:
    box = mailbox.Maildir(folder, create=False)
    for name in ("cur", "new"):
        for path in sorted((folder / name).glob("*")):
            letters = path.name.rpartition(box.colon + "2,")[2] if box.colon in path.name else ""
            flags = tuple(_MAILDIR_FLAGS[letter] for letter in letters if letter in _MAILDIR_FLAGS)
            yield Found(_crlf(path.read_bytes()), flags, datetime.fromtimestamp(path.stat().st_mtime, UTC))


def _crlf(content: bytes) -> bytes:
    return re.sub(rb"\r\n|\r|\n", b"\r\n", content)


def store(
    house: Store, account: int, target: str, messages: Iterator[Found], now: datetime, step: Callable[[Tally], None]
) -> Tally:
    """Append messages to a mailbox, which is made when it is not there. `step` hears the tally after each message."""

    def find(w: Writer) -> int:
        try:
            return mailboxes.by_name(w, target).id
        except NoSuchMailbox:
            return mailboxes.create(w, target).id

    mailbox_id = house.write_now(account, find)
    tally = Tally()
    for found in messages:
        prepared = append.prepare(found.raw)
        envelope_id = f"import:{mailbox_id}:{hashlib.sha256(found.raw).hexdigest()}"
        arrived = found.arrived or _date_of(found.raw) or now

        def put(
            w: Writer,
            found: Found = found,
            prepared: append.Prepared = prepared,
            key: str = envelope_id,
            at: datetime = arrived,
        ) -> bool:
            made = append.append(w, mailbox_id, prepared, flags=found.flags, internaldate=at, envelope_id=key)
            return made.duplicate

        if house.write_now(account, put):
            tally.present += 1
        else:
            tally.stored += 1
        step(tally)
    return tally


def _date_of(raw: bytes) -> datetime | None:
    value = header.split(raw)[0].get("Date")
    return parse_date(value) if value is not None else None
