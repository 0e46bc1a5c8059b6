"""Searching one mailbox or all of them: a query, mailbox by mailbox, newest results first. A shell over `connection`.

Bounded: at most `MAX_MAILBOXES` are asked, at most `MAX_ROWS` rows are shown; the count is of everything found.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from webmail import message_list
from webmail.connection import Mail, MailRefused
from webmail.conversation import age_key
from webmail.imap_command import Token
from webmail.mailbox_list import Mailbox
from webmail.message_list import Row
from webmail.query import Query

MAX_MAILBOXES = 60
MAX_ROWS = 50
MOST_ROWS = 1_000
"""Further pages ask for all rows above them again, so there is an end."""
SKIPPED = frozenset({"junk", "trash"})
"""Not part of 'all mail', as people expect; `in:Trash` searches it."""


@dataclass(frozen=True, slots=True)
class Results:
    """What was found, and where was looked."""

    rows: tuple[Row, ...]
    total: int
    mailboxes: tuple[Mailbox, ...]
    refused: int = 0
    """Mailboxes whose search the server refused."""


def scope(mailboxes: Sequence[Mailbox], query: Query, chosen: str) -> list[Mailbox]:
    """Which mailboxes to look into: the one that `in:` names, the one that is chosen, or all of one's own but Junk and Trash."""
    wanted = query.mailbox or chosen
    if wanted and wanted.casefold() not in ("anywhere", "all"):
        lowered = wanted.casefold()
        exact = [one for one in mailboxes if one.selectable and lowered in _names(one)]
        return exact[:1]
    everywhere = wanted.casefold() == "anywhere"
    real = [one for one in mailboxes if one.selectable and one.messages and not one.virtual and not one.owner]
    found = [one for one in real if everywhere or one.role not in SKIPPED]
    return found[:MAX_MAILBOXES]


def _names(mailbox: Mailbox) -> tuple[str, ...]:
    """What `in:` may call it; one that is somebody else's has its whole name only."""
    name = mailbox.name.casefold()
    return (name,) if mailbox.owner else (name, mailbox.role, mailbox.label.casefold())


def run(mail: Mail, mailboxes: Sequence[Mailbox], query: Query, *, limit: int = MAX_ROWS) -> Results:
    """Search, and fetch what is shown."""
    criteria = query.criteria(keyword_marks_files=mail.own)
    rows: list[Row] = []
    total = refused = 0
    for mailbox in mailboxes:
        try:
            mail.select(mailbox.name)
            uids, count = _newest(mail, criteria, limit)
        except MailRefused:
            refused += 1
            continue
        total += count
        rows.extend(message_list.rows_of(mail, mailbox.name, uids, role=mailbox.role))
    ordered = sorted(rows, key=lambda row: age_key(row.message), reverse=True)
    return Results(tuple(ordered[:limit]), total, tuple(mailboxes), refused)


def _newest(mail: Mail, criteria: Sequence[Token], limit: int) -> tuple[list[int], int]:
    found = mail.sort(("REVERSE", "ARRIVAL"), criteria, first=1, last=limit)
    if found is not None:
        return found.uids, found.count if found.count is not None else len(found.uids)
    uids = mail.search(criteria)
    return uids[-limit:], len(uids)
