"""Messages on their way from one account to another: what COPY and MOVE between two databases are made of.

Two databases have no commit in common. So a message is read here, made durable there, and only then removed here: whatever dies in
between leaves it twice, never nowhere. Octets, flags and internal date are those it had; the save date is new (RFC 8514).
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from server.db.database import Reader, Writer
from server.store import append, messages
from server.store.model import Appended
from server.store.prepare import Prepared
from server.store.rights import Rights, allowed

MESSAGES = 100
OCTETS = 8 * 2**20
"""A batch ends with the message that exceeds it."""

_FIELDS = frozenset({"flags", "internaldate", "size"})


@dataclass(frozen=True, slots=True)
class Carried:
    """One message, ready to be put down."""

    uid: int
    flags: frozenset[str]
    internaldate: datetime
    prepared: Prepared


def size(r: Reader, mailbox_id: int, uids: Collection[int]) -> int:
    """Return the octets of messages together."""
    return sum(row.size for row in messages.rows(r, mailbox_id, uids, fields=frozenset({"size"})))


def pick_up(r: Reader, mailbox_id: int, uids: list[int]) -> tuple[list[Carried], int]:
    """Read a batch from the front of `uids`; returns it, and how many of them that were. What is gone is left out."""
    some = uids[:MESSAGES]
    found: list[Carried] = []
    octets = 0
    for row in messages.rows(r, mailbox_id, some, fields=_FIELDS):
        found.append(Carried(row.uid, row.flags, row.internaldate, append.prepare(messages.raw(r, row))))
        octets += row.size
        if octets > OCTETS:
            return found, some.index(row.uid) + 1
    return found, len(some)


def put_down(w: Writer, mailbox_id: int, batch: Iterable[Carried], held: Rights) -> list[tuple[int, Appended]]:
    """Append a batch with those of its flags that may be set; returns each with the uid it had.

    Raises:
        NoSuchMailbox, OverQuota, TooManyKeywords
    """
    return [
        (
            one.uid,
            append.append(w, mailbox_id, one.prepared, flags=allowed(one.flags, held), internaldate=one.internaldate),
        )
        for one in batch
    ]
