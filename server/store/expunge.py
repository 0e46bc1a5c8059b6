"""Removing messages for good (RFC 9051 §6.4.3, §6.4.9).

What a message was is gone for every session at once; its octets and its place in the indexes, which take longer, are
cleared by `collect` in small transactions afterwards.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import bindparam, delete, select, text, update

from server.db.database import Reader, Writer
from server.db.statement import Statement
from server.store import changes, collect, expunge_log, schema
from server.store.crashpoint import reach
from server.store.flags import COUNT
from server.store.messages import chosen, fetch_chosen

place, content = schema.placement, schema.content

_MARKED = Statement(
    # Written as in the partial index of the schema, so that it serves.
    select(place.c.uid).where(place.c.mailbox_id == bindparam("mailbox"), text("flags & 8 = 8")).order_by(place.c.uid)
)
_ROWS = chosen(select(place.c.uid, place.c.content_id, place.c.flags, place.c.size))
_REMOVE = Statement(delete(place).where(place.c.mailbox_id == bindparam("mailbox"), place.c.uid == bindparam("which")))
_LET_GO = Statement(update(content).where(content.c.id == bindparam("which")).values(holders=content.c.holders - 1))


def marked(r: Reader, mailbox_id: int) -> list[int]:
    r"""Return the uids of the messages that are \\Deleted."""
    return [uid for (uid,) in r.run(_MARKED, mailbox=mailbox_id).fetchall()]


def expunge(w: Writer, mailbox_id: int, uids: Collection[int] | None = None) -> list[int]:
    r"""Remove the \\Deleted messages, of `uids` only when given (UID EXPUNGE); return the uids that went."""
    doomed = marked(w, mailbox_id)
    if uids is not None:
        chosen_uids = set(uids)
        doomed = [uid for uid in doomed if uid in chosen_uids]
    return remove(w, mailbox_id, doomed)


def remove(w: Writer, mailbox_id: int, uids: Collection[int]) -> list[int]:
    """Remove messages whatever their flags (POP3 QUIT, MOVE); return the uids that were there."""
    rows: list[tuple[Any, ...]] = list(fetch_chosen(w, _ROWS, mailbox_id, uids))
    if not rows:
        return []
    gone = [row[0] for row in rows]
    modseq = changes.next_modseq(w)
    w.run_many(_REMOVE, [{"mailbox": mailbox_id, "which": uid} for uid in gone])
    w.run_many(_LET_GO, [{"which": row[1]} for row in rows])
    changes.record_vanished(w, mailbox_id, modseq, gone)
    w.run(
        COUNT,
        mailbox=mailbox_id,
        modseq=modseq,
        messages=-len(gone),
        unseen=-sum(1 for row in rows if not row[2] & schema.SEEN),
        deleted=-sum(1 for row in rows if row[2] & schema.DELETED),
        size=-sum(row[3] for row in rows),
    )
    w.leave_chore(collect.CHORE)
    w.leave_chore(expunge_log.CHORE)
    reach("expunge.rows")
    return gone
