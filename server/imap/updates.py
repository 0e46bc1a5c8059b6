"""Changes by others, from the store to the client: after a command, while it is idle, and by NOTIFY.

A client that keeps mod-sequences takes the highest it has seen, when the tagged response comes, as the point to resynchronise from.
So whoever tells mod-sequences looks for news before that response, and what may not be told yet is named by a lower HIGHESTMODSEQ
(RFC 7162 §1: no change is lost when the connection is).
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from server.db.transaction import Reader
from server.imap import virtual
from server.imap.flags import flag_lines
from server.imap.handler import Context
from server.imap.result_context import ResultContext
from server.imap.selected import Selected
from server.imap.syntax.response import status
from server.store import flag_set


async def news(ctx: Context, *, expunge: bool, look: bool, own: bool = False) -> bytes:
    """What the client is to hear of its mailbox. Raises NoSuchMailbox when the mailbox is gone.

    The store is read when the bus has told of a change, or when `look` (a wake can be lost, and NOOP must not lie). `own` says that
    the client has taken messages away itself, which it hears in any case.
    """
    view, watch = ctx.view, ctx.watch
    if watch is not None and not (watch.messages or own):
        return b""  # RFC 5465 §3.1: it has said that it does not want to know
    if look or ctx.woken:
        await look_again(ctx)
    if watch is not None and watch.attributes and view.has_unannounced:
        await ctx.load_view()
        watch.queue_new(view.unannounced)
    changes = await report(ctx, expunge=expunge, flags=_wants_flags(ctx))
    if view.guest is not None and view.guest.told != view.guest.held:
        return await _rights(ctx) + changes
    return changes


async def look_again(ctx: Context) -> None:
    """Take up what has happened in the selected mailbox."""
    view = ctx.view
    ctx.woken = False
    if view.virtual:
        await virtual.renew(ctx, (view.mailbox_id,))
    await ctx.read_view(_look(view, ctx.contexts))
    claim_recent(ctx)


async def report(ctx: Context, *, expunge: bool, flags: bool) -> bytes:
    """What has been taken up and not been told; results that are kept up to date lose what is expunged before it is."""
    leaving = _leaving(ctx.view, ctx.contexts) if ctx.contexts else None
    told = partial(
        ctx.view.report, expunge=expunge, modseq=ctx.condstore, vanished=ctx.qresync, flags=flags, leaving=leaving
    )
    return await ctx.services.store.run(told) if any(each.is_large for each in ctx.contexts) else told()


async def highest_after_expunge(ctx: Context) -> bytes:
    """The response code of RFC 7162 §3.2.7: no more than the client has heard of once this command's news are told."""
    view = ctx.view
    await ctx.read_view(_look(view, ctx.contexts))
    claim_recent(ctx)
    return b"HIGHESTMODSEQ %d" % view.heard(flags=_wants_flags(ctx))


def _wants_flags(ctx: Context) -> bool:
    return ctx.watch is None or ctx.watch.flags


def claim_recent(ctx: Context, *, number: int | None = None) -> None:
    """Find out which of the messages that came lately this session is the first to be told of (`newness`).

    Args:
        ctx: The session.
        number: How many there are from `view.recent.through` on, when the view was made just now; else they are counted.
    """
    view, recent = ctx.view, ctx.view.recent
    arrived, view.arrived = view.arrived, []
    if ctx.rev2 or view.virtual or recent.through >= view.uidnext:
        return  # a message of a virtual mailbox is recent where it came to
    key = (ctx.view_account, view.mailbox_id)
    heard = ctx.services.heard
    if view.read_only:
        first = heard.first(key, recent.through)
    else:
        first = heard.claim(key, recent.through, view.uidnext)
        ctx.heard.add(key)
    recent.add(first, view.uidnext, sum(1 for uid in arrived if uid >= first) if number is None else number)
    recent.through = view.uidnext


async def _rights(ctx: Context) -> bytes:
    """RFC 4314 §5.1.1: what may be done with flags, when that is not what it was."""
    view = ctx.view
    keywords = await ctx.read_view(lambda r: flag_set.keywords_in(r, view.mailbox_id))
    if view.guest is not None:
        view.guest.told = view.rights
    return b"".join(flag_lines(view, keywords))


def _look(view: Selected, contexts: Iterable[ResultContext]) -> Callable[[Reader], None]:
    """Results that are kept up to date change in the same snapshot as the view."""

    def look(reader: Reader) -> None:
        view.refresh(reader)
        for context in contexts:
            context.look(reader, view)

    return look


def _leaving(view: Selected, contexts: Iterable[ResultContext]) -> Callable[[Sequence[int]], bytes]:
    return lambda gone: b"".join([context.leaving(view, gone) for context in contexts])


def held_back(ctx: Context) -> bytes:
    """From where to resynchronise while the client does not hear of everything (RFC 7162 §1)."""
    watch = ctx.watch
    unread = watch is not None and not watch.messages and ctx.woken
    if not ctx.qresync or not (unread or ctx.view.holds_back):
        return b""
    return status(b"*", b"OK", "More has changed", b"HIGHESTMODSEQ %d" % ctx.view.told)
