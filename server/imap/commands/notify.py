"""NOTIFY (RFC 5465): from now on the client is told of what it names here, without asking."""

from server.imap import virtual
from server.imap.commands.listening import status_line
from server.imap.errors import Reason, Refusal
from server.imap.handler import Context
from server.imap.syntax.fetch_att import Column
from server.imap.syntax.notify import (
    FLAG_CHANGE,
    MAILBOX_METADATA,
    MAILBOX_NAME,
    MESSAGE_EXPUNGE,
    MESSAGE_NEW,
    SERVER_METADATA,
    SUBSCRIPTION_CHANGE,
    Notify,
)
from server.imap.syntax.response import Reply
from server.imap.updates import look_again, report
from server.imap.watch import TooManyWatched, Watch

SUPPORTED = frozenset(
    {
        MESSAGE_NEW,
        MESSAGE_EXPUNGE,
        FLAG_CHANGE,
        MAILBOX_NAME,
        SUBSCRIPTION_CHANGE,
        MAILBOX_METADATA,
        SERVER_METADATA,
    }
)
"""The refusal of others names these (`errors.Reason.BAD_EVENT`)."""


async def notify(ctx: Context, command: Notify) -> Reply:
    if not command.groups:
        ctx.watch = Watch()
        return Reply("Done")
    if any(group.events - SUPPORTED for group in command.groups):
        raise Refusal(Reason.BAD_EVENT)  # RFC 5465 §3.1: NO, not BAD
    watch = Watch(command.groups)
    try:
        first = await ctx.read(watch.begin)
        if watch.virtual and await virtual.renew(ctx, watch.virtual):
            first = await ctx.read(watch.begin)
    except TooManyWatched:
        raise Refusal(Reason.NOTIFICATION_OVERFLOW) from None
    ctx.condstore |= Column.MODSEQ in watch.attributes
    selected = ctx.own_selected
    await _catch_up(ctx)
    ctx.watch = watch
    if not command.status:
        return Reply("Done")
    return Reply("Done", untagged=tuple(status_line(ctx, each) for each in first if each.mailbox.id != selected))


async def _catch_up(ctx: Context) -> None:
    """RFC 5465 §3.1: what has gathered in the selected mailbox is told at once, whatever is wanted of it later."""
    view = ctx.selected
    if view is None:
        return
    await ctx.read_view(view.recall_flags)
    await look_again(ctx)
    ctx.send(await report(ctx, expunge=True, flags=True))
