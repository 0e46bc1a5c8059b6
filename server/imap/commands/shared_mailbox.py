"""CREATE, RENAME and SUBSCRIBE of mailboxes of another account (RFC 4314 §4).

A mailbox stays with its owner: it is made and renamed below others of that account, by the right on the one that it comes to stand
below. What is refused says nothing of what there is: a guest without that right hears the same of every name.
"""

from server.db.transaction import Reader, Writer
from server.imap.access import Guest, Place, is_foreign, whose, written
from server.imap.errors import Reason, Refusal
from server.imap.handler import Context
from server.imap.syntax.mailbox_name import DELIMITER
from server.store import mailboxes, rights
from server.store.errors import NoSuchMailbox
from server.store.model import Mailbox


async def create(ctx: Context, name: str) -> Mailbox:
    """Make a mailbox below one that others share."""
    try:
        place = await ctx.locate(name)
    except NoSuchMailbox:
        raise Refusal(Reason.NO_PERMISSION) from None
    guest = _guest(place)

    def make(writer: Writer) -> Mailbox:
        _require_parent(writer, guest, place.name)
        return guest.shown(mailboxes.create(writer, place.name))

    return await ctx.write_at(place, make)


async def rename(ctx: Context, old: str, new: str) -> None:
    """Give another name to a mailbox of another account, within that account."""
    if not (is_foreign(old) and is_foreign(new)) or whose(old)[0] != whose(new)[0]:
        raise Refusal(Reason.ACROSS_ACCOUNTS)
    place = await ctx.locate(old)
    guest = _guest(place)
    _, target = whose(new)

    def change(writer: Writer) -> None:
        source = place.mailbox(writer, rights.DELETE_MAILBOX)
        if source.name == guest.prefix + mailboxes.INBOX:
            raise Refusal(Reason.CANNOT_RENAME)  # it would only be emptied, which is another right
        _require_parent(writer, guest, target)
        mailboxes.rename(writer, place.name, target)

    await ctx.write_at(place, change)


async def subscribe(ctx: Context, name: str, *, subscribed: bool) -> None:
    """The list of names is one's own, whoever the mailboxes belong to."""
    known = written(name)
    if not subscribed:
        await ctx.write(lambda w: mailboxes.subscribe(w, known, subscribed=False))
        return
    place = await ctx.locate(name)
    await ctx.read_at(place, lambda r: place.mailbox(r, rights.LOOKUP))
    await ctx.write(lambda w: mailboxes.put_on_list(w, known, subscribed=True))


def _require_parent(reader: Reader, guest: Guest, name: str) -> None:
    """RFC 4314 §4: the right to create on the nearest parent there is. Nobody makes anything beside the owner's own."""
    levels = name.split(DELIMITER)
    above = (DELIMITER.join(levels[:depth]) for depth in range(len(levels) - 1, 0, -1))
    parent = next((found for found in (mailboxes.find(reader, one) for one in above) if found is not None), None)
    if parent is None or rights.CREATE not in guest.rights(reader, parent.id):
        raise Refusal(Reason.NO_PERMISSION)


def _guest(place: Place) -> Guest:
    if place.guest is None:
        raise Refusal(Reason.INTERNAL)
    return place.guest
