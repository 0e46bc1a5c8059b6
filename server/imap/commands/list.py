"""LIST and LSUB (RFC 9051 §6.3.9, RFC 5258, RFC 5819, RFC 6154, RFC 9590, RFC 3501 §6.3.9).

One read of all mailboxes answers any form; STATUS return data comes from the same stored counters, so a client needs no
command per mailbox. Matching costs the length of the patterns times that of all names, so patterns have a bound, and it is done
where the read is, not on the event loop (security T125).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from server.db.transaction import Reader
from server.imap import virtual
from server.imap.access import is_foreign
from server.imap.commands.mailbox import Counters, status_line
from server.imap.commands.metadata import metadata_line
from server.imap.handler import Context
from server.imap.syntax import command as c
from server.imap.syntax.error import ProtocolError
from server.imap.syntax.mailbox_name import DELIMITER, Pattern
from server.imap.syntax.response import Reply, untagged
from server.store import annotations, mailboxes
from server.store.model import Mailbox
from server.store.virtual import is_only_a_name

MAX_PATTERNS = 2_000
"""Characters of all patterns of one command; a mailbox name has 500 octets at most."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """A name to be listed; `mailbox` is None where only a subscription is left of it."""

    name: str
    mailbox: Mailbox | None
    subscribed: bool


class _Tree:
    """All names of an account, and which of them have others below."""

    def __init__(self, entries: Iterable[_Entry]) -> None:
        self.entries = sorted(entries, key=lambda entry: (entry.name != "INBOX", entry.name))
        self.parents: set[str] = set()
        self.subscribed_below: set[str] = set()
        for entry in self.entries:
            levels = entry.name.split(DELIMITER)
            above = [DELIMITER.join(levels[:depth]) for depth in range(1, len(levels))]
            if entry.mailbox is not None:
                self.parents.update(above)
            if entry.subscribed:
                self.subscribed_below.update(above)


async def list_(ctx: Context, command: c.List) -> Reply:
    if command.patterns == ("",) and not command.extended:
        # RFC 9051 §6.3.9: an empty pattern asks for the delimiter.
        return Reply("Done", untagged=(untagged(b"LIST", rb'(\Noselect) "/" ""'),))
    ctx.condstore |= "HIGHESTMODSEQ" in command.status
    matches = _matcher(command.reference, command.patterns)
    asked = frozenset(entry.lower() for entry in command.metadata)

    def look(reader: Reader) -> _Found:
        return _matching(reader, matches, command.status, asked)

    found, arranged = await ctx.read(lambda r: (look(r), virtual.is_arranged(ctx, r)))
    if not arranged:
        await virtual.arrange(ctx)
        found = await ctx.read(look)
    lines = [(entry, line) for entry in found.entries if (line := _line(ctx, found.tree, entry, command)) is not None]
    if late := found.late.intersection(entry.mailbox.id for entry, _ in lines if entry.mailbox is not None):
        await virtual.refresh(ctx, late)
        found = await ctx.read(look)
    answer: list[bytes] = []
    for entry, line in lines:
        answer.append(line)
        if entry.mailbox is None:
            continue
        # RFC 5819 §2: what cannot be selected has no STATUS.
        if entry.mailbox.id in found.counters:
            answer.append(status_line(ctx, entry.mailbox, found.counters[entry.mailbox.id], command.status))
        if command.metadata and not is_foreign(entry.name):
            here = found.notes.get(entry.mailbox.id, {})
            answer.append(metadata_line(ctx, entry.name, {name: here.get(name.lower()) for name in command.metadata}))
    return Reply("Done", untagged=tuple(answer))


@dataclass(frozen=True, slots=True)
class _Found:
    """All names, those that the patterns mean, counters and annotations of these; virtual mailboxes whose counters are old."""

    tree: _Tree
    entries: list[_Entry]
    counters: dict[int, Counters]
    late: frozenset[int]
    notes: dict[int, dict[str, bytes]]


def _matching(
    reader: Reader, matches: "_Matcher", items: tuple[str, ...] = (), asked: frozenset[str] = frozenset()
) -> _Found:
    every = [_Entry(mailbox.name, mailbox, mailbox.subscribed) for mailbox in mailboxes.list_all(reader)]
    every += [_Entry(name, None, subscribed=True) for name in mailboxes.lost_subscriptions(reader)]
    tree = _Tree(every)
    entries = [entry for entry in tree.entries if matches(entry.name)]
    here = [m for entry in entries if (m := entry.mailbox) is not None and not is_only_a_name(m)] if items else []
    late = virtual.behind(reader, [mailbox.id for mailbox in here if mailbox.rule is not None])
    counters = {mailbox.id: Counters.of(reader, mailbox.id, items) for mailbox in here}
    notes = annotations.of_mailboxes(reader, asked) if asked else {}
    return _Found(tree, entries, counters, frozenset(late), notes)


def _matcher(reference: str, patterns: tuple[str, ...]) -> "_Matcher":
    if sum(len(reference) + len(pattern) for pattern in patterns) > MAX_PATTERNS:
        raise ProtocolError("The patterns are too long")
    # RFC 9051 §6.3.9: the reference is put before the pattern as it stands.
    return _Matcher([Pattern(_inbox(reference + pattern)) for pattern in patterns])


def _inbox(pattern: str) -> str:
    head, slash, rest = pattern.partition(DELIMITER)
    return ("INBOX" if head.upper() == "INBOX" else head) + slash + rest


class _Matcher:
    __slots__ = ("_patterns",)

    def __init__(self, patterns: list[Pattern]) -> None:
        self._patterns = patterns

    def __call__(self, name: str) -> bool:
        return any(pattern.matches(name) for pattern in self._patterns)


def _line(ctx: Context, tree: _Tree, entry: _Entry, command: c.List) -> bytes | None:
    """The LIST line of one name, None when the selection options leave it out."""
    by_subscription = "SUBSCRIBED" in command.select
    hint = False
    if by_subscription and not entry.subscribed:
        hint = "RECURSIVEMATCH" in command.select and entry.name in tree.subscribed_below
        if not hint:
            return None
    if entry.mailbox is None and not by_subscription:
        return None
    use = entry.mailbox.special_use if entry.mailbox is not None else None
    if "SPECIAL-USE" in command.select and use is None:
        return None
    words = []
    if entry.mailbox is None:
        words.append(rb"\NonExistent")
    # RFC 3348 §3: one of the two, always.
    words.append(rb"\HasChildren" if entry.name in tree.parents else rb"\HasNoChildren")
    if entry.subscribed and (by_subscription or "SUBSCRIBED" in command.returned):
        words.append(rb"\Subscribed")
    if use is not None:
        words.append(use.encode("ascii"))
    if entry.mailbox is not None:
        words += virtual.attributes(entry.mailbox)
    parts = [b"LIST", b"(" + b" ".join(words) + b")", b'"/"', ctx.format_name(entry.name)]
    if hint or ("RECURSIVEMATCH" in command.select and entry.name in tree.subscribed_below):
        parts.append(b'("CHILDINFO" ("SUBSCRIBED"))')  # RFC 5258 §3.5
    return untagged(*parts)


async def lsub(ctx: Context, command: c.Lsub) -> Reply:
    matches = _matcher(command.reference, (command.pattern,))
    found = await ctx.read(lambda r: _matching(r, matches))
    lines = []
    for entry in found.entries:
        if entry.subscribed:
            words = rb"(\Noselect)" if entry.mailbox is None else b"()"
        elif command.pattern.endswith("%") and entry.name in found.tree.subscribed_below:
            words = rb"(\Noselect)"  # RFC 3501 §6.3.9: only what is below it is subscribed
        else:
            continue
        lines.append(untagged(b"LSUB", words, b'"/"', ctx.format_name(entry.name)))
    return Reply("Done", untagged=tuple(lines))
