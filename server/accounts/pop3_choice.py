"""What an account shows over POP3, and what becomes of mail that a program there has taken.

Invariants: an account without a row has the default, which is what POP3 says by itself: all of INBOX, a message stays until a
program deletes it, and then it is gone. Only days from 1 to `MOST_DAYS` are stored. Switching them on touches no mail that was taken
before.

RFC 1939 §8 (retention policies of a site), RFC 2449 §6.7 (EXPIRE tells them).
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Column, Integer, MetaData, String, Table, delete, func, insert, select

from server.accounts.errors import AccountError
from server.clock import Clock
from server.db.database import Database
from server.db.schema import Schema
from server.db.transaction import Reader, Writer

INBOX = "INBOX"
MOST_DAYS = 3_650
MAILBOX_LENGTH = 1_000
FRESH = 60.0
"""Seconds for which the shortest time of anybody is told before it is looked up again."""

# RFC 9051 §9: flag-keyword is an atom.
_LABEL = re.compile(r"[!#$&'+,\-./0-9:;<=>?@A-Z\[^_`a-z|}~]{1,100}")

METADATA = MetaData()

pop3_choice = Table(
    "pop3_choice",
    METADATA,
    Column("account_id", Integer, primary_key=True, autoincrement=False),
    Column("mailbox", String, nullable=False),
    Column("label", String, nullable=False),  # "" for all mail of the mailbox
    Column("deleted", String, nullable=False),
    Column("days", Integer),  # NULL: mail that was taken stays
    Column("since", Integer),  # when the days were switched on: what was taken before that stays
)
SCHEMA = Schema("pop3_choice", 1, METADATA)


class Deleted(StrEnum):
    """What becomes of a message that a program deletes."""

    REMOVED = "removed"
    TRASH = "trash"
    ARCHIVE = "archive"


class ChoiceInvalid(AccountError):
    """The choice cannot be kept; says what would be right."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The POP3 side of one account."""

    mailbox: str = INBOX
    label: str = ""
    """Only messages with this keyword; "" for all."""
    deleted: Deleted = Deleted.REMOVED
    days: int | None = None
    """A message goes to the trash so many days after a program took it; None: it stays."""


DEFAULT = Choice()


def of(r: Reader, account_id: int) -> Choice:
    """Return the choice of an account."""
    row = r.execute(select(pop3_choice).where(pop3_choice.c.account_id == account_id)).first()
    return DEFAULT if row is None else Choice(row.mailbox, row.label, Deleted(row.deleted), row.days)


def put(w: Writer, account_id: int, choice: Choice, *, now: int) -> None:
    """Keep a choice made at a time (seconds since 1970); raises ChoiceInvalid."""
    if not choice.mailbox or len(choice.mailbox) > MAILBOX_LENGTH or not choice.mailbox.isprintable():
        raise ChoiceInvalid("That is not the name of a mailbox")
    if choice.label and not _LABEL.fullmatch(choice.label):
        raise ChoiceInvalid("A label is one word of ASCII characters, such as ToDo or $Important")
    if choice.days is not None and not 1 <= choice.days <= MOST_DAYS:
        raise ChoiceInvalid(f"Mail can be kept for 1 to {MOST_DAYS} days")
    since = w.execute(select(pop3_choice.c.since).where(pop3_choice.c.account_id == account_id)).scalar()
    w.execute(delete(pop3_choice).where(pop3_choice.c.account_id == account_id))
    if choice != DEFAULT:
        w.execute(
            insert(pop3_choice).values(
                account_id=account_id,
                mailbox=choice.mailbox,
                label=choice.label,
                deleted=choice.deleted.value,
                days=choice.days,
                since=None if choice.days is None else now if since is None else since,
            )
        )


@dataclass(frozen=True, slots=True)
class Retention:
    """For how long mail stays after it was taken, and since when that is so (seconds since 1970)."""

    days: int
    since: int


def retentions(r: Reader) -> dict[int, Retention]:
    """Return every account whose taken mail does not stay."""
    query = select(pop3_choice.c.account_id, pop3_choice.c.days, pop3_choice.c.since)
    return {
        row.account_id: Retention(row.days, row.since)
        for row in r.execute(query.where(pop3_choice.c.days.is_not(None)))
    }


def shortest(r: Reader) -> int | None:
    """Return the fewest days that anybody has; None when everybody's mail stays."""
    return r.execute(select(func.min(pop3_choice.c.days))).scalar()


class Choices:
    """Look-ups for the POP3 server."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._shortest: int | None = None
        self._looked: float | None = None

    async def of(self, account_id: int) -> Choice:
        return await self._database.async_read(lambda r: of(r, account_id))

    async def shortest(self) -> int | None:
        """The fewest days that anybody has, as of a minute ago: every connection may be asked for it before its sign-in."""
        now = self._clock.monotonic()
        if self._looked is None or now - self._looked >= FRESH:
            self._looked = now
            self._shortest = await self._database.async_read(shortest)
        return self._shortest
