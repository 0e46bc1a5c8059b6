"""SETACL, DELETEACL, GETACL, LISTRIGHTS, MYRIGHTS (RFC 4314 §3).

An identifier is the address of an account of this house, or an alias of one; what is kept is the account, so an address that goes to
somebody else takes no right with it. `anyone` is everybody who can sign in here. With a dash before it, rights are taken away.
"""

from dataclasses import dataclass

from server.accounts import share
from server.db.transaction import Reader, Writer
from server.imap.access import Place
from server.imap.errors import Reason, Refusal
from server.imap.handler import Context
from server.imap.syntax import acl_command as c
from server.imap.syntax.response import Reply, astring, untagged
from server.imap.syntax.rights import format_rights, optional_rights
from server.store import acl, rights
from server.store.acl import Entry
from server.store.errors import IsVirtual, NoSuchMailbox
from server.store.model import Mailbox
from server.store.rights import Rights
from server.store.sharing import Sharing

_ANYONE = "anyone"


@dataclass(frozen=True, slots=True)
class _Identifier:
    grantee: int
    negative: bool


async def set_acl(ctx: Context, command: c.SetAcl) -> Reply:
    place = await ctx.locate(command.mailbox)
    if (await _administer(ctx, place)).rule is not None:
        raise IsVirtual(command.mailbox)  # it is its owner's own view of mailboxes that have lists of theirs
    who = await _identify(ctx, command.identifier)
    if who.grantee == place.account:
        if not _keeps_all(command, who):
            raise Refusal(Reason.OWNER_RIGHTS)
        return Reply("The owner has every right")

    def change(writer: Writer) -> None:
        mailbox = place.mailbox(writer, rights.ADMINISTER)
        before = _line(writer, mailbox.id, who)
        acl.put(writer, mailbox.id, Entry(who.grantee, who.negative, _changed(before, command)))

    sharing = Sharing(ctx.services.store, ctx.services.directory)
    if who.negative or command.sign == "-":
        await sharing.take(place.account, change)
    else:
        await sharing.give(place.account, who.grantee, change)
    return Reply("Done")


async def delete_acl(ctx: Context, command: c.DeleteAcl) -> Reply:
    place = await ctx.locate(command.mailbox)
    await _administer(ctx, place)
    who = await _identify(ctx, command.identifier)
    if who.grantee == place.account:
        raise Refusal(Reason.OWNER_RIGHTS)

    def change(writer: Writer) -> None:
        mailbox = place.mailbox(writer, rights.ADMINISTER)
        acl.put(writer, mailbox.id, Entry(who.grantee, who.negative, rights.NONE))

    await Sharing(ctx.services.store, ctx.services.directory).take(place.account, change)
    return Reply("Done")


async def get_acl(ctx: Context, command: c.GetAcl) -> Reply:
    place = await ctx.locate(command.mailbox)

    def look(reader: Reader) -> tuple[Mailbox, list[Entry]]:
        mailbox = place.mailbox(reader, rights.ADMINISTER)
        return mailbox, [Entry(place.account, negative=False, rights=rights.ALL), *acl.entries(reader, mailbox.id)]

    mailbox, lines = await ctx.read_at(place, look)
    ids = {line.grantee for line in lines}
    names = await ctx.services.directory.database.async_read(lambda r: share.addresses(r, ids))
    names[acl.ANYONE] = _ANYONE
    parts = [b"ACL", ctx.format_name(mailbox.name)]
    for line in lines:
        if line.grantee in names:
            identifier = ("-" if line.negative else "") + names[line.grantee]
            parts += [astring(identifier.encode("utf-8")), format_rights(line.rights)]
    return Reply("Done", untagged=(untagged(*parts),))


async def list_rights(ctx: Context, command: c.ListRights) -> Reply:
    place = await ctx.locate(command.mailbox)
    mailbox = await _administer(ctx, place)
    who = await _identify(ctx, command.identifier)
    # RFC 4314 §3.4: the identifier as the client wrote it.
    parts = [b"LISTRIGHTS", ctx.format_name(mailbox.name), astring(command.identifier.encode("utf-8"))]
    if who.grantee == place.account:
        parts.append(format_rights(rights.ALL))
    else:
        parts += [format_rights(rights.NONE), *optional_rights()]
    return Reply("Done", untagged=(untagged(*parts),))


async def my_rights(ctx: Context, command: c.MyRights) -> Reply:
    place = await ctx.locate(command.mailbox)

    def look(reader: Reader) -> tuple[Mailbox, Rights]:
        mailbox = place.mailbox(reader, "")
        if not place.held & rights.KNOWS_OF_IT:
            raise NoSuchMailbox("hidden")  # RFC 4314 §4
        return mailbox, place.held

    mailbox, held = await ctx.read_at(place, look)
    return Reply("Done", untagged=(my_rights_line(ctx, mailbox, held),))


def my_rights_line(ctx: Context, mailbox: Mailbox, held: Rights) -> bytes:
    """The response of RFC 4314 §3.8."""
    return untagged(b"MYRIGHTS", ctx.format_name(mailbox.name), format_rights(held))


async def _administer(ctx: Context, place: Place) -> Mailbox:
    """Look at the right first: nobody else learns from the answer which identifiers there are."""
    return await ctx.read_at(place, lambda r: place.mailbox(r, rights.ADMINISTER))


async def _identify(ctx: Context, identifier: str) -> _Identifier:
    name = identifier.removeprefix("-")
    negative = name != identifier
    if name.casefold() == _ANYONE:
        return _Identifier(acl.ANYONE, negative)
    found = await ctx.services.directory.database.async_read(lambda r: share.grantee(r, name))
    if found is None:
        raise Refusal(Reason.NO_SUCH_IDENTIFIER)
    return _Identifier(found, negative)


def _line(reader: Reader, mailbox_id: int, who: _Identifier) -> Rights:
    found = (line for line in acl.entries(reader, mailbox_id) if line.grantee == who.grantee)
    return next((line.rights for line in found if line.negative == who.negative), rights.NONE)


def _changed(before: Rights, command: c.SetAcl) -> Rights:
    if command.sign == "+":
        return before | command.rights
    if command.sign == "-":
        return before - command.rights
    return command.rights


def _keeps_all(command: c.SetAcl, who: _Identifier) -> bool:
    """Whether the owner would keep every right."""
    return not who.negative and _changed(rights.ALL, command) == rights.ALL
