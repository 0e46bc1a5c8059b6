"""One account's mail for store tests: the real database in a folder of the test, letters made of few words."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from server.db.database import Database, Reader, Writer
from server.store import append, index, mailboxes, messages, predicate, schemas
from server.store.model import Appended, Message
from server.store.verify import Finding, verify

T = TypeVar("T")
BORN = 1_700_000_000


def letter(
    subject: str = "Hello",
    text: str = "Good morning.",
    *,
    sender: str = "Ann <ann@example.org>",
    to: str = "Bob <bob@example.com>",
    date: str = "Tue, 02 Jan 2024 10:00:00 +0000",
    message_id: str | None = None,
    references: Iterable[str] = (),
    extra: str = "",
) -> bytes:
    """A plain letter with CRLF line ends."""
    lines = [f"From: {sender}", f"To: {to}", f"Subject: {subject}"]
    if date:
        lines.append(f"Date: {date}")
    if message_id:
        lines.append(f"Message-ID: <{message_id}>")
    if references:
        lines.append("References: " + " ".join(f"<{name}>" for name in references))
    if extra:
        lines.append(extra)
    lines += [
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        "",
        text,
    ]
    return "\r\n".join(lines).encode() + b"\r\n"


class MailAccount:
    """Everything blocks; index entries are made only when a test says so."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "mail.db"
        self.database = Database(self.path, schemas.account_schemas(BORN), functions=predicate.FUNCTIONS)

    def read(self, fn: Callable[[Reader], T]) -> T:
        return self.database.read(fn)

    def write(self, fn: Callable[[Writer], T]) -> T:
        return self.database.write(fn)

    def box(self, name: str = "INBOX") -> int:
        return self.read(lambda r: mailboxes.by_name(r, name).id)

    def append(
        self,
        raw: bytes,
        *,
        box: str = "INBOX",
        flags: Iterable[str] = (),
        at: datetime | None = None,
        envelope_id: str | None = None,
        object_size: int = append.OBJECT_SIZE,
    ) -> Appended:
        prepared = append.prepare(raw, object_size=object_size)
        number = self.box(box)
        now = datetime.fromtimestamp(BORN, UTC)
        return self.write(
            lambda w: append.append(
                w, number, prepared, flags=flags, internaldate=at or now, envelope_id=envelope_id, now=now
            )
        )

    def fill(self, count: int, *, box: str = "INBOX") -> list[int]:
        """Append so many different letters."""
        return [
            self.append(letter(f"Letter {n}", f"number {n}", message_id=f"{n}@x"), box=box).uid for n in range(count)
        ]

    def uids(self, box: str = "INBOX") -> list[int]:
        number = self.box(box)
        return list(self.read(lambda r: messages.uids(r, number)))

    def rows(self, box: str = "INBOX") -> list[Message]:
        number = self.box(box)
        return self.read(lambda r: messages.rows(r, number, messages.uids(r, number)))

    def index(self) -> None:
        """Make the index entries of everything."""
        while self.write(index.advance):
            pass

    def verify(self, *, repair: bool = False, now: float | None = None) -> list[Finding]:
        return verify(self.path, repair=repair, now=now)

    def close(self) -> None:
        self.database.close()
