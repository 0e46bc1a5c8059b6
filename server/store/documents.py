"""The chore that reads what was left when a message was stored: PDFs, large documents, mail of before documents were read.

The text of the message is made anew with everything in it, and takes the old one's place in the text and in the indexes in one
transaction. Killed at any moment, it is as if it had not begun, but for the try that is counted. What is not read
yet is not found yet: a few seconds in a running house.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeVar

from server.db.database import Reader, Writer
from server.document.kind import Kind
from server.document.process import Closed, Reading
from server.document.reader import Text
from server.log import get_logger
from server.mail.summary import summarise
from server.store import attached, index, messages, unread
from server.store.crashpoint import reach
from server.store.errors import NoSuchMessage

T = TypeVar("T")
SECONDS = 120.0
"""For all documents of a message; those that come to their turn later are as those that cannot be read."""
log = get_logger("store.documents")


class Process(Protocol):
    """Where documents are read (`server.document.process`)."""

    def read(self, kind: Kind, octets: bytes, characters: int) -> Reading: ...


class Mail(Protocol):
    """The accounts' transactions, blocking (`server.store.store`)."""

    def read_now(self, account: int, fn: Callable[[Reader], T]) -> T: ...

    def write_now(self, account: int, fn: Callable[[Writer], T]) -> T: ...


class DocumentWork:
    """Reads the documents of one message at a time.

    Args:
        mail: Where they are stored.
        process: What reads them.
        now: Seconds since 1970.
        clock: Seconds of a clock that nobody sets.
    """

    def __init__(
        self, mail: Mail, process: Process, now: Callable[[], float], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._mail, self._process, self._now, self._clock = mail, process, now, clock

    def advance(self, account: int) -> bool:
        """Read the documents of the next message; return whether more may wait."""
        mail, now = self._mail, int(self._now())
        if not mail.read_now(account, lambda r: unread.waits(r, now)):
            return False
        claimed = mail.write_now(account, lambda w: unread.claim(w, now))
        if claimed is None:
            return False
        content_id, tries = claimed
        reach("documents.claimed")
        try:
            text, failed = self._text(mail.read_now(account, lambda r: messages.raw(r, content_id)))
        except NoSuchMessage:
            mail.write_now(account, lambda w: unread.done(w, content_id))
            return True
        except Closed:
            mail.write_now(account, lambda w: unread.release(w, content_id, tries - 1))
            return False
        if failed and tries < unread.TRIES:
            mail.write_now(account, lambda w: unread.release(w, content_id, tries))
            return True
        if failed:
            log.warning("document_given_up", account=account, content=content_id, kinds=[kind.name for kind in failed])
        mail.write_now(account, partial(_store, content_id=content_id, text=text))
        return True

    def _text(self, raw: bytes) -> tuple[str, list[Kind]]:
        """Return the message's text, and what kinds of documents in it ended the process that read them or came too late."""
        failed: list[Kind] = []
        until = self._clock() + SECONDS
        at_once = attached.first_at_once()

        def read(kind: Kind, octets: Callable[[], bytes], room: int) -> Text:
            found = at_once(kind, octets, room)
            if found.whole:
                return found
            if self._clock() > until:
                failed.append(kind)
                return Text("", whole=True)
            reading = self._process.read(kind, octets(), room)
            if not reading.finished:
                failed.append(kind)
            return Text(reading.text, whole=True)

        text, _ = attached.text_of(raw, summarise(raw), read)
        return text, failed


def _store(w: Writer, *, content_id: int, text: str) -> None:
    index.replace(w, content_id, text)
    unread.done(w, content_id)
    reach("documents.stored")
