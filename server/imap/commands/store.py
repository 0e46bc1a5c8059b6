"""STORE and UID STORE (RFC 9051 §6.4.6, RFC 7162 §3.1.3)."""

from operator import itemgetter

from server.db.transaction import Writer
from server.imap.errors import Reason, Refusal
from server.imap.flags import settable
from server.imap.handler import Context
from server.imap.progress import patiently
from server.imap.syntax import command as c
from server.imap.syntax.fetch_response import fetch, flag_list, uid_fetch
from server.imap.syntax.response import Reply
from server.imap.syntax.sequence import format_numbers
from server.store import flags, virtual_origin
from server.store.model import FlagResult
from server.store.rights import SETS_FLAGS, FlagMask, Rights, flag_mask, right_for

_OPERATIONS: dict[c.StoreMode, flags.Op] = {
    c.StoreMode.ADD: "add",
    c.StoreMode.REMOVE: "remove",
    c.StoreMode.REPLACE: "replace",
}


async def store(ctx: Context, command: c.Store) -> Reply:
    view = ctx.writable_view
    wanted = settable(command.flags)
    operation = _OPERATIONS[command.mode]
    ctx.condstore |= command.unchanged_since is not None
    await ctx.load_view()
    uids = view.uids_at(view.positions(command.sequence, uid=command.uid, saved=ctx.saved))
    if not uids:
        return Reply("Done")

    def change(writer: Writer) -> FlagResult:
        if view.virtual:  # in one's own account, with every right
            return virtual_origin.store_flags(
                writer, view.mailbox_id, uids, operation, wanted, unchanged_since=command.unchanged_since
            )
        mask = _mask(view.rights, wanted, operation)
        return flags.store_flags(
            writer, view.mailbox_id, uids, operation, wanted, unchanged_since=command.unchanged_since, mask=mask
        )

    result = await patiently(ctx, ctx.write_view(change))
    if not command.silent or result.before <= view.modseq:
        view.note_own((uid, modseq) for uid, _, modseq in result.changed)
    # RFC 9051 §6.4.6: even after .SILENT a change that others made, and that this one has covered up, is told.
    # What no longer belongs into a virtual mailbox leaves it with this command; otherwise,
    ctx.woken |= view.virtual or ctx.condstore  # the mod-sequences told are the highest (`server.imap.updates`)
    await _tell(ctx, command, result)
    if result.failed:
        failed = result.failed if command.uid else view.numbers(result.failed)
        return Reply("Some of the messages have changed", b"MODIFIED " + format_numbers(failed))
    return Reply("Done")


def _mask(held: Rights, wanted: list[str], operation: flags.Op) -> FlagMask:
    """What may be changed; raises Refusal when that is nothing of what is asked."""
    mask = flag_mask(held)
    if mask.everything:
        return mask
    # RFC 4314 §4: STORE SHOULD NOT fail if at least one of the flags may be modified. All are by FLAGS without a sign.
    asked = SETS_FLAGS if operation == "replace" else {right_for(flag) for flag in wanted}
    if asked and not asked & held:
        raise Refusal(Reason.NO_PERMISSION)
    return mask


async def _tell(ctx: Context, command: c.Store, result: FlagResult) -> None:
    """The new flags of every message, or only the new mod-sequences after .SILENT."""
    view = ctx.view
    if command.silent and not ctx.condstore:
        return
    told = result.changed if command.silent else sorted(result.changed + result.same, key=itemgetter(0))
    for uid, names, modseq in told:
        # RFC 7162 §3.1.3: with UNCHANGEDSINCE or a client that keeps mod-sequences, the uid and the new one are told.
        items = [b"UID %d" % uid] if (command.uid or ctx.condstore) and not view.by_uid else []
        if not command.silent:
            items.append(b"FLAGS " + flag_list(view.flags_of(uid, names)))
        if ctx.condstore:
            items.append(b"MODSEQ (%d)" % modseq)
        ctx.send(uid_fetch(uid, items) if view.by_uid else fetch(view.number(uid), items))
        await ctx.drain()
