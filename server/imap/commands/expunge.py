"""EXPUNGE and UID EXPUNGE (RFC 9051 §6.4.3, RFC 4315). The session sends the EXPUNGE lines, as for anybody's expunge."""

from server.imap.handler import Context
from server.imap.progress import patiently
from server.imap.syntax import command as c
from server.imap.syntax.response import Reply
from server.imap.updates import highest_after_expunge
from server.store import expunge as store
from server.store import virtual_origin
from server.store.rights import EXPUNGE


async def expunge(ctx: Context, command: c.Expunge) -> Reply:
    view = ctx.writable_view
    uids: list[int] | None = None
    if command.uids is not None:
        await ctx.load_view()
        uids = view.uids_at(view.positions(command.uids, uid=True, saved=ctx.saved))
    remove = virtual_origin.expunge if view.virtual else store.expunge
    gone = await patiently(ctx, ctx.write_view(lambda w: remove(w, view.mailbox_id, uids), EXPUNGE))
    if not gone:
        return Reply("Nothing to expunge")
    if ctx.qresync:
        return Reply("Done", await highest_after_expunge(ctx))
    ctx.woken = True
    return Reply("Done")
