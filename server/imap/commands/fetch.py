"""FETCH and UID FETCH (RFC 9051 §6.4.5, RFC 3516, RFC 7162, RFC 9394).

Columns are copied from the store; octets are read only when a section is asked for. Messages are answered in batches, each one read
of the store, and the client's reading sets the pace. A large message is answered alone, when the account's other clients have taken
theirs, and sections that overlap repeat it a few times at most: so what an account has in memory is bounded (security T126).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import TypeVar

from server.db.transaction import Reader
from server.imap.commands import fetch_flags
from server.imap.commands.fetch_flags import Read
from server.imap.errors import Reason, Refusal
from server.imap.handler import Context
from server.imap.recent import Decoded, RecentMessages
from server.imap.selected import Selected
from server.imap.syntax import command as c
from server.imap.syntax.error import ProtocolError
from server.imap.syntax.fetch_att import BinarySize, Column, FetchAttribute, Section
from server.imap.syntax.fetch_response import (
    Piece,
    binary_size_item,
    flag_list,
    pieces,
    section_item,
    uid_fetch,
)
from server.imap.syntax.fetch_response import (
    fetch as fetch_line,
)
from server.imap.syntax.response import Reply, untagged
from server.imap.syntax.sequence import contains, format_numbers
from server.mail import mime
from server.store import changes, flags, messages, virtual_origin
from server.store.errors import NoSuchMessage
from server.store.model import Message
from server.store.rights import KEEP_SEEN, flag_mask

T = TypeVar("T")

BATCH = 500
BATCH_OCTETS = 1024 * 1024
REPEATED = 3
"""How often the octets of one message may be in its answer: as a whole, its parts, and once more for what overlaps."""
SLACK = 1024 * 1024

_FIELDS = {
    Column.UID: "uid",
    Column.FLAGS: "flags",
    Column.INTERNALDATE: "internaldate",
    Column.SIZE: "size",
    Column.ENVELOPE: "envelope",
    Column.BODYSTRUCTURE: "bodystructure",
    Column.BODY: "body",
    Column.MODSEQ: "modseq",
    Column.EMAILID: "email_id",
    Column.THREADID: "thread_id",
    Column.SAVEDATE: "savedate",
    Column.PREVIEW: "preview",
}


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a FETCH asks, worked out once for all its messages."""

    columns: tuple[Column, ...]
    pieces: list[Piece]
    octets: tuple[Section | BinarySize, ...]
    fields: frozenset[str]
    marks_seen: bool

    @classmethod
    def of(cls, attributes: tuple[FetchAttribute, ...], *, uid: bool, modseq: bool, read_only: bool) -> "_Plan":
        wanted = dict.fromkeys(attributes)
        columns = [item for item in wanted if isinstance(item, Column)]
        if uid and Column.UID not in columns:
            columns.insert(0, Column.UID)  # RFC 9051 §6.4.9
        if modseq and Column.MODSEQ not in columns:
            columns.append(Column.MODSEQ)  # RFC 7162 §3.1.4.1
        octets = tuple(item for item in wanted if not isinstance(item, Column))
        fields = {_FIELDS[column] for column in columns} | {"uid", "flags"}
        if octets:
            fields |= {"content_id", "size"}
        marks = not read_only and any(isinstance(item, Section) and not item.peek for item in octets)
        return cls(tuple(columns), pieces(columns), octets, frozenset(fields), marks)

    @property
    def only_flags(self) -> bool:
        return fetch_flags.COLUMNS.issuperset(self.columns) and not self.octets


async def fetch(ctx: Context, command: c.Fetch) -> Reply:
    view = ctx.view
    asks_modseq = Column.MODSEQ in command.attributes or command.changed_since is not None
    ctx.condstore |= asks_modseq
    read: Read = partial(_read_with_modseqs, ctx) if asks_modseq else ctx.read_view
    if command.vanished and not ctx.qresync:
        raise ProtocolError("ENABLE QRESYNC first")  # RFC 7162 §3.2.6
    plan = _Plan.of(
        command.attributes,
        uid=command.uid and not view.by_uid,
        modseq=command.changed_since is not None,
        read_only=view.read_only,
    )
    await ctx.load_view()
    positions: list[Sequence[int]] = [*view.positions(command.sequence, uid=command.uid, saved=ctx.saved)]
    if command.changed_since is not None:
        positions = [await _changed(ctx, view, command, [index for run in positions for index in run])]
    if command.partial is not None:
        positions = [_part([index for run in positions for index in run], command.partial)]
    unreadable: list[int] = []
    if plan.only_flags:
        missing = await fetch_flags.answer(ctx, view, plan.columns, positions, read)
    else:
        missing, unreadable = await _answer(ctx, view, plan, (index for run in positions for index in run), read)
    if not any(isinstance(item, Section) and item.partial for item in plan.octets):
        ctx.recent.let_go_of_large()
    if unreadable:
        missing += await _gone(ctx, view, unreadable)
    if missing:
        # RFC 2180 §4.1.3: others have expunged some; the client hears it as soon as it may.
        ctx.woken = True
        return Reply("Some of the messages are gone", b"EXPUNGEISSUED")
    return Reply("Done")


async def _read_with_modseqs(ctx: Context, fn: Callable[[Reader], T]) -> T:
    """Read mod-sequences, and see to it that the client hears of whatever lies before the highest (`server.imap.updates`)."""
    view = ctx.view
    found, head = await ctx.read_view(lambda r: (fn(r), changes.head(r, view.mailbox_id)))
    ctx.woken |= head is None or head[0] != view.modseq
    return found


async def describe(ctx: Context, attributes: tuple[FetchAttribute, ...], uids: Sequence[int]) -> None:
    """An unsolicited FETCH of each message; nothing is marked as seen by it (RFC 5465 §5.2)."""
    view = await ctx.load_view()
    plan = _Plan.of(attributes, uid=ctx.qresync and not view.by_uid, modseq=ctx.condstore, read_only=True)
    await _answer(ctx, view, plan, (number - 1 for number in view.numbers(uids)), ctx.read_view)
    ctx.recent.let_go_of_large()


async def _gone(ctx: Context, view: Selected, unreadable: list[int]) -> int:
    """How many were expunged while they were read. Raises Refusal for those that are there and are lost, when all others are sent."""
    there = await ctx.read_view(
        lambda r: [row.uid for row in messages.rows(r, view.mailbox_id, unreadable, fields=frozenset({"flags"}))]
    )
    if there:
        ctx.log.error("octets_damaged", mailbox=view.name, uids=there)
        raise Refusal(Reason.DAMAGED)
    return len(unreadable)


async def _changed(ctx: Context, view: Selected, command: c.Fetch, indexes: list[int]) -> list[int]:
    """CHANGEDSINCE, and VANISHED (EARLIER) where it is asked for (RFC 7162 §3.1.4.1, §3.2.6)."""
    since = command.changed_since or 0
    delta = await ctx.read_view(lambda r: changes.since(r, view.mailbox_id, since))
    if command.vanished:
        asked = view.uid_ranges(command.sequence, uid=True, saved=ctx.saved)
        gone = [uid for uid in delta.vanished if contains(asked, uid) and not view.number(uid)]
        if gone:
            ctx.send(untagged(b"VANISHED (EARLIER) " + format_numbers(gone)))
    changed = {uid for uid, _, _ in delta.changed} | set(delta.new)
    return [index for index in indexes if view.uids[index] in changed]


def _part(indexes: list[int], partial: tuple[int, int]) -> list[int]:
    """RFC 9394 §3.2: counted from the first, or from the last where negative."""
    first, last = partial
    if first > 0:
        return indexes[first - 1 : last]
    stop = len(indexes) + first + 1
    return indexes[max(0, len(indexes) + last) : max(0, stop)]


async def _answer(
    ctx: Context, view: Selected, plan: _Plan, indexes: Iterator[int], read: Read
) -> tuple[int, list[int]]:
    """Send a FETCH line for each; returns how many messages were not there any more, and those whose octets were not."""
    missing = 0
    unreadable: list[int] = []
    while batch := list(islice(indexes, BATCH)):
        while batch:
            uids = [view.uids[index] for index in batch]
            if plan.marks_seen:
                # One message at a time may be large; flags are set for what is really sent.
                uids = uids[:50]
            seen = await _mark_seen(ctx, view, uids) if plan.marks_seen else frozenset()
            rendering = _Rendering(view, plan, uids, dict(zip(uids, batch, strict=False)), seen, ctx.recent)
            rendered = await read(rendering)
            ctx.send(rendered.data)
            await ctx.drain()
            if rendered.large:
                alone = replace(rendering, uids=uids[rendered.taken : rendered.taken + 1], large=True)
                async with ctx.services.answers.hold(ctx.account_id, rendered.large):
                    big = await read(alone)
                    ctx.send(big.data)
                    await ctx.drain(least=0)
                unreadable += big.unreadable
                rendered = replace(rendered, data=b"", taken=rendered.taken + 1, missing=rendered.missing + big.missing)
                del big
            missing += rendered.missing
            unreadable += rendered.unreadable
            batch = batch[rendered.taken :]
    return missing, unreadable


async def _mark_seen(ctx: Context, view: Selected, uids: list[int]) -> frozenset[int]:
    r"""Set \Seen where it is not set (RFC 9051 §6.4.5: BODY[...] without PEEK does); returns whose flags changed."""
    unseen = await ctx.read_view(
        lambda r: [
            row.uid
            for row in messages.rows(r, view.mailbox_id, uids, fields=frozenset({"flags"}))
            if "\\Seen" not in row.flags
        ]
    )
    # RFC 4314 §4: without the right to, FETCH MUST NOT set it, and says nothing of it.
    if not unseen or KEEP_SEEN not in view.rights:
        return frozenset()
    if view.virtual:
        await ctx.write(lambda w: virtual_origin.mark_seen(w, view.mailbox_id, unseen))
        ctx.woken = True  # the new flags, or that the message has left, are told after it was read
        return frozenset()
    result = await ctx.write_view(
        lambda w: flags.store_flags(w, view.mailbox_id, unseen, "add", ["\\Seen"], mask=flag_mask(view.rights))
    )
    view.note_own((uid, modseq) for uid, _, modseq in result.changed)
    return frozenset(uid for uid, _, _ in result.changed)


@dataclass(frozen=True, slots=True)
class _Rendered:
    data: bytes
    taken: int
    missing: int
    unreadable: list[int]
    large: int = 0
    """Octets of the message that comes next and has to be answered alone."""


@dataclass(frozen=True, slots=True)
class _Rendering:
    """One batch, on a thread of the store: rows to lines, until enough octets are gathered."""

    view: Selected
    plan: _Plan
    uids: list[int]
    indexes: dict[int, int]
    seen: frozenset[int]
    recent: RecentMessages
    large: bool = False
    """There is room for a large message."""

    def __call__(self, reader: Reader) -> _Rendered:
        plan = self.plan
        found = messages.rows(reader, self.view.mailbox_id, self.uids, fields=plan.fields)
        guest = self.view.guest
        if guest is not None and "thread_id" in plan.fields:
            found = [replace(row, thread_id=guest.object_id(row.thread_id)) for row in found]
        if self.view.recent:
            found = [replace(row, flags=self.view.flags_of(row.uid, row.flags)) for row in found]
        rows = {row.uid: row for row in found}
        lines: list[bytes] = []
        unreadable: list[int] = []
        size = taken = missing = 0
        for uid in self.uids:
            row = rows.get(uid)
            if row is None:
                taken += 1
                missing += 1
                continue
            if plan.octets and row.size > BATCH_OCTETS and not self.large:
                return _Rendered(b"".join(lines), taken, missing, unreadable, row.size)
            taken += 1
            items = [piece(row) for piece in plan.pieces]
            if plan.octets:
                try:
                    items.extend(_octets_items(self._decoded(reader, row), plan.octets))
                except NoSuchMessage:
                    unreadable.append(uid)  # and the others are answered
                    continue
            if uid in self.seen and Column.FLAGS not in plan.columns:
                items.append(b"FLAGS " + flag_list(row.flags))
            line = uid_fetch(uid, items) if self.view.by_uid else fetch_line(self.indexes[uid] + 1, items)
            lines.append(line)
            size += len(line)
            if size > BATCH_OCTETS:
                break
        return _Rendered(lines[0] if len(lines) == 1 else b"".join(lines), taken, missing, unreadable)

    def _decoded(self, reader: Reader, row: Message) -> Decoded:
        found = self.recent.get(row.content_id)
        return found or self.recent.put(row.content_id, messages.raw(reader, row.content_id))


def _octets_items(decoded: Decoded, wanted: Iterable[Section | BinarySize]) -> Iterator[bytes]:
    """One item after the other, as long as they are within reason together."""
    left = REPEATED * len(decoded.raw) + SLACK
    for attribute in wanted:
        item = _octets_item(decoded, attribute)
        left -= len(item)
        if left < 0:
            raise Refusal(Reason.LIMIT)
        yield item


def _octets_item(decoded: Decoded, attribute: Section | BinarySize) -> bytes:
    if isinstance(attribute, BinarySize):
        content = _binary(decoded, attribute.path)
        return binary_size_item(attribute, 0 if content is None else len(content))
    if attribute.binary:
        return section_item(attribute, _binary(decoded, attribute.path))
    if not attribute.path and not attribute.kind:
        return section_item(attribute, decoded.raw)
    root = decoded.root if attribute.path else decoded.outline
    octets = mime.section(decoded.raw, root, attribute.path, attribute.kind, attribute.names)
    return section_item(attribute, octets)


def _binary(decoded: Decoded, path: str) -> bytes | None:
    """A part without its transfer encoding (RFC 3516 §4.3)."""
    if not path:
        return decoded.raw
    part = mime.part_at(decoded.root, path)
    if part is None:
        return None
    if part.encoding not in {"", "7bit", "8bit", "binary", "base64", "quoted-printable"}:
        raise Refusal(Reason.UNKNOWN_CTE)
    return mime.decoded(decoded.raw, part)
