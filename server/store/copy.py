"""Copying and moving between mailboxes of one account (RFC 9051 §6.4.7, §6.4.8).

The octets stay where they are; a copy is one more placement of the same content.
"""

import time
from collections.abc import Collection
from typing import Any

from sqlalchemy import bindparam, select, update

from server.db.database import Writer
from server.db.statement import Statement
from server.store import flag_set, schema
from server.store.append import place as put
from server.store.append import require_room
from server.store.crashpoint import reach
from server.store.errors import NoSuchMailbox
from server.store.expunge import remove
from server.store.messages import chosen, fetch_chosen, uids
from server.store.model import Copied
from server.store.rights import EVERY_FLAG, FlagMask

place, box, content = schema.placement, schema.mailbox, schema.content

_COLUMNS = ("content_id", "thread_id", "flags", "keywords", "size", "internaldate", "sent")
_ROWS = chosen(select(place.c.uid, *(place.c[name] for name in _COLUMNS)))
_VALIDITY = Statement(select(box.c.uidvalidity).where(box.c.id == bindparam("mailbox")))
_HOLD = Statement(update(content).where(content.c.id == bindparam("which")).values(holders=content.c.holders + 1))


def copy(
    w: Writer,
    mailbox_id: int,
    uids: Collection[int],
    target_id: int,
    *,
    now: int | None = None,
    mask: FlagMask = EVERY_FLAG,
) -> Copied:
    """Copy messages with their flags and dates; the save date is new (RFC 8514).

    Args:
        w: A write transaction of the account.
        mailbox_id: Where they are.
        uids: Which; those that are not there are left out.
        target_id: Where the copies go; may be the same mailbox.
        now: The save date, seconds since 1970.
        mask: Which flags the copies may have.

    Raises:
        NoSuchMailbox, OverQuota
    """
    rows = list(fetch_chosen(w, _ROWS, mailbox_id, uids))
    require_room(w, sum(row[1 + _COLUMNS.index("size")] for row in rows))
    return _place(w, rows, target_id, now, mask)


def move(
    w: Writer,
    mailbox_id: int,
    uids: Collection[int],
    target_id: int,
    *,
    now: int | None = None,
    mask: FlagMask = EVERY_FLAG,
) -> Copied:
    """Copy messages and remove them from where they were, at once (RFC 9051 §6.4.8). As `copy` otherwise."""
    copied = place_copies(w, mailbox_id, uids, target_id, now=now, mask=mask)
    reach("move.copied")
    remove(w, mailbox_id, [uid for uid, _ in copied.pairs])
    return copied


def place_copies(
    w: Writer,
    mailbox_id: int,
    uids: Collection[int],
    target_id: int,
    *,
    now: int | None = None,
    mask: FlagMask = EVERY_FLAG,
) -> Copied:
    """The first half of a move, for which there is always room."""
    return _place(w, list(fetch_chosen(w, _ROWS, mailbox_id, uids)), target_id, now, mask)


def move_all(w: Writer, mailbox_id: int, target_id: int) -> Copied:
    """Move every message of a mailbox."""
    return move(w, mailbox_id, uids(w, mailbox_id), target_id)


def _place(w: Writer, rows: list[Any], target_id: int, now: int | None, mask: FlagMask) -> Copied:
    found = w.run(_VALIDITY, mailbox=target_id).fetchone()
    if found is None:
        raise NoSuchMailbox(str(target_id))
    saved = int(time.time()) if now is None else now
    pairs: list[tuple[int, int]] = []
    for row in rows:
        values = dict(zip(_COLUMNS, row[1:], strict=True))
        if not mask.everything:
            values["flags"] &= mask.bits
            values["keywords"] = values["keywords"] if mask.keywords else flag_set.own_keywords(values["keywords"])
        uid, _, _ = put(w, target_id, {**values, "savedate": saved})
        pairs.append((row[0], uid))
    w.run_many(_HOLD, [{"which": row[1]} for row in rows])
    return Copied(found[0], pairs)
