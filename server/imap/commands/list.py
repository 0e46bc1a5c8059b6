"""LIST and LSUB (RFC 9051 §6.3.9, RFC 5258, RFC 5819, RFC 6154, RFC 8440, RFC 9590, RFC 3501 §6.3.9).

STATUS return data comes from the same stored counters, so a client needs no command per mailbox.
"""

from collections.abc import Collection, Coroutine
from typing import Any

from server.db.errors import DatabaseError
from server.imap import virtual
from server.imap.commands.acl import my_rights_line
from server.imap.commands.mailbox import status_line
from server.imap.commands.metadata import metadata_line
from server.imap.commands.names import Entry, Matcher, Tree, Wanted, gather
from server.imap.handler import Context
from server.imap.syntax import command as c
from server.imap.syntax.response import Reply, untagged
from server.store import annotations


async def list_(ctx: Context, command: c.List) -> Reply:
    if command.patterns == ("",) and not command.extended:
        # RFC 9051 §6.3.9: an empty pattern asks for the delimiter.
        return Reply("Done", untagged=(untagged(b"LIST", rb'(\Noselect) "/" ""'),))
    ctx.condstore |= "HIGHESTMODSEQ" in command.status
    if not command.metadata:
        return await _listed(ctx, command)
    # The values of all mailboxes at once, which may be many: as other large answers (security T126).
    async with ctx.services.answers.hold(ctx.account_id, annotations.ACCOUNT_SIZE):
        return await _listed(ctx, command)


async def _listed(ctx: Context, command: c.List) -> Reply:
    only_subscribed = "SUBSCRIBED" in command.select and "RECURSIVEMATCH" not in command.select
    asked = frozenset(entry.lower() for entry in command.metadata)
    wanted = Wanted(command.status, asked, only_subscribed=only_subscribed)
    matches = Matcher(command.reference, command.patterns)
    found = await gather(ctx, matches, wanted)
    if not found.arranged and await _is_written(ctx, virtual.arrange(ctx)):
        found = await gather(ctx, matches, wanted)
    hints = found.tree.with_hidden(found.entries) if "RECURSIVEMATCH" in command.select else set()
    listed = ((entry, _line(ctx, found.tree, entry, command, hints)) for entry in found.entries)
    lines = [(entry, line) for entry, line in listed if line is not None]
    own = {entry.mailbox.id for entry, _ in lines if entry.mailbox is not None and entry.owned}
    late = found.late.intersection(own)
    if late and await _is_written(ctx, virtual.refresh(ctx, late)):
        found = await gather(ctx, matches, wanted)
        fresh = {entry.name: entry for entry in found.entries}
        lines = [(fresh.get(entry.name, entry), line) for entry, line in lines]
    for entry, line in lines:
        ctx.send(line)
        if entry.mailbox is None:
            continue
        if entry.counters is not None:
            ctx.send(status_line(ctx, entry.mailbox, entry.counters, command.status))
        if "MYRIGHTS" in command.returned:
            ctx.send(my_rights_line(ctx, entry.mailbox, entry.rights))  # RFC 8440 §3
        if entry.notes is not None:
            here = {name: entry.notes.get(name.lower()) for name in command.metadata}
            ctx.send(metadata_line(ctx, entry.name, here))
        await ctx.drain()
    return Reply("Done")


async def _is_written(ctx: Context, work: Coroutine[Any, Any, None]) -> bool:
    """Do it, if that can be: who cannot write, on a full disk say, still learns which mailboxes there are."""
    try:
        await work
    except DatabaseError as error:
        ctx.log.warning("virtual_mailboxes_not_written", why=type(error).__name__)
        return False
    return True


def _line(ctx: Context, tree: Tree, entry: Entry, command: c.List, hints: Collection[str]) -> bytes | None:
    """The LIST line of one name, None when the selection options leave it out."""
    by_subscription = "SUBSCRIBED" in command.select
    hint = entry.name in hints
    if by_subscription and not entry.subscribed and not hint:
        return None
    if entry.mailbox is None and not (by_subscription or entry.is_level):
        return None
    use = entry.mailbox.special_use if entry.mailbox is not None else None
    if "SPECIAL-USE" in command.select and use is None:
        return None
    words = []
    if entry.mailbox is None:
        words.append(rb"\Noselect" if entry.is_level else rb"\NonExistent")
    # RFC 3348 §3: one of the two, always.
    words.append(rb"\HasChildren" if entry.name in tree.parents else rb"\HasNoChildren")
    if entry.subscribed and (by_subscription or "SUBSCRIBED" in command.returned):
        words.append(rb"\Subscribed")
    if use is not None:
        words.append(use.encode("ascii"))
    if entry.mailbox is not None:
        words += virtual.attributes(entry.mailbox)
    parts = [b"LIST", b"(" + b" ".join(words) + b")", b'"/"', ctx.format_name(entry.name)]
    if hint:
        parts.append(b'("CHILDINFO" ("SUBSCRIBED"))')  # RFC 5258 §3.5: of those that have no line of their own
    return untagged(*parts)


async def lsub(ctx: Context, command: c.Lsub) -> Reply:
    matches = Matcher(command.reference, (command.pattern,))
    found = await gather(ctx, matches, Wanted(only_subscribed=True))
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
