"""Bringing mail in from files: one message, an mbox, a Maildir (with its sub-folders' flags), or standard input.

Invariants: nothing is changed in the source; a message imported twice into one mailbox is there once (its envelope id is the
digest of its octets and the mailbox), so an import that was stopped can simply be run again. A Maildir belongs to somebody whom the
administrator need not trust: links in it are not followed, so that nobody has other people's files brought into their mail.
"""

import hashlib
import mailbox
import mmap
import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from server.db.transaction import Writer
from server.log import get_logger
from server.mail import header
from server.mail.date import parse as parse_date
from server.store import append, mailboxes
from server.store.errors import NoSuchMailbox
from server.store.store import Store

log = get_logger("admin.importing")

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
        with source.open("rb") as file:
            if os.fstat(file.fileno()).st_size == 0 or not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                yield from from_octets(file.read())
                return
            # An mbox of years is larger than memory: its pages come and go as they are read.
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                yield from from_octets(content)


def from_octets(content: "bytes | mmap.mmap") -> Iterator[Found]:
    """Yield one message, or the messages of an mbox (RFC 4155: it begins with `From `)."""
    if content[:5] != b"From ":
        yield Found(_crlf(content[:]), (), None)
        return
    start = -1
    for line in _FROM_LINE.finditer(content):
        before = line.start()
        if before and not content[max(0, before - 3) : before].endswith((b"\n\n", b"\n\r\n")):
            continue
        if start >= 0:
            yield _unquoted(content[start:before])
        start = line.end()
    yield _unquoted(content[start:])


def _unquoted(body: bytes) -> Found:
    # mboxrd: one level of quoting comes off; the blank line before the next separator is the format's, not the message's.
    body = re.sub(rb"^>(>*From )", rb"\1", body, flags=re.MULTILINE)
    return Found(_crlf(re.sub(rb"\r?\n\Z", b"", body)), (), None)


def _maildir(folder: Path) -> Iterator[Found]:
    box = mailbox.Maildir(folder, create=False)
    for place in ("cur", "new"):
        # By descriptor, so that the folder that was looked at is the one that is read.
        shelf = os.open(folder / place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            for name in sorted(os.listdir(shelf)):  # noqa: PTH208 - a descriptor has no path
                found = _letter(shelf, name)
                if found is None:
                    log.error("import_skipped", name=name, reason="not a file of its own")
                    continue
                raw, arrived = found
                letters = name.rpartition(box.colon + "2,")[2] if box.colon in name else ""
                flags = tuple(_MAILDIR_FLAGS[letter] for letter in letters if letter in _MAILDIR_FLAGS)
                yield Found(_crlf(raw), flags, datetime.fromtimestamp(arrived, UTC))
        finally:
            os.close(shelf)


def _letter(shelf: int, name: str) -> tuple[bytes, float] | None:
    """Octets and time of one file; None for what is none, such as a link or a pipe that would be waited for."""
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=shelf)
    except OSError:
        return None
    told = os.fstat(descriptor)
    if not stat.S_ISREG(told.st_mode):
        os.close(descriptor)
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read(), told.st_mtime


def _crlf(content: bytes) -> bytes:
    return re.sub(rb"\r\n|\r|\n", b"\r\n", content)


def store(
    house: Store, account: int, target: str, messages: Iterator[Found], now: datetime, step: Callable[[Tally], None]
) -> Tally:
    """Append messages to a mailbox, which is made when it is not there. `step` hears the tally after each message."""

    def find(w: Writer) -> int:
        try:
            return mailboxes.real(w, target).id
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
