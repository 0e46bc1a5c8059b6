"""A new message in place of an old one (RFC 8508): both at once, or neither."""

from collections.abc import Iterable
from datetime import datetime

from server.db.database import Writer
from server.store import messages
from server.store.append import append
from server.store.errors import NoSuchMessage
from server.store.expunge import remove
from server.store.model import Appended
from server.store.prepare import Prepared


def replace(
    w: Writer,
    mailbox_id: int,
    uid: int,
    target_id: int,
    message: Prepared,
    *,
    flags: Iterable[str] = (),
    internaldate: datetime | None = None,
    now: datetime | None = None,
) -> Appended:
    r"""Append a message and remove the old one, whether that is \Deleted or not.

    Nothing is inherited: flags and dates are those given (RFC 8508 §1).

    Args:
        w: A write transaction of the account.
        mailbox_id: Where the old message is.
        uid: Which.
        target_id: Where the new one goes; may be the same mailbox.
        message: What `prepare` made of the new octets.
        flags: As for `append`.
        internaldate: As for `append`.
        now: As for `append`.

    Raises:
        NoSuchMessage: The old one is gone; nothing has been appended.
        NoSuchMailbox, OverQuota, TooManyKeywords
    """
    old = messages.rows(w, mailbox_id, [uid], fields=frozenset({"size"}))
    if not old:
        raise NoSuchMessage(str(uid))
    # RFC 8508 §3.4: only the net consumption of quota counts.
    appended = append(w, target_id, message, flags=flags, internaldate=internaldate, now=now, frees=old[0].size)
    remove(w, mailbox_id, [uid])
    return appended
