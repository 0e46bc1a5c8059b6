"""Which names LIST and LSUB are about: one's own mailboxes, subscriptions, and what others share (RFC 9051 §6.3.9, RFC 2342).

One read of all own mailboxes answers any form. The databases of others are opened only when a pattern can mean a name of theirs and
the directory says that they may have shared something. Matching costs the length of the patterns times that of all names, so patterns
have a bound, and it is done where the read is, not on the event loop (security T125).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from server.accounts import share
from server.accounts.share import Owner
from server.db.transaction import Reader
from server.imap import virtual
from server.imap.access import PREFIX, Guest, is_foreign, whose
from server.imap.commands.mailbox import Counters, Kept, heard_in
from server.imap.handler import Context
from server.imap.matching import above
from server.imap.syntax.error import ProtocolError
from server.imap.syntax.mailbox_name import DELIMITER, Pattern
from server.store import acl, annotations, mailboxes, rights
from server.store.model import Mailbox
from server.store.rights import Rights
from server.store.virtual import is_only_a_name

MAX_PATTERNS = 2_000
"""Characters of all patterns of one command; a mailbox name has 500 octets at most."""
MAX_OWNERS = 1_000
"""Others whose mailboxes one answer looks for."""
MAX_SHARED = 1_000
"""Mailboxes of each of them in it, the first by name: nobody floods the lists of all others. Beyond, a mailbox is found by its name."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A name to be listed. `mailbox` is None where only a subscription is left of it, or where it is no more than a level."""

    name: str
    mailbox: Mailbox | None
    subscribed: bool
    counters: Counters | None = None
    rights: Rights = rights.ALL
    notes: Mapping[str, bytes] | None = None
    """The annotations that were asked for (RFC 9590); None where there are none to be had."""
    owned: bool = True
    """It is the client's own."""
    is_level: bool = False
    """There is no such mailbox, but there are some below it, of others."""


class Tree:
    """All names, and which of them have others below."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = sorted(entries, key=lambda entry: (entry.name != "INBOX", entry.name))
        self.parents: set[str] = set()
        self.subscribed_below: set[str] = set()
        for entry in self.entries:
            levels = above(entry.name)
            if entry.mailbox is not None:
                self.parents.update(levels)
            if entry.subscribed:
                self.subscribed_below.update(levels)

    def with_hidden(self, listed: Iterable[Entry]) -> set[str]:
        """The names below which somebody is subscribed to what is not among the listed ones itself."""
        shown = {entry.name for entry in listed}
        hidden = (entry.name for entry in self.entries if entry.subscribed and entry.name not in shown)
        return {level for name in hidden for level in above(name)}


class Matcher:
    """The patterns of a command; a name is meant when one of them matches. Raises ProtocolError when they are too long."""

    __slots__ = ("_by_level", "_patterns")

    def __init__(self, reference: str, patterns: Sequence[str]) -> None:
        if sum(len(reference) + len(pattern) for pattern in patterns) > MAX_PATTERNS:
            raise ProtocolError("The patterns are too long")
        # RFC 9051 §6.3.9: the reference is put before the pattern as it stands.
        whole = [_inbox(reference + pattern) for pattern in patterns]
        self._patterns = [Pattern(one) for one in whole]
        self._by_level = [pattern for pattern, one in zip(self._patterns, whole, strict=True) if one.endswith("%")]

    def __call__(self, entry: Entry) -> bool:
        # RFC 9051 §6.3.9: levels without a mailbox are for patterns that end in `%`.
        patterns = self._by_level if entry.is_level else self._patterns
        return any(pattern.matches(entry.name) for pattern in patterns)

    def reaches(self, start: str) -> bool:
        """Whether a name that begins so may be meant, or a level on the way to it."""
        return any(pattern.reaches(start) for pattern in self._patterns)


def _inbox(pattern: str) -> str:
    head, slash, rest = pattern.partition(DELIMITER)
    return ("INBOX" if head.upper() == "INBOX" else head) + slash + rest


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a command asks for besides the names."""

    items: tuple[str, ...] = ()
    annotations: frozenset[str] = frozenset()
    only_subscribed: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """All names, and those that the patterns mean."""

    tree: Tree
    entries: list[Entry]
    arranged: bool
    """The account has the virtual mailboxes that it should have."""
    late: frozenset[int]
    """Virtual mailboxes among them whose counters are old."""


async def gather(ctx: Context, matches: Matcher, wanted: Wanted) -> Found:
    """Read them, in as many databases as it takes."""
    who = ctx.account_id
    directory = ctx.services.directory

    def look(reader: Reader) -> tuple[list[Entry], list[Owner], Found]:
        entries = _own(reader)
        owners: list[Owner] = []
        if matches.reaches(PREFIX):
            owners = directory.read_now(lambda r: share.owners(r, who))
            owners = _meant(owners, entries, matches, wanted)
        tree = Tree(entries)
        meant = _filled(reader, [entry for entry in tree.entries if matches(entry)], wanted, heard_in(ctx, who))
        return entries, owners, Found(tree, meant, virtual.is_arranged(ctx, reader), _late(reader, meant, wanted))

    entries, owners, own = await ctx.read(look)
    if not owners:
        return own
    subscribed = {entry.name for entry in entries if entry.mailbox is None}
    shared: list[Entry] = []
    for owner in owners:
        find = partial(
            _shared, guest=Guest(who, owner), subscribed=subscribed, wanted=wanted, heard=heard_in(ctx, owner.id)
        )
        shared += await ctx.services.store.read(owner.id, find, by=who)

    def merge() -> Found:
        tree = Tree(_merged(entries, shared))
        filled = {entry.name: entry for entry in own.entries}
        meant = [filled.get(entry.name, entry) if entry.owned else entry for entry in tree.entries if matches(entry)]
        return Found(tree, meant, own.arranged, own.late)

    return await ctx.services.store.run(merge)


def _own(reader: Reader) -> list[Entry]:
    entries = [Entry(mailbox.name, mailbox, mailbox.subscribed) for mailbox in mailboxes.list_all(reader)]
    return entries + [Entry(name, None, subscribed=True) for name in mailboxes.lost_subscriptions(reader)]


def _filled(reader: Reader, entries: list[Entry], wanted: Wanted, heard: Kept) -> list[Entry]:
    """With the counters and annotations that are asked for."""
    if not (wanted.items or wanted.annotations):
        return entries
    notes = annotations.of_mailboxes(reader, wanted.annotations) if wanted.annotations else {}
    filled = []
    for entry in entries:
        mailbox = entry.mailbox
        if mailbox is None:
            filled.append(entry)
            continue
        # RFC 5819 §2: what cannot be selected has no STATUS.
        counted = bool(wanted.items) and not is_only_a_name(mailbox)
        counters = Counters.of(reader, mailbox.id, wanted.items, heard) if counted else None
        here = notes.get(mailbox.id, {}) if wanted.annotations else None
        filled.append(replace(entry, counters=counters, notes=here))
    return filled


def _late(reader: Reader, entries: list[Entry], wanted: Wanted) -> frozenset[int]:
    here = [entry.mailbox for entry in entries if entry.mailbox is not None and entry.counters is not None]
    ids = [mailbox.id for mailbox in here if mailbox.rule is not None] if wanted.items else []
    return frozenset(virtual.behind(reader, ids))


def _meant(owners: list[Owner], entries: list[Entry], matches: Matcher, wanted: Wanted) -> list[Owner]:
    """Those owners whose mailboxes can be in the answer."""
    if wanted.only_subscribed:
        subscribed = {whose(entry.name)[0] for entry in entries if entry.mailbox is None and is_foreign(entry.name)}
        owners = [owner for owner in owners if owner.address in subscribed]
    return [owner for owner in owners if matches.reaches(PREFIX + owner.address)][:MAX_OWNERS]


def _shared(reader: Reader, *, guest: Guest, subscribed: set[str], wanted: Wanted, heard: Kept) -> list[Entry]:
    """The mailboxes of an account that its guest may look up (RFC 4314 §4), as if there were no others."""
    granted = acl.granted(reader, guest.who)
    if not any(rights.LOOKUP in held for held in granted.values()):
        return []
    entries = []
    # What is private is its owner's.
    entries_of_all = {entry for entry in wanted.annotations if not annotations.is_private(entry)}
    notes = annotations.of_mailboxes(reader, entries_of_all) if entries_of_all else {}
    for mailbox in mailboxes.list_all(reader):
        held = granted.get(mailbox.id, rights.NONE)
        if rights.LOOKUP not in held or mailbox.rule is not None:
            continue  # a virtual one is its owner's own view
        shown = guest.shown(mailbox)
        # RFC 5819 §2: no STATUS of a mailbox that may not be read.
        counted = bool(wanted.items) and rights.READ in held
        counters = Counters.of(reader, mailbox.id, wanted.items, heard) if counted else None
        shown = replace(shown, subscribed=shown.name in subscribed)
        here = notes.get(mailbox.id, {}) if wanted.annotations and not held.isdisjoint(rights.ANNOTATE) else None
        entries.append(Entry(shown.name, shown, shown.subscribed, counters, held, here, owned=False))
        if len(entries) >= MAX_SHARED:
            break
    return entries


def _merged(entries: list[Entry], shared: list[Entry]) -> list[Entry]:
    """Put what others share beside one's own, with the levels that lead there."""
    names = {entry.name for entry in shared}
    levels = {level for name in names for level in above(name)} - names
    kept = [entry for entry in entries if entry.mailbox is not None or entry.name not in names]
    levels -= {entry.name for entry in kept}
    return [*kept, *shared, *(Entry(level, None, subscribed=False, owned=False, is_level=True) for level in levels)]
