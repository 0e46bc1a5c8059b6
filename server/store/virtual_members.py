"""The messages of a virtual mailbox: placements that stand for placements of real mailboxes.

Joining, changing and leaving keep what holds of every mailbox (uids that only grow, counters, the log of what went) and,
unlike `append` and `expunge`, leave `content.holders` alone: a virtual placement holds nothing.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update

from server.db.database import Reader, Writer
from server.db.statement import Statement
from server.store import changes, expunge_log, schema
from server.store.flags import COUNT
from server.store.messages import chosen, fetch_chosen

place, box, member, gone = schema.placement, schema.mailbox, schema.virtual_member, schema.vanished
content = schema.content

COLUMNS = ("content_id", "thread_id", "flags", "keywords", "size", "internaldate", "savedate", "sent")
"""What a member's placement has in common with its origin's."""


@dataclass(frozen=True, slots=True)
class Origin:
    """A placement of a real mailbox, with the values of `COLUMNS`."""

    mailbox_id: int
    uid: int
    values: tuple[Any, ...]

    @property
    def content_id(self) -> int:
        return int(self.values[0])

    @property
    def flags(self) -> int:
        return int(self.values[2])


_UIDNEXT = Statement(
    update(box)
    .where(box.c.id == bindparam("mailbox"))
    .values(uidnext=box.c.uidnext + bindparam("count"))
    .returning(box.c.uidnext - bindparam("count"))
)
_PLACE = Statement(
    insert(place).values({name: bindparam(name) for name in ("mailbox_id", "uid", "modseq", "created", *COLUMNS)})
)
_JOIN = Statement(insert(member).values({c.name: bindparam(c.name) for c in member.c}))
_MARK = Statement(
    # What every flag change rewrites is kept small: these columns are in two indexes, the rest in all of them.
    update(place)
    .where(place.c.mailbox_id == bindparam("mailbox"), place.c.uid == bindparam("which"))
    .values(flags=bindparam("new_flags"), keywords=bindparam("new_keywords"), modseq=bindparam("at"))
)
_SET = Statement(
    update(place)
    .where(place.c.mailbox_id == bindparam("mailbox"), place.c.uid == bindparam("which"))
    .values({"modseq": bindparam("at"), **{name: bindparam(f"new_{name}") for name in COLUMNS}})
)
_BIND = Statement(
    update(member)
    .where(member.c.mailbox_id == bindparam("mailbox"), member.c.uid == bindparam("which"))
    .values(origin_id=bindparam("origin"), origin_uid=bindparam("origin_uid_now"))
)
_OLD = chosen(select(place.c.uid, place.c.flags, place.c.size))
_UNPLACE = Statement(delete(place).where(place.c.mailbox_id == bindparam("mailbox"), place.c.uid == bindparam("which")))
_UNJOIN = Statement(
    delete(member).where(member.c.mailbox_id == bindparam("mailbox"), member.c.uid == bindparam("which"))
)
_HOLDING = Statement(
    select(place.c.mailbox_id, place.c.uid)
    .where(place.c.content_id == bindparam("content"))
    .order_by(place.c.mailbox_id, place.c.uid)
)
_ORIGINS = Statement(
    select(member.c.uid, member.c.origin_id, member.c.origin_uid)
    .where(member.c.mailbox_id == bindparam("mailbox"), member.c.uid.between(bindparam("first"), bindparam("last")))
    .order_by(member.c.uid)
)


def _unread(bits: int) -> int:
    return 0 if bits & schema.SEEN else 1


def _marked(bits: int) -> int:
    return 1 if bits & schema.DELETED else 0


def take_uids(w: Writer, mailbox_id: int, count: int) -> int:
    """Return the first of so many uids that are given now."""
    return int(w.run(_UIDNEXT, mailbox=mailbox_id, count=count).fetchone()[0])


def join(w: Writer, mailbox_id: int, at: int, origins: Sequence[Origin]) -> None:
    """Take in messages, in this order, at the mod-sequence `at`."""
    if not origins:
        return
    first = take_uids(w, mailbox_id, len(origins))
    common = {"mailbox_id": mailbox_id, "modseq": at, "created": at}
    w.run_many(
        _PLACE,
        [{**common, "uid": uid, **dict(zip(COLUMNS, o.values, strict=True))} for uid, o in enumerate(origins, first)],
    )
    w.run_many(
        _JOIN,
        [
            {"mailbox_id": mailbox_id, "uid": uid, "origin_id": o.mailbox_id, "origin_uid": o.uid}
            for uid, o in enumerate(origins, first)
        ],
    )
    w.run(
        COUNT,
        mailbox=mailbox_id,
        modseq=at,
        messages=len(origins),
        unseen=sum(_unread(o.flags) for o in origins),
        deleted=sum(_marked(o.flags) for o in origins),
        size=sum(o.values[COLUMNS.index("size")] for o in origins),
    )


def change(w: Writer, mailbox_id: int, at: int, now: Mapping[int, Origin]) -> None:
    """Give members, by uid, the flags that their origins have now."""
    _rewrite(w, mailbox_id, at, now, _MARK)


def rebind(w: Writer, mailbox_id: int, at: int, now: Mapping[int, Origin]) -> None:
    """Let members, by uid, stand for other placements of the same contents."""
    _rewrite(w, mailbox_id, at, now, _SET)
    common = {"mailbox": mailbox_id}
    w.run_many(
        _BIND,
        [{**common, "which": uid, "origin": o.mailbox_id, "origin_uid_now": o.uid} for uid, o in now.items()],
    )


def _rewrite(w: Writer, mailbox_id: int, at: int, now: Mapping[int, Origin], statement: Statement) -> None:
    if not now:
        return
    old = {uid: bits for uid, bits, _ in fetch_chosen(w, _OLD, mailbox_id, now)}
    names = [f"new_{name}" for name in COLUMNS]
    common = {"mailbox": mailbox_id, "at": at}
    w.run_many(
        statement,
        [{**common, "which": uid, **dict(zip(names, o.values, strict=True))} for uid, o in now.items()],
    )
    w.run(
        COUNT,
        mailbox=mailbox_id,
        modseq=at,
        messages=0,
        unseen=sum(_unread(now[uid].flags) - _unread(bits) for uid, bits in old.items()),
        deleted=sum(_marked(now[uid].flags) - _marked(bits) for uid, bits in old.items()),
        size=0,
    )


def leave(w: Writer, mailbox_id: int, at: int, uids: Collection[int]) -> None:
    """Take members out; clients hear of them as expunged."""
    rows: list[tuple[int, int, int]] = list(fetch_chosen(w, _OLD, mailbox_id, uids))
    if not rows:
        return
    which = [{"mailbox": mailbox_id, "which": uid} for uid, _, _ in rows]
    w.run_many(_UNPLACE, which)
    w.run_many(_UNJOIN, which)
    changes.record_vanished(w, mailbox_id, at, [uid for uid, _, _ in rows])
    w.leave_chore(expunge_log.CHORE)
    w.run(
        COUNT,
        mailbox=mailbox_id,
        modseq=at,
        messages=-len(rows),
        unseen=-sum(_unread(bits) for _, bits, _ in rows),
        deleted=-sum(_marked(bits) for _, bits, _ in rows),
        size=-sum(size for _, _, size in rows),
    )


def origins(r: Reader, mailbox_id: int, uids: Iterable[int]) -> dict[int, tuple[int, int]]:
    """Return mailbox and uid of what the members stand for, by their uids, ascending."""
    wanted = set(uids)
    if not wanted:
        return {}
    rows = r.run(_ORIGINS, mailbox=mailbox_id, first=min(wanted), last=max(wanted))
    return {uid: (origin, number) for uid, origin, number in rows if uid in wanted}


def forget_content(w: Writer, content_id: int) -> None:
    """Take members of a content out that is about to be cleared away: no real mailbox has held it for a while."""
    for mailbox_id, uid in w.run(_HOLDING, content=content_id).fetchall():
        leave(w, mailbox_id, changes.next_modseq(w), [uid])


def remove_all(w: Writer, mailbox_id: int) -> None:
    """Drop every member without a trace, for a mailbox that goes."""
    w.execute(delete(place).where(place.c.mailbox_id == mailbox_id))
    w.execute(delete(member).where(member.c.mailbox_id == mailbox_id))
