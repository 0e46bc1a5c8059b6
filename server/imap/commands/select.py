"""SELECT, EXAMINE, CLOSE, UNSELECT, CHECK, ENABLE's counterpart QRESYNC (RFC 9051 §6.3.2, RFC 7162).

Selecting reads one row of counters, whatever the size of the mailbox; the list of messages comes when a number is used.
"""

from server.db.transaction import Reader
from server.imap.handler import Context, State
from server.imap.selected import Selected
from server.imap.syntax import command as c
from server.imap.syntax.error import ProtocolError
from server.imap.syntax.fetch_response import flag_update
from server.imap.syntax.response import Reply, status, untagged
from server.imap.syntax.response import flags as format_flags
from server.imap.syntax.sequence import Ranges, contains, format_numbers
from server.store import changes, expunge, flag_set, mailboxes, messages
from server.store.model import Delta, Mailbox, Status

_SYSTEM = ("\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft")
_CLOSED = status(b"*", b"OK", "The previous mailbox is closed", b"CLOSED")


async def select(ctx: Context, command: c.Select) -> Reply:
    if command.qresync is not None and not ctx.qresync:
        raise ProtocolError("ENABLE QRESYNC first")  # RFC 7162 §3.2.5
    if ctx.selected is not None:
        ctx.unselect()
        # RFC 9051 §7.1: from here on, data belongs to the new mailbox.
        ctx.send(_CLOSED)
    ctx.condstore |= command.condstore

    def look(reader: Reader) -> tuple[Mailbox, Status, list[str], Delta | None]:
        mailbox = mailboxes.by_name(reader, command.mailbox)
        found = mailboxes.status(reader, mailbox.id)
        resync = command.qresync
        delta = None
        if resync is not None and resync.uidvalidity == found.uidvalidity:
            delta = changes.since(reader, mailbox.id, resync.modseq)
        return mailbox, found, flag_set.keywords(reader), delta

    mailbox, found, keywords, delta = await ctx.read(look)
    view = Selected(
        mailbox_id=mailbox.id,
        name=mailbox.name,
        uidvalidity=found.uidvalidity,
        uidnext=found.uidnext,
        modseq=found.highestmodseq,
        exists=found.messages,
        read_only=command.read_only,
    )
    ctx.selected = view
    ctx.state = State.SELECTED
    ctx.woken = False
    ctx.send(_description(ctx, mailbox, found, keywords, read_only=command.read_only))
    if delta is not None and command.qresync is not None:
        await _resync(ctx, delta, None if command.qresync.known is None else command.qresync.known.resolve(0))
    return Reply("Done", b"READ-ONLY" if command.read_only else b"READ-WRITE")


def _description(ctx: Context, mailbox: Mailbox, found: Status, keywords: list[str], *, read_only: bool) -> bytes:
    settable = [*_SYSTEM, *keywords]
    permanent = b"()" if read_only else format_flags(settable)[:-1] + b" \\*)"
    lines = [
        untagged(b"FLAGS", format_flags(settable)),
        status(b"*", b"OK", "Flags that stay", b"PERMANENTFLAGS " + permanent),
        untagged(b"%d EXISTS" % found.messages),
        status(b"*", b"OK", "Valid uids", b"UIDVALIDITY %d" % found.uidvalidity),
        status(b"*", b"OK", "Next uid", b"UIDNEXT %d" % found.uidnext),
        status(b"*", b"OK", "Highest", b"HIGHESTMODSEQ %d" % found.highestmodseq),
        status(b"*", b"OK", "Mailbox id", b"MAILBOXID (%s)" % mailbox.object_id.encode("ascii")),
    ]
    if ctx.rev2:
        # RFC 9051 §6.3.2: a LIST response tells the name as the server spells it.
        from_server = ctx.format_name(mailbox.name)
        lines.append(untagged(b"LIST", b"()", b'"/"', from_server))
    else:
        lines.insert(1, untagged(b"0 RECENT"))
    return b"".join(lines)


async def _resync(ctx: Context, delta: Delta, known: Ranges | None) -> None:
    """RFC 7162 §3.2.5: what happened to the messages the client knew."""
    gone = [uid for uid in delta.vanished if known is None or contains(known, uid)]
    if gone:
        ctx.send(untagged(b"VANISHED (EARLIER) " + format_numbers(gone)))
    changed = {uid: (flags, modseq) for uid, flags, modseq in delta.changed}
    new = set(delta.new)
    if not changed and not new:
        return
    view = await ctx.load_view()
    if new:
        rows = await ctx.read(
            lambda r: messages.rows(r, view.mailbox_id, sorted(new), fields=frozenset({"flags", "modseq"}))
        )
        changed.update({row.uid: (row.flags, row.modseq) for row in rows})
    for uid, (flags, modseq) in sorted(changed.items()):
        number = view.number(uid)
        if number and (known is None or uid in new or contains(known, uid)):
            ctx.send(flag_update(number, uid, flags, modseq))
            await ctx.drain()


async def close(ctx: Context, command: c.Close) -> Reply:
    """CLOSE expunges without telling; UNSELECT does not (RFC 9051 §6.4.1, §6.4.2; RFC 3691 §2)."""
    view = ctx.view
    code = None
    if command.expunge and not view.read_only:
        gone = await ctx.write(lambda w: expunge.expunge(w, view.mailbox_id, None))
        if gone and ctx.qresync:
            found = await ctx.read(lambda r: mailboxes.status(r, view.mailbox_id))
            code = b"HIGHESTMODSEQ %d" % found.highestmodseq
    ctx.unselect()
    return Reply("Done", code)


async def check(_ctx: Context, _command: c.Check) -> Reply:
    """RFC 3501 §6.4.1: nothing is ever left to be written, so this is NOOP."""
    return Reply("Done")
