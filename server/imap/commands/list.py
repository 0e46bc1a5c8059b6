"""LIST and LSUB (RFC 9051 §6.3.9, RFC 5258, RFC 5819, RFC 6154, RFC 9590, RFC 3501 §6.3.9).

One read of all mailboxes answers any form; STATUS return data comes from the same stored counters, so a client needs no
command per mailbox. Matching costs the length of the patterns times that of all names, so patterns have a bound, and it is done
where the read is, not on the event loop (security T125).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from server.db.transaction import Reader
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
    tree, found, counters, notes = await ctx.read(
        lambda r: (*_matching(r, matches, command.status), annotations.of_mailboxes(r, asked) if asked else {})
    )
    lines: list[bytes] = []
    for entry in found:
        line = _line(ctx, tree, entry, command)
        if line is None:
            continue
        lines.append(line)
        if command.status and entry.mailbox is not None:
            lines.append(status_line(ctx, entry.mailbox, counters[entry.mailbox.id], command.status))
        if command.metadata and entry.mailbox is not None and not is_foreign(entry.name):
            here = notes.get(entry.mailbox.id, {})
            lines.append(metadata_line(ctx, entry.name, {name: here.get(name.lower()) for name in command.metadata}))
    return Reply("Done", untagged=tuple(lines))


def _matching(
    reader: Reader, matches: "_Matcher", items: tuple[str, ...]
) -> tuple[_Tree, list[_Entry], dict[int, Counters]]:
    """All names, and those that the patterns mean."""
    entries, counters = _look(reader, items)
    tree = _Tree(entries)
    return tree, [entry for entry in tree.entries if matches(entry.name)], counters


def _look(reader: Reader, items: tuple[str, ...]) -> tuple[list[_Entry], dict[int, Counters]]:
    found = mailboxes.list_all(reader)
    entries = [_Entry(mailbox.name, mailbox, mailbox.subscribed) for mailbox in found]
    entries += [_Entry(name, None, subscribed=True) for name in mailboxes.lost_subscriptions(reader)]
    counters = {mailbox.id: Counters.of(reader, mailbox.id, items) for mailbox in found} if items else {}
    return entries, counters


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
    parts = [b"LIST", b"(" + b" ".join(words) + b")", b'"/"', ctx.format_name(entry.name)]
    if hint or ("RECURSIVEMATCH" in command.select and entry.name in tree.subscribed_below):
        parts.append(b'("CHILDINFO" ("SUBSCRIBED"))')  # RFC 5258 §3.5
    return untagged(*parts)


async def lsub(ctx: Context, command: c.Lsub) -> Reply:
    matches = _matcher(command.reference, (command.pattern,))
    tree, found, _ = await ctx.read(lambda r: _matching(r, matches, ()))
    lines = []
    for entry in found:
        if entry.subscribed:
            words = rb"(\Noselect)" if entry.mailbox is None else b"()"
        elif command.pattern.endswith("%") and entry.name in tree.subscribed_below:
            words = rb"(\Noselect)"  # RFC 3501 §6.3.9: only what is below it is subscribed
        else:
            continue
        lines.append(untagged(b"LSUB", words, b'"/"', ctx.format_name(entry.name)))
    return Reply("Done", untagged=tuple(lines))
