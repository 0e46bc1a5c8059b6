"""The maildrop of a session: the snapshot of INBOX, its octets, and the lock that keeps a second client out.

Invariants: one session per maildrop in all processes of a machine (RFC 1939 §3), held by a file lock that dies with its
process; deletions are one transaction, made only when the client said QUIT, and touch only messages of the snapshot.
"""

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path

from server.db.transaction import Reader, Writer
from server.pop3.session import Maildrop
from server.store import expunge, mailboxes, messages

INBOX = "INBOX"
_FIELDS = frozenset({"content_id"})


class InUse(Exception):
    """Another session has this maildrop."""


class Lock:
    """An exclusive lock on one account's maildrop. `acquire` and `release` are blocking and quick."""

    def __init__(self, folder: Path, account: int) -> None:
        self._path = folder / "pop3" / f"{account}.lock"
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock at once or raise `InUse`."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise InUse from error
        self._descriptor = descriptor

    def release(self) -> None:
        # The file stays: unlinking it would let two holders lock two different files of the same name.
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def snapshot(r: Reader) -> Maildrop:
    """Number what INBOX holds now; later changes do not show (RFC 1939 §5)."""
    inbox = mailboxes.by_name(r, INBOX)
    uids, sizes = messages.sizes(r, inbox.id)
    return Maildrop(inbox.id, inbox.uidvalidity, uids, sizes)


def octets(r: Reader, maildrop: Maildrop, uids: Sequence[int]) -> dict[int, bytes]:
    """Return the octets of those messages that are still there."""
    found = messages.rows(r, maildrop.mailbox_id, uids, fields=_FIELDS)
    return {row.uid: messages.raw(r, row) for row in found}


def delete(w: Writer, maildrop: Maildrop, uids: Sequence[int]) -> bool:
    """Remove messages for good; what somebody else removed meanwhile counts as done. False: it is another mailbox now."""
    inbox = mailboxes.by_name(w, INBOX)
    if (inbox.id, inbox.uidvalidity) != (maildrop.mailbox_id, maildrop.uidvalidity):
        return False
    expunge.remove(w, inbox.id, uids)
    return True
