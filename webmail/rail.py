"""What the rail shows: mailboxes with counts, outside accounts with their state, storage. Loaded once a request.

A page whose mail server does not answer still has a rail, an empty one: the page itself says what is wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import g

from fetcher.account import Source
from webmail import mailbox_list, sources
from webmail.connection import Mail, lease
from webmail.envelope import Fetched
from webmail.mail_error import MailError
from webmail.mailbox_list import Mailbox, Usage


@dataclass(frozen=True, slots=True)
class Rail:
    """The rail of one request."""

    mailboxes: Sequence[Mailbox] = ()
    sources: Sequence[Source] = ()
    usage: Usage | None = None

    @property
    def special(self) -> list[Mailbox]:
        return mailbox_list.special(self.mailboxes)

    @property
    def folders(self) -> list[Mailbox]:
        return mailbox_list.folders(self.mailboxes)

    @property
    def shared(self) -> list[Mailbox]:
        return mailbox_list.shared(self.mailboxes)

    @property
    def unread(self) -> int:
        """Unread in the inbox, for the title of the window."""
        inbox = mailbox_list.by_role(self.mailboxes, "inbox")
        return inbox.unseen if inbox else 0


def load(mail: Mail) -> Rail:
    """Read it over a connection that is in hand already, and keep it for the templates of this request."""
    g.mail_rail = Rail(mailbox_list.load(mail), sources.mine(), mailbox_list.usage(mail))
    rail: Rail = g.mail_rail
    return rail


def current() -> Rail:
    """The rail of this request, for pages that have no mail of their own."""
    found: Rail | None = g.get("mail_rail")
    if found is not None:
        return found
    if g.get("session") is None:
        return Rail()
    try:
        with lease(g.session) as mail:
            return load(mail)
    except MailError:
        g.mail_rail = Rail((), sources.mine(), None)
        rail: Rail = g.mail_rail
        return rail


@dataclass(frozen=True, slots=True)
class SourceWords:
    """An outside account as the rail shows it."""

    title: str
    letter: str
    hue: str
    percent: int
    busy: bool
    state: sources.State


def source_words(source: Source) -> SourceWords:
    state = sources.state_of(source)
    is_importing = source.state == "fetching" and source.progress_total > 0
    return SourceWords(
        title=sources.title(source),
        letter=sources.monogram(source),
        hue=sources.colour(source),
        percent=sources.percent(source),
        busy=is_importing,
        state=state,
    )


@dataclass(frozen=True, slots=True)
class Origin:
    """The outside account that a message came by."""

    name: str
    hue: str


def origin_of(message: Fetched) -> Origin | None:
    """Which outside account brought a message: the one it is addressed to. IMAP has no field that says it better."""
    found = current().sources
    if not found:
        return None
    named = {person.email.casefold() for person in (*message.envelope.to, *message.envelope.cc)}
    for source in found:
        if source.address and source.address.casefold() in named:
            return Origin(sources.title(source), sources.colour(source))
    return None
