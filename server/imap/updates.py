"""Changes by others, from the store to the client: after a command, and while it is idle."""

from server.imap.handler import Context


async def news(ctx: Context, *, expunge: bool, look: bool) -> bytes:
    """What the client is to hear of its mailbox. Raises NoSuchMailbox when the mailbox is gone.

    The store is read when the bus has told of a change, or when `look` (a wake can be lost, and NOOP must not lie).
    """
    view = ctx.view
    if look or ctx.woken:
        ctx.woken = False
        await ctx.read_view(view.refresh)
    return view.report(expunge=expunge, modseq=ctx.condstore, vanished=ctx.qresync)
