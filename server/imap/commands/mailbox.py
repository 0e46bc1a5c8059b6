"""CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE, STATUS, NAMESPACE (RFC 9051 §6.3)."""

from collections.abc import Callable
from dataclasses import dataclass

from server.db.transaction import Reader, Writer
from server.imap import virtual
from server.imap.access import PREFIX, is_foreign
from server.imap.commands import shared_mailbox
from server.imap.errors import Reason, Refusal
from server.imap.handler import Context
from server.imap.syntax import command as c
from server.imap.syntax.response import Reply, parenthesised, string, untagged
from server.store import expunge, mailboxes, messages, recent, rights
from server.store import virtual as virtual_store
from server.store.model import Mailbox, Status

# RFC 6154 §2; \All and \Flagged are those of the virtual mailboxes.
_USES = {use.upper(): use for use in ("\\Archive", "\\Drafts", "\\Junk", "\\Sent", "\\Trash")}


async def create(ctx: Context, command: c.Create) -> Reply:
    # RFC 9051 §6.3.4: a trailing delimiter only says that mailboxes will be made below it.
    name = command.mailbox.removesuffix("/")
    uses = [_USES.get(use.upper()) for use in command.special_use]
    if len(uses) > 1 or None in uses:
        raise Refusal(Reason.USE_ATTRIBUTE)
    use = uses[0] if uses else None
    if is_foreign(name):
        if use is not None:
            raise Refusal(Reason.USE_ATTRIBUTE)
        return _created(await shared_mailbox.create(ctx, name))

    def make(writer: Writer) -> Mailbox:
        if use is not None and mailboxes.by_special_use(writer, use) is not None:
            raise Refusal(Reason.USE_ATTRIBUTE)
        return mailboxes.create(writer, name, use)

    return _created(await ctx.write(make))


def _created(made: Mailbox) -> Reply:
    return Reply("Done", b"MAILBOXID (%s)" % made.object_id.encode("ascii"))


async def delete(ctx: Context, command: c.Delete) -> Reply:
    place = await ctx.locate(command.mailbox)

    def remove(writer: Writer) -> int:
        mailbox = place.mailbox(writer, rights.DELETE_MAILBOX)
        if mailbox.rule == virtual_store.KEYWORD:
            virtual_store.delete_label(writer, mailbox)
        else:
            mailboxes.delete(writer, place.name)
        return mailbox.id

    removed = await ctx.write_at(place, remove)
    if ctx.selected is not None and (ctx.view_account, ctx.selected.mailbox_id) == (place.account, removed):
        ctx.unselect()
    return Reply("Done")


async def rename(ctx: Context, command: c.Rename) -> Reply:
    new_name = command.new_name.removesuffix("/")
    if is_foreign(command.mailbox) or is_foreign(new_name):
        await shared_mailbox.rename(ctx, command.mailbox, new_name)
    else:
        await ctx.write(lambda w: mailboxes.rename(w, command.mailbox, new_name))
    return Reply("Done")


async def subscribe(ctx: Context, command: c.Subscribe) -> Reply:
    if is_foreign(command.mailbox):
        await shared_mailbox.subscribe(ctx, command.mailbox, subscribed=command.subscribed)
    else:
        await ctx.write(lambda w: mailboxes.subscribe(w, command.mailbox, command.subscribed))
    return Reply("Done")


async def namespace(_ctx: Context, _command: c.Namespace) -> Reply:
    # RFC 2342 §5: one personal namespace, one of other people, none shared by nobody's account.
    others = string(PREFIX.encode("ascii"))
    return Reply("Done", untagged=(untagged(b'NAMESPACE (("" "/")) ((%b "/")) NIL' % others),))


async def status(ctx: Context, command: c.Status) -> Reply:
    ctx.condstore |= "HIGHESTMODSEQ" in command.items  # RFC 7162 §3.1

    place = await ctx.locate(command.mailbox)

    def look(reader: Reader) -> tuple[Mailbox, Counters]:
        mailbox = place.mailbox(reader, rights.READ)
        return mailbox, Counters.of(reader, mailbox.id, command.items, heard_in(ctx, place.account))

    mailbox, counters = await virtual.read_at(ctx, place, look)
    if mailbox.rule is not None and await virtual.renew(ctx, (mailbox.id,)):
        mailbox, counters = await ctx.read_at(place, look)
    return Reply("Done", untagged=(status_line(ctx, mailbox, counters, command.items),))


Kept = Callable[[int, int], int]


def heard_in(ctx: Context, account: int) -> Kept:
    """What the sessions of this process were told of in the mailboxes of an account (`newness`)."""
    heard = ctx.services.heard
    return lambda mailbox_id, kept: heard.first((account, mailbox_id), kept)


@dataclass(frozen=True, slots=True)
class Counters:
    """What STATUS may ask. All but `deleted_size` and `recent` is kept in columns; those are added up when somebody asks."""

    status: Status
    deleted_size: int = 0
    recent: int = 0

    @classmethod
    def of(cls, reader: Reader, mailbox_id: int, items: tuple[str, ...], heard: Kept) -> "Counters":
        """Count; `heard` is given a mailbox and the uid that is kept for it, and gives the first that nobody was told of."""
        found = mailboxes.status(reader, mailbox_id)
        deleted_size = number = 0
        if "DELETED-STORAGE" in items and found.deleted:
            marked = messages.rows(reader, mailbox_id, expunge.marked(reader, mailbox_id), fields=frozenset({"size"}))
            deleted_size = sum(row.size for row in marked)
        if "RECENT" in items:
            first = heard(mailbox_id, recent.first(reader, mailbox_id))
            number = recent.count(reader, mailbox_id, first) if first < found.uidnext else 0
        return cls(found, deleted_size, number)


def status_line(ctx: Context, mailbox: Mailbox, counters: Counters, items: tuple[str, ...]) -> bytes:
    """`* STATUS name (item value ...)`."""
    found = counters.status
    values = {
        "MESSAGES": found.messages,
        "UIDNEXT": found.uidnext,
        "UIDVALIDITY": found.uidvalidity,
        "UNSEEN": found.unseen,
        "DELETED": found.deleted,
        "SIZE": found.size,  # RFC 8438 §2
        "HIGHESTMODSEQ": found.highestmodseq,
        "DELETED-STORAGE": -(-counters.deleted_size // 1024),  # RFC 9208 §4.1.4
        "RECENT": counters.recent,
        "APPENDLIMIT": ctx.services.settings.message_size_limit,
    }
    parts = []
    for item in items:
        if item == "MAILBOXID":
            parts.append(b"MAILBOXID (%s)" % mailbox.object_id.encode("ascii"))
        else:
            parts.append(b"%s %d" % (item.encode("ascii"), values[item]))
    return untagged(b"STATUS", ctx.format_name(mailbox.name), parenthesised(parts))
