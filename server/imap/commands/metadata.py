"""GETMETADATA and SETMETADATA (RFC 5464): what clients note down about their mailboxes and about the server.

A mailbox's `/shared` entries are for all who share it, its `/private` ones for its owner. The server's `/shared` entries are read by
everybody and set by nobody here. Who wants to be told of changes uses NOTIFY (RFC 5465 §5.6). A value is told once, however many of
the entries that are asked for lead to it, and answers under way come out of the account's budget (security T126).
"""

from collections.abc import Iterable, Mapping
from urllib.parse import quote

from server.db.transaction import Reader, Writer
from server.imap.access import Place
from server.imap.errors import Reason, Refusal
from server.imap.handler import Context
from server.imap.syntax import command as c
from server.imap.syntax.response import Reply, astring, literal, nstring, parenthesised, untagged
from server.store import annotations, rights
from server.store.model import Mailbox

_ADMIN = "/shared/admin"


async def get_metadata(ctx: Context, command: c.GetMetadata) -> Reply:
    place = await ctx.locate(command.mailbox)

    def look(reader: Reader) -> tuple[str, dict[str, bytes]]:
        mailbox = _annotated(place, reader) if command.mailbox else None
        wanted = {entry.lower() for entry in command.entries}
        if place.guest is not None:
            wanted = {entry for entry in wanted if not annotations.is_private(entry)}
        found = annotations.below(reader, mailbox.id if mailbox is not None else None, wanted, command.depth)
        return (mailbox.name if mailbox is not None else ""), found

    async with ctx.services.answers.hold(ctx.account_id, annotations.ENTRIES * annotations.VALUE_SIZE):
        name, found = await ctx.read_at(place, look)
        if not name:
            _add_computed(ctx, command, found)
        pairs = _spelt(command.entries, found)
        longest = max((len(value) for value in pairs.values() if value is not None), default=0)
        limit = longest if command.max_size is None else command.max_size
        kept = {entry: value for entry, value in pairs.items() if value is None or len(value) <= limit}
        if kept:
            ctx.send(metadata_line(ctx, name, kept))
            await ctx.drain()
    # RFC 5464 §4.2.1: what was held back is told by its size.
    return Reply("Done", b"METADATA LONGENTRIES %d" % longest if longest > limit else None)


def _annotated(place: Place, reader: Reader) -> Mailbox:
    """The mailbox, if its annotations may be read and set."""
    mailbox = place.mailbox(reader, rights.LOOKUP)
    if place.held.isdisjoint(rights.ANNOTATE):
        raise Refusal(Reason.NO_PERMISSION)
    return mailbox


def _add_computed(ctx: Context, command: c.GetMetadata, found: dict[str, bytes]) -> None:
    """RFC 5464 §3.2.1.1: how to reach the administrator, as a URI."""
    tops = {entry.lower() for entry in command.entries}
    if _ADMIN in tops or ("/shared" in tops and command.depth != 0):
        found[_ADMIN] = _admin(ctx)


def _admin(ctx: Context) -> bytes:
    domain = ctx.account.address.rpartition("@")[2] if ctx.account is not None else ""
    return b"mailto:postmaster@" + quote(domain, safe="").encode("ascii")


def _spelt(entries: Iterable[str], found: Mapping[str, bytes]) -> dict[str, bytes | None]:
    """Each entry as the client wrote it, then what is below it; NIL for one that has neither, so that every question has an answer.

    Names are case-insensitive, and one entry may be below another: what several lead to is spelt as the first of them has it.
    """
    spelt: dict[str, str] = {}
    for entry in entries:
        key = entry.lower()
        under = [name for name in found if name.startswith(key + "/")]
        if key in found or not under:
            spelt.setdefault(key, entry)
        for name in under:
            spelt.setdefault(name, entry + name[len(key) :])
    return {written: found.get(name) for name, written in spelt.items()}


def metadata_line(ctx: Context, name: str, values: Mapping[str, bytes | None]) -> bytes:
    """`* METADATA mailbox (entry value ...)`."""
    pairs = []
    for entry, value in values.items():
        pairs.append(astring(entry.encode("ascii")))
        pairs.append(_value(value, utf8=ctx.utf8))
    return untagged(b"METADATA", ctx.format_name(name), parenthesised(pairs))


def _value(value: bytes | None, *, utf8: bool) -> bytes:
    if value is not None and b"\0" in value:
        return b"~" + literal(value)  # RFC 5464 §5: value = nstring / literal8
    if value is not None and utf8 and not _is_utf8(value):
        return literal(value)
    return nstring(value, utf8=utf8)


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


async def set_metadata(ctx: Context, command: c.SetMetadata) -> Reply:
    values = {entry.lower(): value for entry, value in command.values}
    if not command.mailbox and any(entry.startswith("/shared/") for entry in values):
        raise Refusal(Reason.METADATA_OF_ALL)  # RFC 5464 §3.3: NO where it is restricted

    place = await ctx.locate(command.mailbox)

    def write(writer: Writer) -> None:
        mailbox = _annotated(place, writer).id if command.mailbox else None
        if place.guest is not None and any(annotations.is_private(entry) for entry in values):
            raise Refusal(Reason.METADATA_NO_PRIVATE)
        annotations.put(writer, mailbox, values)

    await ctx.write_at(place, write)
    return Reply("Done")
