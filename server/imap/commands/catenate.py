"""CATENATE (RFC 4469): messages of APPEND and REPLACE that are put together here, from text and from parts of messages that are here.

Bounds: what is put together is no larger than any message may be, and large ones take the turn that large uploads take; one message is
taken apart at a time; how much is unpacked and gone through for one command is bounded, so that many parts of large messages cost little.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from server.db.transaction import Reader
from server.imap.access import is_foreign
from server.imap.errors import Reason, Refusal
from server.imap.handler import Context
from server.imap.recent import Decoded
from server.imap.syntax import command as c
from server.imap.syntax.fetch_att import Section
from server.imap.syntax.message_url import MessageUrl, UrlMalformed, in_response_code, parse_url
from server.mail import mime
from server.store import mailboxes, messages
from server.store.errors import NoSuchMailbox, NoSuchMessage

MESSAGES = 2
"""How many times that limit all messages of one command may be, as with messages that come whole."""
UNPACKED = 4
"""How many times it may be unpacked for them."""
TAKEN = 10
"""How many times it may be gone through for pieces of what is unpacked, most of which may be thrown away."""

Parts = Sequence["bytes | _Source | Refusal"]


@dataclass(frozen=True, slots=True)
class _Source:
    """A message and what is wanted of it."""

    url: c.Url
    content_id: int
    size: int
    section: Section


async def assembled(ctx: Context, wanted: tuple[c.NewMessage, ...]) -> tuple[c.NewMessage, ...]:
    """The messages with all their octets; raises Refusal."""
    if not any(message.parts for message in wanted):
        return wanted
    selected = ctx.selected.name if ctx.selected is not None else None
    limit = ctx.services.settings.message_size_limit
    found = await ctx.read(lambda r: [[_find(r, part, selected) for part in message.parts] for message in wanted])
    if sum(part.size for parts in found for part in parts if isinstance(part, _Source)) >= ctx.channel.limits.large:
        await ctx.begin_upload()
    assembly = _Assembly(limit)
    octets = await ctx.read(lambda r: [assembly.join(r, parts) for parts in found])
    return tuple(
        replace(message, octets=joined, parts=()) if message.parts else message
        for message, joined in zip(wanted, octets, strict=True)
    )


def _find(reader: Reader, part: bytes | c.Url, selected: str | None) -> "bytes | _Source | Refusal":
    """What a part is; why it is none is raised when its turn comes, because the first that fails is told."""
    if isinstance(part, bytes):
        return part
    try:
        url = parse_url(part.text)
        return _source(reader, part, url, url.mailbox(selected))
    except (UrlMalformed, NoSuchMailbox):
        return _bad(part)


def _source(reader: Reader, part: c.Url, url: MessageUrl, name: str) -> _Source | Refusal:
    if is_foreign(name):
        return _bad(part)  # one's own account only: the octets are read there, and nowhere else
    mailbox = mailboxes.by_name(reader, name)
    rows = messages.rows(reader, mailbox.id, [url.uid], fields=frozenset({"size"}))
    if not rows or url.uidvalidity not in {None, mailbox.uidvalidity}:
        return _bad(part)
    return _Source(part, rows[0].content_id, rows[0].size, url.section)


def _bad(part: c.Url) -> Refusal:
    """RFC 4469 §4.1: the first URL that cannot be followed is told."""
    return Refusal(Reason.BAD_URL, in_response_code(part.text))


class _Assembly:
    """The work of one command, on a thread of the store."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._room = MESSAGES * limit
        self._left = UNPACKED * limit
        self._taken_left = TAKEN * limit
        self._content_id, self._decoded = 0, Decoded(b"")

    def join(self, reader: Reader, parts: Parts) -> bytes:
        """One message; raises Refusal as soon as it is known to be too large."""
        pieces: list[bytes] = []
        size = 0
        for piece in self._pieces(reader, parts):
            size += len(piece)
            if size > min(self._limit, self._room):
                raise Refusal(Reason.TOO_BIG)  # RFC 4469 §4.2
            pieces.append(piece)
        self._room -= size
        return b"".join(pieces)

    def _pieces(self, reader: Reader, parts: Parts) -> Iterator[bytes]:
        for part in parts:
            if isinstance(part, Refusal):
                raise part
            if isinstance(part, bytes):
                yield part
                continue
            piece = self._part(self._open(reader, part), part.section)
            if piece is None:
                raise _bad(part.url)
            yield piece

    def _open(self, reader: Reader, source: _Source) -> Decoded:
        """The message; the one that was used last is still there."""
        if source.content_id != self._content_id:
            self._left -= source.size
            if self._left < 0:
                raise Refusal(Reason.LIMIT)
            self._decoded = Decoded(b"")  # not two at a time
            try:
                self._decoded = Decoded(messages.raw(reader, source.content_id))
            except NoSuchMessage:
                raise _bad(source.url) from None
            self._content_id = source.content_id
        return self._decoded

    def _part(self, decoded: Decoded, section: Section) -> bytes | None:
        """RFC 4469 §3: what FETCH BODY[section] would give, as it stands."""
        octets: bytes | None = decoded.raw
        if section.path or section.kind:
            root = decoded.root if section.path else decoded.outline
            octets = mime.section(decoded.raw, root, section.path, section.kind, section.names)
            # Fields are picked out of a header, which may be all of the message; other sections are copied.
            self._taken_left -= len(decoded.raw) if section.names else len(octets or b"")
            if self._taken_left < 0:
                raise Refusal(Reason.LIMIT)
        if octets is None or section.partial is None:
            return octets
        start, count = section.partial
        return octets[start : start + count]
