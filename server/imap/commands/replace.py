"""REPLACE and UID REPLACE (RFC 8508): a new message in place of one of the selected mailbox, in one commit.

As with MOVE, the code of the new message comes before the EXPUNGE of the old one, which the session sends. Numbers are looked up
before anything changes, and REPLACE is none of the commands during which numbers must stand still (RFC 9051 §7.5.1).
"""

from datetime import UTC, datetime

from server.db.transaction import Reader, Writer
from server.imap.access import require
from server.imap.commands.append import prepare, require_acceptable
from server.imap.commands.catenate import assembled
from server.imap.errors import Reason, Refusal
from server.imap.flags import settable
from server.imap.handler import Context
from server.imap.syntax import command as c
from server.imap.syntax.response import Reply, status
from server.imap.updates import highest_after_expunge
from server.store import replace as replacing
from server.store import rights, virtual_origin
from server.store.append import Prepared
from server.store.model import Appended


async def replace(ctx: Context, command: c.Replace) -> Reply:
    view = ctx.writable_view
    (message,) = await assembled(ctx, (command.message,))
    require_acceptable(ctx, message)
    flags = settable(message.flags)
    await ctx.load_view()
    uids = view.uids_at(view.positions(command.sequence, uid=command.uid))
    if not uids:
        raise Refusal(Reason.NO_SUCH_MESSAGE)
    (uid,) = uids
    place = await ctx.locate(command.mailbox)
    if place.account != ctx.view_account:
        raise Refusal(Reason.ACROSS_ACCOUNTS)  # two accounts have no commit in common

    def ready(reader: Reader) -> Prepared:
        place.mailbox(reader, rights.INSERT)  # an unknown one is refused before the work
        return prepare(message.octets)

    prepared = await ctx.read_view(ready)
    arrived = message.internaldate or datetime.now(UTC)

    def write(writer: Writer) -> Appended:
        # RFC 8508 §4.1: what APPEND takes there, and STORE of \Deleted and EXPUNGE here.
        require(view.rights, rights.DELETE_MESSAGES + rights.EXPUNGE)
        target = place.mailbox(writer, rights.INSERT)
        kept = rights.allowed(flags, place.held)
        act = virtual_origin.replace if view.virtual else replacing.replace
        return act(writer, view.mailbox_id, uid, target.id, prepared, flags=kept, internaldate=arrived)

    done = await ctx.write_view(write)
    # RFC 8508 §4.3: the code comes before the EXPUNGE.
    ctx.send(status(b"*", b"OK", "The replacement is here", b"APPENDUID %d %d" % (done.uidvalidity, done.uid)))
    if ctx.qresync:
        return Reply("Done", await highest_after_expunge(ctx))  # RFC 8508 §4.5
    ctx.woken = True
    return Reply("Done")
