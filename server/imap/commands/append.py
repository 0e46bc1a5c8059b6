"""APPEND with MULTIAPPEND (RFC 9051 §6.3.12, RFC 3502, RFC 4315, RFC 4469, RFC 7889).

Messages are summarised and compressed before the transaction; all of one command are appended in one commit or none is.
"""

from datetime import UTC, datetime

from server.db.transaction import Reader, Writer
from server.imap.commands.catenate import assembled
from server.imap.errors import Reason, Refusal
from server.imap.flags import settable
from server.imap.handler import Context
from server.imap.syntax import command as c
from server.imap.syntax.response import Reply
from server.imap.syntax.sequence import format_numbers
from server.mail import binary
from server.store import append as store
from server.store import rights
from server.store.append import Prepared
from server.store.model import Appended


def require_acceptable(ctx: Context, message: c.NewMessage) -> None:
    """Raise Refusal for a message that is empty or too large."""
    if not message.octets:
        # RFC 3502 §6: a zero-length literal cancels the whole of it.
        raise Refusal(Reason.CANCELLED)
    if len(message.octets) > ctx.services.settings.message_size_limit:
        raise Refusal(Reason.TOO_BIG)


def prepare(octets: bytes) -> Prepared:
    """Ready for the store, and for clients that read what was sent as literal8 without BINARY."""
    return store.prepare(binary.without_nul(octets))


async def append(ctx: Context, command: c.Append) -> Reply:
    place = await ctx.locate(command.mailbox)
    if any(message.parts for message in command.messages):
        # RFC 4469 §3: a mailbox that is not there is told before a URL that leads nowhere.
        await ctx.read_at(place, lambda r: place.mailbox(r, rights.INSERT))
    new = await assembled(ctx, command.messages)
    for message in new:
        require_acceptable(ctx, message)
    flags = [settable(message.flags) for message in new]

    def ready(reader: Reader) -> list[Prepared]:
        place.mailbox(reader, rights.INSERT)  # an unknown one is refused before the work
        return [prepare(message.octets) for message in new]

    prepared = await ctx.read_at(place, ready)
    now = datetime.now(UTC)

    def write(writer: Writer) -> list[Appended]:
        mailbox = place.mailbox(writer, rights.INSERT)
        return [
            # RFC 4314 §4: a flag that may not be set is left out, and the append goes on.
            store.append(
                writer,
                mailbox.id,
                ready,
                flags=rights.allowed(wanted, place.held),
                internaldate=message.internaldate or now,
            )
            for ready, wanted, message in zip(prepared, flags, new, strict=True)
        ]

    done = await ctx.write_at(place, write)
    uids = format_numbers(appended.uid for appended in done)
    return Reply("Done", b"APPENDUID %d %b" % (done[0].uidvalidity, uids))
