"""One page of a mailbox: sort, fetch, group. Three commands whatever its size, five where conversations are counted whole.

Invariants: at most `PAGE` messages are fetched for a page; a page is found again by its anchor (the last UID shown), so arrivals
and removals meanwhile neither repeat nor skip messages; a changed UIDVALIDITY is told, never papered over.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from webmail import conversation
from webmail.connection import Mail, MailRefused
from webmail.conversation import Conversation
from webmail.envelope import Fetched, Person
from webmail.imap_command import Token, Value
from webmail.structure import read as read_structure

PAGE = 50
SLACK = 25
MAX_MEMBERS = 300
"""Members of conversations that are fetched beside a page, at most."""
FILTERS = ("all", "unread", "starred", "files")
ORDERS = ("newest", "oldest", "sender", "subject", "largest")
OUTGOING = frozenset({"sent", "drafts"})
_SORT_KEYS = {
    "newest": ("REVERSE", "ARRIVAL"),
    "oldest": ("ARRIVAL",),
    "sender": ("FROM", "REVERSE", "ARRIVAL"),
    "subject": ("SUBJECT", "REVERSE", "ARRIVAL"),
    "largest": ("REVERSE", "SIZE"),
}
_HIDDEN_KEYWORDS = frozenset(
    {"junk", "nonjunk", "notjunk", "forwarded", "mdnsent", "submitted", "todo", "later", "work"}
)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the next page begins: so many messages are above it, the last of them is `anchor`."""

    offset: int = 0
    anchor: int = 0

    def __str__(self) -> str:
        return f"{self.offset}.{self.anchor}"

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Read a cursor of a link; anything else is the beginning."""
        offset, _, anchor = text.partition(".")
        if offset.isascii() and offset.isdigit() and anchor.isascii() and anchor.isdigit() and len(text) < 24:
            return cls(int(offset), int(anchor))
        return cls()


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list, a conversation or a single message."""

    uid: int
    uids: tuple[int, ...]
    mailbox: str
    uidvalidity: int
    message: Fetched
    people: tuple[Person, ...]
    outgoing: bool = False
    unread: bool = False
    starred: bool = False
    answered: bool = False
    forwarded: bool = False
    attachment: bool = False
    invitation: bool = False
    labels: tuple[str, ...] = ()
    key: str = ""

    @property
    def count(self) -> int:
        return len(self.uids)


@dataclass(frozen=True, slots=True)
class Page:
    """What one request shows."""

    mailbox: str
    uidvalidity: int
    rows: tuple[Row, ...]
    total: int
    cursor: Cursor | None = None
    """The beginning of the next page; None at the end."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What of the mailbox is wanted, and in which order."""

    filter: str = "all"
    order: str = "newest"
    role: str = ""
    conversations: bool = True
    tokens: tuple[Token, ...] = ()
    """Further search keys; all must match."""

    def criteria(self, *, keyword_marks_files: bool) -> tuple[Token, ...]:
        """Search keys of the filter and of the wish."""
        chosen: tuple[Token, ...] = ("ALL",)
        if self.filter == "unread":
            chosen = ("UNSEEN",)
        elif self.filter == "starred":
            chosen = ("FLAGGED",)
        elif self.filter == "files":
            chosen = files_criteria(keyword_marks_files=keyword_marks_files)
        if not self.tokens:
            return chosen
        return self.tokens if chosen == ("ALL",) else (*chosen, *self.tokens)


def files_criteria(*, keyword_marks_files: bool) -> tuple[Token, ...]:
    """Search keys for messages with attachments."""
    if keyword_marks_files:
        return ("KEYWORD", "$HasAttachment")
    return ("OR", "KEYWORD", "$HasAttachment", "HEADER", "Content-Type", Value("multipart/mixed"))


def page(mail: Mail, mailbox: str, wish: Wish, cursor: Cursor | None = None, *, size: int = PAGE) -> Page:
    """Read one page.

    Raises:
        MailRefused: The mailbox does not exist, or the server cannot do this search.
    """
    uidvalidity = mail.select(mailbox)
    start = cursor or Cursor()
    criteria = wish.criteria(keyword_marks_files=mail.own)
    uids, total, offset = _window(mail, wish, criteria, start, size)
    if not uids:
        return Page(mailbox, uidvalidity, (), total)
    messages = mail.fetch(uids, _items(mail))
    grouped = wish.conversations and wish.order == "newest"
    if grouped:
        more = _members(mail, messages, criteria)
        conversations = conversation.group(uids, messages, more)
    else:
        conversations = [Conversation((messages[uid],)) for uid in uids if uid in messages]
    rows = tuple(
        row(one, mailbox, uidvalidity, role=wish.role) for one in conversations if not one.newest.has("\\Deleted")
    )
    end = offset + len(uids)
    following = Cursor(end, uids[-1]) if end < total else None
    return Page(mailbox, uidvalidity, rows, total, following)


def _window(mail: Mail, wish: Wish, criteria: Sequence[Token], start: Cursor, size: int) -> tuple[list[int], int, int]:
    """UIDs of the page, how many there are in all, and how many stand above the page."""
    first = max(1, start.offset - SLACK + 1) if start.anchor else 1
    found = mail.sort(_SORT_KEYS[wish.order], criteria, first=first, last=start.offset + size + SLACK)
    if found is None:
        everything = mail.search(criteria)
        if wish.order != "oldest":
            everything.reverse()  # RFC 9051 §2.3.1.1: UIDs ascend in the order of arrival
        total = len(everything)
        window = everything[first - 1 : start.offset + size + SLACK]
    else:
        window = found.uids
        total = found.count if found.count is not None else first - 1 + len(window)
    begin = start.offset - (first - 1)
    if start.anchor in window:
        begin = window.index(start.anchor) + 1
    uids = window[begin : begin + size]
    return uids, total, first - 1 + begin


def _items(mail: Mail) -> list[str]:
    items = ["FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE"]
    if mail.has("PREVIEW"):
        items.append("PREVIEW")
    if mail.has("OBJECTID"):
        items.append("THREADID")
    if not mail.own:
        items.append("BODYSTRUCTURE")  # a foreign server may not set $HasAttachment
    return items


def _members(mail: Mail, messages: dict[int, Fetched], criteria: Sequence[Token]) -> list[Fetched]:
    """Messages outside of the page that belong to its conversations."""
    threads = sorted({message.thread_id for message in messages.values() if message.thread_id})
    if not threads or not mail.has("OBJECTID"):
        return []
    either = any_of([("THREADID", thread) for thread in threads])
    wanted = either if tuple(criteria) == ("ALL",) else (*criteria, *either)
    try:
        others = [uid for uid in mail.search(wanted) if uid not in messages][-MAX_MEMBERS:]
    except MailRefused:
        return []
    if not others:
        return []
    return list(mail.fetch(others, ["FLAGS", "INTERNALDATE", "ENVELOPE", "THREADID"]).values())


def any_of(choices: Sequence[tuple[Token, ...]]) -> tuple[Token, ...]:
    """Nest OR (which takes two keys, RFC 9051 §6.4.4) as a balanced tree, so that its depth stays small."""
    if len(choices) == 1:
        return tuple(choices[0])
    middle = len(choices) // 2
    return ("OR", *any_of(choices[:middle]), *any_of(choices[middle:]))


def row(one: Conversation, mailbox: str, uidvalidity: int, *, role: str = "") -> Row:
    """A conversation as a line of the list."""
    newest = one.newest
    outgoing = role in OUTGOING
    attachment, invitation = _structure_marks(newest)
    return Row(
        uid=newest.uid,
        uids=one.uids,
        mailbox=mailbox,
        uidvalidity=uidvalidity,
        message=newest,
        people=_people(one, outgoing=outgoing),
        outgoing=outgoing,
        unread=any(not message.has("\\Seen") for message in one.messages),
        starred=any(message.has("\\Flagged") for message in one.messages),
        answered=newest.has("\\Answered"),
        forwarded=newest.has("$Forwarded"),
        attachment=attachment or any(message.has("$HasAttachment") for message in one.messages),
        invitation=invitation,
        labels=labels(newest.flags),
        key=newest.thread_id or str(newest.uid),
    )


def _structure_marks(message: Fetched) -> tuple[bool, bool]:
    if message.structure is None:
        return False, False
    parts = list(read_structure(message.structure).walk())
    named = any(part.disposition == "attachment" or (part.filename and not part.content_id) for part in parts)
    return named, any(part.kind == "text/calendar" for part in parts)


def _people(one: Conversation, *, outgoing: bool) -> tuple[Person, ...]:
    """Who takes part, oldest first, each once."""
    found: dict[str, Person] = {}
    for message in reversed(one.messages):
        envelope = message.envelope
        for person in (envelope.to + envelope.cc) if outgoing else envelope.from_:
            found.setdefault(person.email.casefold(), person)
    return tuple(found.values())


def labels(flags: frozenset[str]) -> tuple[str, ...]:
    r"""Keywords that a person set: not the system's own (with `\` or `$`), nor those other clients leave behind."""
    named = (flag for flag in flags if flag[:1] not in ("\\", "$") and flag.lower() not in _HIDDEN_KEYWORDS)
    return tuple(sorted(named, key=str.casefold)[:4])


def rows_of(mail: Mail, mailbox: str, uids: Sequence[int], *, role: str = "") -> list[Row]:
    """Rows of named messages, newest first, each by itself (as search results are)."""
    if not uids:
        return []
    uidvalidity = mail.select(mailbox)
    messages = mail.fetch(uids, _items(mail))
    ordered = sorted(messages.values(), key=conversation.age_key, reverse=True)
    return [row(Conversation((message,)), mailbox, uidvalidity, role=role) for message in ordered]
