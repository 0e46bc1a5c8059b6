"""The maildrop of a session: the snapshot of a mailbox, its octets, and the lock that keeps a second client out.

Invariants: one session per maildrop in all processes of a machine (RFC 1939 §3), held by a file lock that dies with its
process; deletions are one transaction, made only when the client said QUIT, and touch only messages of the snapshot.
"""

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path

from server.accounts.pop3_choice import DEFAULT, Choice, Deleted
from server.db.transaction import Reader, Writer
from server.pop3.action import Maildrop
from server.store import expunge, mailboxes, messages, popped
from server.store.errors import NoSuchMailbox, NoSuchMessage
from server.store.octet_stream import OctetStream, open_stream

_FIELDS = frozenset({"content_id", "header_size"})


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


def snapshot(r: Reader, choice: Choice = DEFAULT) -> Maildrop:
    """Number what the chosen mailbox holds now; later changes do not show (RFC 1939 §5). Raises NoSuchMailbox.

    The unique id of a message is made of its mailbox's uidvalidity, which no other mailbox of the account has, and its uid: it is the same
    whether all of the mailbox is shown or one label.
    """
    shown = mailboxes.by_name(r, choice.mailbox)
    if shown.rule is not None:
        # What is deleted must leave it: a virtual mailbox shows what other mailboxes keep.
        raise NoSuchMailbox(shown.name)
    uids, sizes = messages.sizes(r, shown.id, keyword=choice.label or None)
    return Maildrop(shown.id, shown.uidvalidity, uids, sizes, choice.days)


def octets(r: Reader, maildrop: Maildrop, uids: Sequence[int]) -> dict[int, tuple[bytes, int] | None]:
    """Return the octets of those messages that are still there, and the size of each header; None for one that is damaged."""
    found: dict[int, tuple[bytes, int] | None] = {}
    for row in messages.rows(r, maildrop.mailbox_id, uids, fields=_FIELDS):
        try:
            found[row.uid] = (messages.raw(r, row), row.header_size)
        except NoSuchMessage:
            found[row.uid] = None
    return found


def stream(r: Reader, maildrop: Maildrop, uid: int) -> OctetStream | None:
    """Begin to read a message that is too large to be held; None when it is not there any more."""
    try:
        return open_stream(r, maildrop.mailbox_id, uid)
    except NoSuchMessage:
        return None


def remember(w: Writer, maildrop: Maildrop, uids: Sequence[int], at: int) -> None:
    """Note that messages were taken, for an account where that begins their last days."""
    popped.remember(w, maildrop.mailbox_id, uids, at)


def delete(w: Writer, maildrop: Maildrop, uids: Sequence[int], becomes: Deleted, *, now: int) -> bool:
    """Do with deleted messages as the account wants; what somebody else removed meanwhile counts as done.

    False: the mailbox is gone, or it is another one now.
    """
    try:
        shown = mailboxes.by_id(w, maildrop.mailbox_id)
    except NoSuchMailbox:
        return False
    if shown.uidvalidity != maildrop.uidvalidity:
        return False
    if becomes is Deleted.REMOVED:
        expunge.remove(w, shown.id, uids)
    else:
        popped.put_away(w, shown, uids, popped.TRASH if becomes is Deleted.TRASH else popped.ARCHIVE, now=now)
    return True
