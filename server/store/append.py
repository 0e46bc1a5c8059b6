"""Putting a message into a mailbox (RFC 9051 §6.3.12), and the one delivery of a fetched message.

Invariants: everything that lists, searches and FETCH need is computed here and stored in the same transaction as the
octets. An envelope id is honoured once in an account, whatever became of the message since (DESIGN.md D7).
"""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Table, bindparam, func, insert, select, update

from server.db.database import Writer
from server.db.statement import Statement
from server.store import changes, conversation, flag_set, index, lineage, objects, schema, unread
from server.store.crashpoint import reach
from server.store.errors import NoSuchMailbox, OverQuota
from server.store.model import Appended, email_id, thread_id
from server.store.prepare import OBJECT_SIZE, Prepared, prepare

__all__ = ["OBJECT_SIZE", "Prepared", "append", "place", "prepare"]

box, content, octets, facet = schema.mailbox, schema.content, schema.octets, schema.facet
folded, placement, delivered = schema.folded, schema.placement, schema.delivered

_SEEN_ENVELOPE = Statement(
    select(
        delivered.c.uid, delivered.c.uidvalidity, delivered.c.modseq, delivered.c.email_id, delivered.c.thread_id
    ).where(delivered.c.envelope == bindparam("envelope"))
)
_KEEP_ENVELOPE = Statement(insert(delivered).values({c.name: bindparam(c.name) for c in delivered.c}))
_QUOTA = Statement(select(schema.state.c.quota))
_USED = Statement(
    select(func.coalesce(func.sum(box.c.size), 0)).where(box.c.id.not_in(select(schema.virtual_mailbox.c.mailbox_id)))
)
_SAME = Statement(select(content.c.id, content.c.thread_id).where(content.c.digest == bindparam("digest")))
_HOLD = Statement(update(content).where(content.c.id == bindparam("content")).values(holders=content.c.holders + 1))
_COUNT = Statement(
    update(box)
    .where(box.c.id == bindparam("mailbox"))
    .values(
        uidnext=box.c.uidnext + 1,
        highestmodseq=bindparam("modseq"),
        messages=box.c.messages + 1,
        unseen=box.c.unseen + bindparam("unseen"),
        deleted=box.c.deleted + bindparam("deleted"),
        size=box.c.size + bindparam("size"),
    )
    .returning(box.c.uidnext - 1, box.c.uidvalidity)
)


def _insert(table: Table, *, without: tuple[str, ...] = ()) -> Statement:
    names: dict[str, Any] = {c.key: bindparam(c.key) for c in table.c if c.key not in without}
    return Statement(insert(table).values(names))


_INSERT_CONTENT = _insert(content, without=("id",))
_INSERT_OCTETS = _insert(octets)
_INSERT_FACET = _insert(facet)
_INSERT_FOLDED = _insert(folded)
_INSERT_PLACEMENT = _insert(placement)


def append(
    w: Writer,
    mailbox_id: int,
    message: Prepared,
    *,
    flags: Iterable[str] = (),
    internaldate: datetime | None = None,
    envelope_id: str | None = None,
    now: datetime | None = None,
    frees: int = 0,
) -> Appended:
    """Add a message to a mailbox.

    Args:
        w: A write transaction of the account.
        mailbox_id: Where to.
        message: What `prepare` made of the octets.
        flags: System flags and keywords; `$HasAttachment` is added where it belongs.
        internaldate: When it arrived; now when None.
        envelope_id: A second append with the same id changes nothing and returns `duplicate=True`.
        now: The save date (RFC 8514).
        frees: Octets that the same transaction takes away, so that only the difference needs room.

    Raises:
        NoSuchMailbox, OverQuota, TooManyKeywords
    """
    saved = int((now or datetime.now(UTC)).timestamp())
    arrived = saved if internaldate is None else int(internaldate.timestamp())
    envelope = hashlib.sha256(envelope_id.encode()).digest() if envelope_id is not None else None
    if envelope is not None:
        row = w.run(_SEEN_ENVELOPE, envelope=envelope).fetchone()
        if row is not None:
            uid, uidvalidity, modseq, email, thread = row
            return Appended(uid, uidvalidity, modseq, email, thread_id(thread), duplicate=True)
    require_room(w, message.size - frees)
    bits, words = flag_set.bits_of(flags)
    if message.has_attachment:
        words.append(flag_set.HAS_ATTACHMENT)
    keywords = flag_set.encode_keywords(flag_set.learn(w, words))
    content_id, thread = _content(w, message, arrived)
    uid, uidvalidity, modseq = place(
        w,
        mailbox_id,
        {
            "content_id": content_id, "thread_id": thread, "flags": bits, "keywords": keywords, "size": message.size,
            "internaldate": arrived, "savedate": saved, "sent": arrived if message.sent is None else message.sent,
        },
    )  # fmt: skip
    email = email_id(message.digest)
    if envelope is not None:
        w.run(
            _KEEP_ENVELOPE, envelope=envelope, mailbox_id=mailbox_id, uid=uid, uidvalidity=uidvalidity, modseq=modseq,
            email_id=email, thread_id=thread,
        )  # fmt: skip
    reach("append.rows")
    return Appended(uid, uidvalidity, modseq, email, thread_id(thread), duplicate=False)


def require_room(w: Writer, size: int) -> None:
    """Raise OverQuota when `size` more octets do not fit into the account; what makes it no fuller always does."""
    if size <= 0:
        return
    (quota,) = w.run(_QUOTA).fetchone()
    if quota is not None and w.run(_USED).fetchone()[0] + size > quota:
        raise OverQuota(f"{quota} octets")


def place(w: Writer, mailbox_id: int, row: dict[str, Any]) -> tuple[int, int, int]:
    """Put a content, whose holders are counted already, into a mailbox; return uid, uidvalidity and modseq."""
    modseq = changes.next_modseq(w)
    bits = row["flags"]
    counted = w.run(
        _COUNT,
        mailbox=mailbox_id,
        modseq=modseq,
        unseen=0 if bits & schema.SEEN else 1,
        deleted=1 if bits & schema.DELETED else 0,
        size=row["size"],
    ).fetchone()
    if counted is None:
        raise NoSuchMailbox(str(mailbox_id))
    uid, uidvalidity = counted
    w.run(_INSERT_PLACEMENT, mailbox_id=mailbox_id, uid=uid, modseq=modseq, created=modseq, **row)
    return uid, uidvalidity, modseq


def _content(w: Writer, message: Prepared, arrived: int) -> tuple[int, int]:
    """Return the content's id and conversation; the same octets are stored once."""
    if message.is_object:
        # Inside the transaction, so that no removal of the same octets can come between this and the commit.
        objects.put(w.folder, message.digest, message.data)
    same = w.run(_SAME, digest=message.digest).fetchone()
    if same is not None:
        w.run(_HOLD, content=same[0])
        return same[0], same[1]
    thread = conversation.assign(w, message, arrived)
    content_id = w.run(
        _INSERT_CONTENT, digest=message.digest, holders=1, is_object=message.is_object, size=message.size,
        header_size=message.header_size, thread_id=thread, envelope=message.envelope,
        bodystructure=message.bodystructure, body=message.body, preview=message.preview,
    ).lastrowid  # fmt: skip
    reach("append.content")
    if not message.is_object:
        w.run(_INSERT_OCTETS, content_id=content_id, data=message.data)
    insert_texts(w, int(content_id or 0), message)
    w.leave_chore(index.CHORE)
    return int(content_id or 0), thread


def insert_texts(w: Writer, content_id: int, message: Prepared) -> None:
    """Store what sorting and searching read; the indexes follow by themselves."""
    parent = message.reference_hashes[-1] if message.reference_hashes else None
    facets = {"from_" if name == "from" else name: value for name, value in message.facets.items()}
    w.run(
        _INSERT_FACET, content_id=content_id, sent=message.sent, sent_on=message.sent_on,
        message_hash=message.message_hash, parent_hash=parent, subject_hash=message.subject_hash,
        participants=" ".join(message.participants), **message.keys, **facets,
    )  # fmt: skip
    lineage.add(w, content_id, message.lineage)
    w.run(_INSERT_FOLDED, content_id=content_id, head=message.head, body=message.text, seal=message.seal)
    if message.unread:
        unread.add(w, content_id)
