"""What is sent without being asked for: between two commands where NOTIFY wants that, and while the client is idle (RFC 5465, 2177).

A wake of the bus makes the session look; because a wake can be lost it also looks every `LOOK` seconds, where the accounts' files were
written since: who waits all night keeps no database open. A connection that has never used NOTIFY waits without being woken.
"""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from functools import partial

from server.db.footprint import Footprint
from server.imap import virtual
from server.imap.access import is_foreign
from server.imap.commands.fetch import describe
from server.imap.errors import reason_of
from server.imap.handler import Context, Event, SignedOut
from server.imap.picture import Annotated, Counted, Listed
from server.imap.result_context import ResultContext
from server.imap.syntax.fragment import Fragment
from server.imap.syntax.notify import FLAG_CHANGE
from server.imap.syntax.response import astring, parenthesised, status, untagged
from server.imap.updates import held_back, news
from server.imap.watch import TooManyWatched, Watch
from server.store.errors import NoSuchMailbox

LOOK = 30.0

Prints = tuple[Footprint, ...]
"""How the files of the accounts looked that a connection listens to."""


async def listen(ctx: Context, seconds: float) -> Fragment | Event:
    """Wait for the client as `Channel.next` does; meanwhile what NOTIFY asked for is sent as it happens.

    Raises:
        NoSuchMailbox: The selected mailbox is gone.
        SignedOut
    """
    now = asyncio.get_running_loop().time
    end = now() + seconds
    seen: Prints = ()
    while (watch := ctx.watch) is not None and watch.listens:
        left = max(0.0, end - now())
        event = await ctx.channel.next(min(LOOK, left), wakeable=True)
        if event is not Event.WOKEN and (event is not Event.TIMEOUT or left <= LOOK):
            return event
        look = False
        if event is Event.TIMEOUT:
            earlier, seen = seen, await footprint(ctx)
            if is_quiet(earlier, seen):
                continue
            look = True
        # RFC 5465 §6.1.2: with SELECTED-DELAYED expunges wait for a command.
        await _quietly(ctx, tell(ctx, expunge=not watch.delayed, look=look, others=True))
    return await ctx.channel.next(max(0.0, end - now()))


async def footprint(ctx: Context) -> Prints:
    """Look at the files of the accounts whose changes are told."""
    accounts = [] if ctx.selected is None else [ctx.view_account]
    if ctx.watch is not None and ctx.watch.watches_others and ctx.account_id not in accounts:
        accounts.append(ctx.account_id)
    return tuple([await ctx.services.store.footprint(account) for account in accounts])


def is_quiet(earlier: Prints, now: Prints) -> bool:
    """Whether nothing was written between the two looks."""
    return len(earlier) == len(now) and all(map(Footprint.proves_nothing_since, now, earlier))


async def _quietly(ctx: Context, telling: Awaitable[None]) -> None:
    try:
        await telling
    except NoSuchMailbox:
        raise
    except Exception as error:
        if reason_of(error) is None:
            raise
        # Nobody waits for an answer; what is new is still new at the next look.
        ctx.log.warning("notify_failed", why=type(error).__name__)


async def tell(ctx: Context, *, expunge: bool, look: bool, others: bool) -> None:
    """Send what is new in the selected mailbox, and in the `others` that are watched."""
    if ctx.selected is not None:
        data = await news(ctx, expunge=expunge, look=look)
        if data:
            data += held_back(ctx)
            ctx.send(data)
    await _tell_more(ctx, others=others)
    await ctx.drain(least=0)


async def follow_up(ctx: Context, *, others: bool) -> None:
    """At the end of a command, after the news of the selected mailbox: what else NOTIFY asked for."""
    with suppress(SignedOut, NoSuchMailbox):  # the next wait or the next command meets it again
        await _quietly(ctx, _tell_more(ctx, others=others))


async def _tell_more(ctx: Context, *, others: bool) -> None:
    """What the client wants to know of new messages, how results have changed, and how the other mailboxes stand."""
    watch = ctx.watch
    if watch is not None and watch.unsent and ctx.selected is not None:
        uids = watch.unsent[:]
        watch.unsent.clear()
        await describe(ctx, watch.attributes, uids)
    for context in ctx.contexts:
        await _tell_result(ctx, context)
    if watch is not None and others and watch.watches_others:
        await _tell_of_others(ctx, watch)


async def _tell_result(ctx: Context, context: ResultContext) -> None:
    """RFC 5465 §5.1, §7: after EXISTS and FETCH, so that its numbers are known."""
    if context.attributes and (arrived := context.arrived()):
        await describe(ctx, context.attributes, arrived)
    view = ctx.view if context.uid else await ctx.load_view()
    line = await ctx.services.store.run(partial(context.report, view)) if context.is_large else context.report(view)
    if line:
        ctx.send(line)


async def _tell_of_others(ctx: Context, watch: Watch) -> None:
    selected = ctx.own_selected
    if numbers := watch.virtual:
        await virtual.renew(ctx, numbers)
    try:
        found = await ctx.read(lambda r: watch.look(r, selected))
    except TooManyWatched:
        # RFC 5465 §5.8: as if NOTIFY NONE had come.
        ctx.send(status(b"*", b"OK", "There is more to watch than this server does", b"NOTIFICATIONOVERFLOW"))
        ctx.watch = Watch()
        return
    for listed in found.listed:
        ctx.send(list_line(ctx, listed))
    for annotated in found.annotated:
        ctx.send(metadata_line(ctx, annotated))
    for counted in found.counted:
        ctx.send(status_line(ctx, counted))
        await ctx.drain()


def list_line(ctx: Context, listed: Listed) -> bytes:
    """RFC 5465 §5.4 and §5.5."""
    words = []
    if not is_foreign(listed.name):  # of a mailbox of others no more is known than that its name is on the list, or not
        if listed.mailbox is None:
            words.append(rb"\NonExistent")
        words.append(rb"\HasChildren" if listed.is_parent else rb"\HasNoChildren")
    if listed.is_subscribed:
        words.append(rb"\Subscribed")
    if listed.mailbox is not None:
        if listed.mailbox.special_use is not None:
            words.append(listed.mailbox.special_use.encode("ascii"))
        words += virtual.attributes(listed.mailbox)
    parts = [b"LIST", parenthesised(words), b'"/"', ctx.format_name(listed.name)]
    if listed.old_name is not None:
        parts.append(b'("OLDNAME" (' + ctx.format_name(listed.old_name) + b"))")
    return untagged(*parts)


def metadata_line(ctx: Context, annotated: Annotated) -> bytes:
    """RFC 5464 §4.4.2: names of entries without their values."""
    entries = (astring(entry.encode("ascii")) for entry in annotated.entries)
    return untagged(b"METADATA", ctx.format_name(annotated.name), *entries)


def status_line(ctx: Context, counted: Counted) -> bytes:
    """RFC 5465 §3.1, §5.1 to §5.3; nothing where what has changed has no name without CONDSTORE."""
    mailbox = counted.mailbox
    flags = FLAG_CHANGE in counted.events
    items = []
    if counted.is_unknown or (flags and ctx.condstore):
        items.append(b"UIDVALIDITY %d" % mailbox.uidvalidity)
    if counted.counts:
        items.append(b"UIDNEXT %d MESSAGES %d" % (mailbox.uidnext, mailbox.messages))
    if counted.unseen and (flags or not counted.events):
        items.append(b"UNSEEN %d" % mailbox.unseen)
    if ctx.condstore or (flags and counted.is_unknown):
        items.append(b"HIGHESTMODSEQ %d" % mailbox.highestmodseq)
    return untagged(b"STATUS", ctx.format_name(mailbox.name), parenthesised(items)) if items else b""
