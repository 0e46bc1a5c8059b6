"""Changes by others, from the store to the client: after a command, and while it is idle.

A client that keeps mod-sequences takes the highest it has seen, when the tagged response comes, as the point to resynchronise from.
So whoever tells mod-sequences looks for news before that response, and what may not be told yet is named by a lower HIGHESTMODSEQ
(RFC 7162 §1: no change is lost when the connection is).
"""

from server.imap.handler import Context
from server.imap.syntax.response import status


async def news(ctx: Context, *, expunge: bool, look: bool) -> bytes:
    """What the client is to hear of its mailbox. Raises NoSuchMailbox when the mailbox is gone.

    The store is read when the bus has told of a change, or when `look` (a wake can be lost, and NOOP must not lie).
    """
    view = ctx.view
    if look or ctx.woken:
        ctx.woken = False
        await ctx.read_view(view.refresh)
    return view.report(expunge=expunge, modseq=ctx.condstore, vanished=ctx.qresync)


def held_back(ctx: Context) -> bytes:
    """From where to resynchronise while the client may not hear yet of what was expunged (RFC 7162 §1)."""
    if not ctx.qresync or not ctx.view.holds_back:
        return b""
    return status(b"*", b"OK", "More has changed", b"HIGHESTMODSEQ %d" % ctx.view.told)
