"""Reading messages of a mailbox: which there are, their rows, their flags, their octets.

Nothing here opens a message to list it. Answers come in ascending order of uids, whatever order was asked for; a uid that
is not there (any more) is left out.
"""

from array import array
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Select, bindparam, func, select, text
from sqlalchemy.sql import column

from server.db.database import Reader
from server.db.statement import Statement
from server.store import flag_set, objects, schema
from server.store.errors import NoSuchMessage, OctetsDamaged
from server.store.model import EPOCH, Message, email_id, thread_id
from server.store.prepare import decompress

place, content, octets = schema.placement, schema.content, schema.octets

ROWS_READ = 500
"""Uids of a mailbox of fewer messages are read one by one."""
DENSE = 2
"""Uids asked for are read as one range when the range holds no more than this many times as many numbers."""
CONTENT_FIELDS = frozenset({"header_size", "envelope", "bodystructure", "body", "preview", "email_id"})
FIELDS = CONTENT_FIELDS | {"internaldate", "savedate", "size", "thread_id"}

_UIDS = Statement(select(place.c.uid).where(place.c.mailbox_id == bindparam("mailbox")).order_by(place.c.uid))
_SHAPE = Statement(
    select(schema.mailbox.c.uidnext, schema.mailbox.c.messages).where(schema.mailbox.c.id == bindparam("mailbox"))
)
_GAPS = Statement(
    select(schema.vanished.c.first, schema.vanished.c.last)
    .where(schema.vanished.c.mailbox_id == bindparam("mailbox"))
    .order_by(schema.vanished.c.first)
)
_FIRST_UNSEEN = Statement(
    select(func.min(place.c.uid)).where(place.c.mailbox_id == bindparam("mailbox"), text("flags & 1 = 0"))
)
_COUNT_UP_TO = Statement(
    select(func.count()).where(place.c.mailbox_id == bindparam("mailbox"), place.c.uid <= bindparam("last"))
)
_GONE_BELOW = Statement(
    select(func.sum(schema.vanished.c.last - schema.vanished.c.first + 1)).where(
        schema.vanished.c.mailbox_id == bindparam("mailbox"), schema.vanished.c.first < bindparam("last")
    )
)
_SIZES = Statement(
    select(place.c.uid, place.c.size).where(place.c.mailbox_id == bindparam("mailbox")).order_by(place.c.uid)
)
_SIZES_WITH = Statement(
    select(place.c.uid, place.c.size)
    .where(place.c.mailbox_id == bindparam("mailbox"), func.instr(place.c.keywords, bindparam("keyword")) > 0)
    .order_by(place.c.uid)
)
_RAW = Statement(
    select(content.c.is_object, content.c.digest, content.c.size, octets.c.data)
    .join_from(content, octets, octets.c.content_id == content.c.id, isouter=True)
    .where(content.c.id == bindparam("content"))
)


def chosen(statement: Select[Any]) -> tuple[Statement, Statement]:
    """Return the statement for a range of uids and for a list of them."""
    statement = statement.where(place.c.mailbox_id == bindparam("mailbox")).order_by(place.c.uid)
    listed: Select[Any] = select(column("value")).select_from(func.json_each(bindparam("uids")))
    return (
        Statement(statement.where(place.c.uid.between(bindparam("first"), bindparam("last")))),
        Statement(statement.where(place.c.uid.in_(listed))),
    )


_OWN = (place.c.uid, place.c.modseq, place.c.flags, place.c.keywords, place.c.internaldate, place.c.savedate,
        place.c.size, place.c.thread_id, place.c.content_id)  # fmt: skip
_FLAGS = chosen(select(place.c.uid, place.c.flags, place.c.keywords, place.c.modseq))
_PLACES = chosen(select(*_OWN))
_WHOLE = chosen(
    select(
        *_OWN, content.c.header_size, content.c.envelope, content.c.bodystructure, content.c.body, content.c.preview,
        content.c.digest,
    ).join_from(place, content, content.c.id == place.c.content_id)
)  # fmt: skip


def fetch_chosen(r: Reader, pair: tuple[Statement, Statement], mailbox_id: int, uids: Collection[int]) -> Iterable[Any]:
    """Run the better one of a pair made by `chosen`; rows come in order of their uids, which stand first in them."""
    if not uids:
        return ()
    wanted = set(uids)
    first, last = min(wanted), max(wanted)
    if last - first < DENSE * len(wanted):
        rows = r.run(pair[0], mailbox=mailbox_id, first=first, last=last)
        if last - first + 1 == len(wanted):
            return rows
        return (row for row in rows if row[0] in wanted)
    return r.run(pair[1], mailbox=mailbox_id, uids=f"[{','.join(map(str, wanted))}]")


def uids(r: Reader, mailbox_id: int) -> "array[int]":
    """Return the uids of a mailbox, ascending; a position in it is a message sequence number less one."""
    row = r.run(_SHAPE, mailbox=mailbox_id).fetchone()
    if row is None or row[1] < ROWS_READ:
        return array("I", [uid for (uid,) in r.run(_UIDS, mailbox=mailbox_id)])
    # Every uid below uidnext is here or in the log of what went: the gaps are fewer than the messages.
    found = array("I")
    start = 1
    for first, last in r.run(_GAPS, mailbox=mailbox_id):
        found.extend(range(start, first))
        start = max(start, last + 1)
    found.extend(range(start, row[0]))
    return found


def first_unseen(r: Reader, mailbox_id: int) -> int:
    """Return the message sequence number of the first unseen message, 0 when there is none."""
    (uid,) = r.run(_FIRST_UNSEEN, mailbox=mailbox_id).fetchone()
    if uid is None:
        return 0
    _, count = r.run(_SHAPE, mailbox=mailbox_id).fetchone()
    if count < ROWS_READ:
        return int(r.run(_COUNT_UP_TO, mailbox=mailbox_id, last=uid).fetchone()[0])
    # Every uid is here or in the log of what went, as above.
    return int(uid - (r.run(_GONE_BELOW, mailbox=mailbox_id, last=uid).fetchone()[0] or 0))


def sizes(r: Reader, mailbox_id: int, *, keyword: str | None = None) -> tuple["array[int]", "array[int]"]:
    """Return the uids of a mailbox, ascending, and the size of each message (for POP3, which lists nothing else).

    With a keyword only the messages that have it.
    """
    uids, octets = array("I"), array("Q")
    if keyword is None:
        found = r.run(_SIZES, mailbox=mailbox_id)
    elif (spelled := flag_set.known(r, keyword)) is not None:
        found = r.run(_SIZES_WITH, mailbox=mailbox_id, keyword=f" {spelled} ")
    else:
        return uids, octets
    # Row by row: a hundred thousand tuples at once are a hundred thousand for the collector of cycles to walk over.
    for uid, size in found:
        uids.append(uid)
        octets.append(size)
    return uids, octets


def rows(r: Reader, mailbox_id: int, uids: Collection[int], *, fields: frozenset[str] | None = None) -> list[Message]:
    """Return messages in order of their uids.

    Args:
        r: A transaction of the account.
        mailbox_id: Where they are.
        uids: Which.
        fields: Attributes of `Message` that are wanted; None for all. Others may hold their empty value.
    """
    if fields is not None and not fields & CONTENT_FIELDS:
        return [_message(row) for row in fetch_chosen(r, _PLACES, mailbox_id, uids)]
    return [_message(row) for row in fetch_chosen(r, _WHOLE, mailbox_id, uids)]


def _message(row: tuple[Any, ...]) -> Message:
    uid, modseq, bits, words, arrived, saved, size, thread, content_id, *whole = row
    flags = flag_set.decode(bits, words)
    common = (uid, modseq, flags, moment(arrived), moment(saved), size)
    if not whole:
        return Message(*common, thread_id=thread_id(thread), content_id=content_id)
    header_size, envelope, structure, body, preview, digest = whole
    return Message(
        *common, header_size, envelope, structure, body, preview, email_id(digest), thread_id(thread), content_id
    )


def moment(seconds: int) -> datetime:
    """Return the time of a row, also of one before 1970 or far ahead."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return EPOCH + timedelta(seconds=seconds)


def flags(r: Reader, mailbox_id: int, uids: Collection[int]) -> list[tuple[int, frozenset[str], int]]:
    """Return (uid, flags, modseq) of messages, in order of their uids."""
    decode = flag_set.decode
    return [
        (uid, decode(bits, words), modseq) for uid, bits, words, modseq in fetch_chosen(r, _FLAGS, mailbox_id, uids)
    ]


def raw(r: Reader, message: Message | int) -> bytes:
    """Return the octets of a message or of a content id; raises NoSuchMessage when they are gone, OctetsDamaged when they are spoilt."""
    content_id = message if isinstance(message, int) else message.content_id
    row = r.run(_RAW, content=content_id).fetchone()
    if row is None:
        raise NoSuchMessage(str(content_id))
    is_object, digest, size, data = row
    if is_object:
        data = objects.get(r.folder, digest)
    elif data is None:
        raise OctetsDamaged(str(content_id))
    return decompress(data, size)


def raw_many(r: Reader, messages: Iterable[Message]) -> Iterator[tuple[Message, bytes]]:
    """Go through messages with their octets, one in memory at a time."""
    for message in messages:
        yield message, raw(r, message)
