"""Filing one message in the mailboxes of this house.

Invariants: one commit an account, all accounts at once; a result says ok only after that commit; a mailbox that vanished or
cannot be made leads to the inbox, never to a loss (security.md section 5, row 25). The octets are the same for every account, so
they are read, indexed and compressed once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from server.db.database import Writer
from server.delivery.recipients import Accounts
from server.log import get_logger
from server.store import append, mailboxes
from server.store.append import Prepared
from server.store.errors import IsVirtual, NoSuchMailbox, OverQuota, StoreError
from server.store.model import Appended, Mailbox

INBOX = "INBOX"
JUNK = "\\Junk"

log = get_logger("delivery.local")


class Filed(Enum):
    """How filing for one account ended."""

    DONE = "done"
    OVER_QUOTA = "over-quota"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Filing:
    """What to store, where, and as what."""

    prepared: Prepared
    mailbox: str | None
    """None: the inbox, or Junk."""
    junk: bool
    flags: Sequence[str]
    internaldate: datetime
    envelope_id: str | None


async def file(store: Accounts, account_id: int, filing: Filing) -> Filed:
    """Store one message for one account; returns after the commit. Never raises for what the store refuses."""
    try:
        appended = await store.write(account_id, lambda w: write(w, filing))
    except OverQuota:
        return Filed.OVER_QUOTA
    except Exception:  # the sender must get an answer that makes it keep the message, whatever broke
        log.exception("delivery_failed", account=account_id)
        return Filed.FAILED
    log.info("delivered", account=account_id, uid=appended.uid, duplicate=appended.duplicate)
    return Filed.DONE


def write(w: Writer, filing: Filing) -> Appended:
    """The transaction: choose the mailbox, append."""
    mailbox = _mailbox(w, filing)
    return append.append(
        w,
        mailbox.id,
        filing.prepared,
        flags=filing.flags,
        internaldate=filing.internaldate,
        envelope_id=filing.envelope_id,
    )


def _mailbox(w: Writer, filing: Filing) -> Mailbox:
    name = filing.mailbox
    if name is None:
        junk = mailboxes.by_special_use(w, JUNK) if filing.junk else None
        return junk or mailboxes.by_name(w, INBOX)
    try:
        return mailboxes.real(w, name)
    except IsVirtual:
        return mailboxes.by_name(w, INBOX)
    except NoSuchMailbox:
        pass
    try:
        return mailboxes.create(w, name)
    except StoreError as error:
        log.warning("mailbox_not_made", mailbox=name, reason=type(error).__name__)
        return mailboxes.by_name(w, INBOX)
