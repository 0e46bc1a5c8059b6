"""SELECT, EXAMINE, CLOSE, UNSELECT, CHECK, ENABLE's counterpart QRESYNC (RFC 9051 §6.3.2, RFC 7162).

Selecting reads one row of counters, whatever the size of the mailbox; the list of messages comes when a number is used.
"""

from dataclasses import dataclass

from server.db.transaction import Reader, Writer
from server.imap import virtual
from server.imap.access import Place
from server.imap.flags import flag_lines
from server.imap.handler import Context, State
from server.imap.selected import Selected
from server.imap.syntax import command as c
from server.imap.syntax.error import NumberUsed, ProtocolError
from server.imap.syntax.fetch_response import flag_update
from server.imap.syntax.response import Reply, status, untagged
from server.imap.syntax.sequence import Ranges, contains, format_numbers
from server.imap.updates import claim_recent
from server.store import changes, expunge, flag_set, mailboxes, messages, recent, rights, virtual_origin
from server.store.model import Delta, Mailbox, Message, Status

_CLOSED = status(b"*", b"OK", "The previous mailbox is closed", b"CLOSED")


@dataclass(frozen=True, slots=True)
class _Look:
    """One snapshot of a mailbox. `kept` is the first uid of which nobody was told (0 in IMAP4rev2), `number` how many there are."""

    mailbox: Mailbox
    status: Status
    keywords: list[str]
    delta: Delta | None
    new: list[Message]
    kept: int
    number: int
    unseen: int


async def select(ctx: Context, command: c.Select) -> Reply:
    if command.qresync is not None and not ctx.qresync:
        raise ProtocolError("ENABLE QRESYNC first")  # RFC 7162 §3.2.5
    if ctx.uid_only and command.qresync is not None and command.qresync.matched:
        raise NumberUsed
    if ctx.selected is not None:
        ctx.unselect()
        # RFC 9051 §7.1: from here on, data belongs to the new mailbox.
        ctx.send(_CLOSED)
    ctx.condstore |= command.condstore
    place = await ctx.locate(command.mailbox)

    def look(reader: Reader) -> _Look:
        return _look(ctx, place, command.qresync, reader)

    if place.guest is not None:
        ctx.visit(place.guest)  # before the look, so that no change falls between
    try:
        seen = await virtual.read_at(ctx, place, look)
        if seen.mailbox.rule is not None and await virtual.renew(ctx, (seen.mailbox.id,)):
            seen = await ctx.read_at(place, look)
    except BaseException:
        ctx.unselect()
        raise
    if place.guest is not None:
        place.guest.told = place.held
    mailbox, found = seen.mailbox, seen.status
    read_only = command.read_only or not rights.CHANGES & place.held
    view = Selected(
        mailbox_id=mailbox.id,
        name=mailbox.name,
        uidvalidity=found.uidvalidity,
        uidnext=found.uidnext,
        modseq=found.highestmodseq,
        exists=found.messages,
        read_only=read_only,
        guest=place.guest,
        virtual=mailbox.rule is not None,
    )
    view.by_uid = ctx.uid_only
    ctx.selected = view
    ctx.state = State.SELECTED
    ctx.woken = False
    if seen.kept:
        view.recent.through = seen.kept
        claim_recent(ctx, number=seen.number)
        view.recent.told = view.recent.number
    ctx.send(_description(ctx, seen))
    if seen.delta is not None and command.qresync is not None:
        await _resync(
            ctx, seen.delta, seen.new, None if command.qresync.known is None else command.qresync.known.resolve(0)
        )
    return Reply("Done", b"READ-ONLY" if read_only else b"READ-WRITE")


def _look(ctx: Context, place: Place, resync: c.QResync | None, reader: Reader) -> _Look:
    mailbox = place.mailbox(reader, rights.READ)
    found = mailboxes.status(reader, mailbox.id)
    delta = None
    new: list[Message] = []
    if resync is not None and resync.uidvalidity == found.uidvalidity:
        delta = changes.since(reader, mailbox.id, resync.modseq)
        # In the same snapshot: who is counted by EXISTS is named, even if it is expunged meanwhile.
        new = messages.rows(reader, mailbox.id, delta.new, fields=frozenset({"flags", "modseq"})) if delta.new else []
    has_recent = not ctx.rev2 and mailbox.rule is None
    kept, number = _recent(ctx, place.account, reader, mailbox, found) if has_recent else (0, 0)
    # RFC 3501 §6.3.1; RFC 9051 has done away with it.
    unseen = messages.first_unseen(reader, mailbox.id) if found.unseen and not ctx.rev2 else 0
    return _Look(mailbox, found, _keywords(reader, place, mailbox), delta, new, kept, number, unseen)


def _recent(ctx: Context, account: int, reader: Reader, mailbox: Mailbox, found: Status) -> tuple[int, int]:
    first = ctx.services.heard.first((account, mailbox.id), recent.first(reader, mailbox.id))
    return first, recent.count(reader, mailbox.id, first) if first < found.uidnext else 0


def _keywords(reader: Reader, place: Place, mailbox: Mailbox) -> list[str]:
    return flag_set.keywords(reader) if place.guest is None else flag_set.keywords_in(reader, mailbox.id)


def _description(ctx: Context, seen: _Look) -> bytes:
    mailbox, found = seen.mailbox, seen.status
    lines = [
        *flag_lines(ctx.view, seen.keywords),
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
        lines.insert(1, untagged(b"%d RECENT" % ctx.view.recent.number))
        if seen.unseen:
            lines.append(status(b"*", b"OK", "First unseen", b"UNSEEN %d" % seen.unseen))
    return b"".join(lines)


async def _resync(ctx: Context, delta: Delta, rows: list[Message], known: Ranges | None) -> None:
    """RFC 7162 §3.2.5: what happened to the messages the client knew."""
    gone = [uid for uid in delta.vanished if known is None or contains(known, uid)]
    if gone:
        ctx.send(untagged(b"VANISHED (EARLIER) " + format_numbers(gone)))
    changed = {uid: (flags, modseq) for uid, flags, modseq in delta.changed}
    new = set(delta.new)
    if not changed and not new:
        return
    view = await ctx.load_view()
    changed.update({row.uid: (row.flags, row.modseq) for row in rows})
    for uid, (flags, modseq) in sorted(changed.items()):
        number = view.number(uid)
        if number and (known is None or uid in new or contains(known, uid)):
            ctx.send(flag_update(number, uid, view.flags_of(uid, flags), modseq, by_uid=view.by_uid))
            await ctx.drain()


async def close(ctx: Context, command: c.Close) -> Reply:
    """CLOSE expunges without telling; UNSELECT does not (RFC 9051 §6.4.1, §6.4.2; RFC 3691 §2)."""
    view = ctx.view
    code = None
    if command.expunge and not view.read_only and rights.EXPUNGE in view.rights:

        def clear(writer: Writer) -> int | None:
            # RFC 4314 §4: without the right to, the expunge is passed over, and the answer is OK.
            if rights.EXPUNGE not in view.rights:
                return None
            has_heard = view.told == mailboxes.status(writer, view.mailbox_id).highestmodseq
            has_heard &= not virtual.behind(writer, (view.mailbox_id,) if view.virtual else ())
            remove = virtual_origin.expunge if view.virtual else expunge.expunge
            if not remove(writer, view.mailbox_id, None):
                return None
            # RFC 7162 §3.2.8; but what others did and the client never heard of must not lie before it.
            return mailboxes.status(writer, view.mailbox_id).highestmodseq if has_heard else view.told

        highest = await ctx.write_view(clear)
        if highest is not None and ctx.qresync:
            code = b"HIGHESTMODSEQ %d" % highest
    ctx.unselect()
    return Reply("Done", code)


async def check(_ctx: Context, _command: c.Check) -> Reply:
    """RFC 3501 §6.4.1: nothing is ever left to be written, so this is NOOP."""
    return Reply("Done")
