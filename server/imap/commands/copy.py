"""COPY and MOVE (RFC 9051 §6.4.7, §6.4.8, RFC 4315, RFC 6851). Within an account octets are shared, so it is cheap (security T127)."""

from server.db.transaction import Writer
from server.imap.access import Place, require
from server.imap.commands.copy_across import REMOVES, Journey
from server.imap.handler import Context
from server.imap.progress import patiently
from server.imap.selected import Selected
from server.imap.syntax import command as c
from server.imap.syntax.response import Reply, status
from server.imap.syntax.sequence import format_numbers
from server.store import copy as store
from server.store import rights, virtual_origin
from server.store.model import Copied


async def copy(ctx: Context, command: c.Copy) -> Reply:
    view = ctx.writable_view if command.move else ctx.view
    await ctx.load_view()
    uids = view.uids_at(view.positions(command.sequence, uid=command.uid, saved=ctx.saved))
    place = await ctx.locate(command.mailbox)
    if place.account != ctx.view_account:
        return await _across(ctx, Journey(ctx, view, place), uids, move=command.move)
    done = await _within(ctx, view, place, uids, move=command.move)
    if not done.pairs:
        return Reply("No message to act on")
    ctx.woken = True  # a copy into the same mailbox, or the expunges of a move, follow at once
    if command.move:
        _tell_moved(ctx, done)
        return Reply("Done")
    return Reply("Done", _copyuid(done))


def _tell_moved(ctx: Context, done: Copied) -> None:
    # RFC 6851 §4.3: the code comes before the EXPUNGE responses.
    ctx.send(status(b"*", b"OK", "Moved", _copyuid(done)))


def _copyuid(done: Copied) -> bytes:
    """The response code of RFC 4315 §3."""
    return b"COPYUID %d %b %b" % (
        done.uidvalidity,
        format_numbers(source for source, _ in done.pairs),
        format_numbers(target for _, target in done.pairs),
    )


async def _within(ctx: Context, view: Selected, place: Place, uids: list[int], *, move: bool) -> Copied:
    """Copy or move within an account, at once."""

    def write(writer: Writer) -> Copied:
        if move:
            require(view.rights, REMOVES)
        target = place.mailbox(writer, rights.INSERT)
        if view.virtual:
            act_on_origins = virtual_origin.move_out if move else virtual_origin.copy_out
            return act_on_origins(writer, view.mailbox_id, uids, target.id)
        act = store.move if move else store.copy
        return act(writer, view.mailbox_id, uids, target.id, mask=rights.flag_mask(place.held))

    return await patiently(ctx, ctx.write_view(write))


async def _across(ctx: Context, journey: Journey, uids: list[int], *, move: bool) -> Reply:
    if not move:
        await patiently(ctx, journey.copy(uids))
        return Reply("Done", _copyuid(journey.arrived)) if journey.pairs else Reply("No message to act on")
    try:
        await patiently(ctx, journey.move(uids))
    finally:
        if journey.pairs:
            _tell_moved(ctx, journey.arrived)
            ctx.woken = True
    return Reply("Done") if journey.pairs else Reply("No message to act on")
