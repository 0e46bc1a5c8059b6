"""COPY and MOVE (RFC 9051 §6.4.7, §6.4.8, RFC 4315, RFC 6851). The octets are shared, so copying is cheap (security T127)."""

from server.db.transaction import Writer
from server.imap.handler import Context
from server.imap.syntax import command as c
from server.imap.syntax.response import Reply, status
from server.imap.syntax.sequence import format_numbers
from server.store import copy as store
from server.store import mailboxes
from server.store.model import Copied


async def copy(ctx: Context, command: c.Copy) -> Reply:
    view = ctx.writable_view if command.move else ctx.view
    await ctx.load_view()
    uids = view.uids_at(view.positions(command.sequence, uid=command.uid, saved=ctx.saved))

    def write(writer: Writer) -> Copied:
        target = mailboxes.by_name(writer, command.mailbox)
        act = store.move if command.move else store.copy
        return act(writer, view.mailbox_id, uids, target.id)

    done = await ctx.write(write)
    if not done.pairs:
        return Reply("No message to act on")
    code = b"COPYUID %d %b %b" % (
        done.uidvalidity,
        format_numbers(source for source, _ in done.pairs),
        format_numbers(target for _, target in done.pairs),
    )
    ctx.woken = True  # a copy into the same mailbox, or the expunges of a move, follow at once
    if command.move:
        # RFC 6851 §4.3: the code comes before the EXPUNGE responses.
        ctx.send(status(b"*", b"OK", "Moved", code))
        return Reply("Done")
    return Reply("Done", code)
