"""Bringing virtual mailboxes up to date with the real ones, when somebody looks.

Deliveries and changes of flags know nothing of virtual mailboxes. Each of these remembers the mod-sequence up to which it has
followed the real ones; the changes after it come from their logs, so that the cost is that of what happened since. The
first time goes through all messages by date instead, as nobody wants the oldest mail numbered last.

Invariants: the changes made here have mod-sequences too, and are never taken for something to follow, since only those of
real mailboxes are; a step is a transaction of bounded work, so that a delivery never waits long (one change of very many
messages at once is followed at once); a member whose message moved between real mailboxes keeps its uid.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Insert,
    Integer,
    Select,
    Subquery,
    and_,
    bindparam,
    case,
    column,
    exists,
    false,
    func,
    insert,
    or_,
    select,
    true,
    update,
)

from server.db.database import Reader, Writer
from server.db.statement import Statement
from server.store import changes, schema, virtual, virtual_members
from server.store.flags import COUNT
from server.store.virtual_members import COLUMNS, Origin

BATCH = 4_000
"""Messages that one step looks at."""
LEAST = 20
"""Of each real mailbox, however many there are."""
EVERY_DATE = 2**62

box, row, member, gone = schema.mailbox, schema.virtual_mailbox, schema.virtual_member, schema.vanished
place = schema.placement
_own = place.alias("own")

IS_SOURCE = and_(
    box.c.id.not_in(select(row.c.mailbox_id)),
    # RFC 6154 §2: \All may leave out \Trash and \Junk.
    or_(box.c.special_use.is_(None), and_(box.c.special_use != "\\Trash", box.c.special_use != "\\Junk")),
)
"""Mailboxes whose messages are in virtual ones."""
_BEHIND = Statement(
    select(row.c.mailbox_id).where(
        row.c.mailbox_id == bindparam("mailbox"),
        row.c.rule != virtual.LABELS,
        or_(
            row.c.built.is_not(None),
            row.c.dropped,
            exists(select(box.c.id).where(IS_SOURCE, box.c.highestmodseq > row.c.seen)),
        ),
    )
)
_ROW = Statement(
    select(row.c.rule, row.c.keyword, row.c.seen, row.c.built, row.c.dropped).where(
        row.c.mailbox_id == bindparam("mailbox")
    )
)
_SOURCES = Statement(select(box.c.id).where(IS_SOURCE, box.c.highestmodseq > bindparam("since")).order_by(box.c.id))
_FILLED = Statement(select(box.c.id).where(IS_SOURCE, box.c.messages > 0).order_by(box.c.id))
_KEEP = Statement(
    update(row)
    .where(row.c.mailbox_id == bindparam("mailbox"))
    .values(seen=bindparam("at"), built=bindparam("done"), dropped=bindparam("waits"))
)


def matches(rule: str, of: Any = place) -> ColumnElement[bool]:
    """What a message of a real mailbox must be to be in a virtual one; `keyword` is bound with a space on each side."""
    conditions: dict[str, ColumnElement[bool]] = {
        virtual.ALL: true(),
        virtual.UNSEEN: of.c.flags.op("&")(schema.SEEN) == 0,
        virtual.FLAGGED: of.c.flags.op("&")(schema.FLAGGED) == schema.FLAGGED,
        virtual.KEYWORD: func.instr(of.c.keywords, bindparam("keyword")) > 0,
        virtual.LABELS: false(),
    }
    return conditions[rule]


_VALUES = tuple(place.c[name] for name in COLUMNS)
_HERE = place.c.mailbox_id == bindparam("source")


def _dated(rule: str) -> Subquery:
    """Messages of all sources between two dates, numbered from 0 in order of their dates."""
    order = (place.c.internaldate, place.c.mailbox_id, place.c.uid)
    sources: Select[Any] = select(column("value")).select_from(func.json_each(bindparam("sources")))
    window = place.c.internaldate.between(bindparam("first"), bindparam("last"))
    number = (func.row_number().over(order_by=order) - 1).label("number")
    found = select(number, place.c.mailbox_id.label("origin_id"), place.c.uid.label("origin_uid"), *_VALUES)
    return found.where(place.c.mailbox_id.in_(sources), window, matches(rule)).subquery()


def _count_dated(rule: str) -> Select[Any]:
    found = _dated(rule)
    unseen = case((found.c.flags.op("&")(schema.SEEN) == 0, 1), else_=0)
    deleted = case((found.c.flags.op("&")(schema.DELETED) != 0, 1), else_=0)
    return select(func.count(), *(func.coalesce(func.sum(each), 0) for each in (unseen, deleted, found.c.size)))


def _join_dated(rule: str) -> Insert:
    found = _dated(rule)
    at = bindparam("at", type_=Integer)
    head = (bindparam("mailbox", type_=Integer), bindparam("uid", type_=Integer) + found.c.number, at, at)
    values = select(*head, *(found.c[name] for name in COLUMNS))
    return insert(place).from_select(["mailbox_id", "uid", "modseq", "created", *COLUMNS], values)


def _bind_dated(rule: str) -> Insert:
    found = _dated(rule)
    head = (bindparam("mailbox", type_=Integer), bindparam("uid", type_=Integer) + found.c.number)
    values = select(*head, found.c.origin_id, found.c.origin_uid)
    return insert(member).from_select(["mailbox_id", "uid", "origin_id", "origin_uid"], values)


def _changed(rule: str) -> Select[Any]:
    """Changes of a source, with the member that stands for the message and what the member looks like."""
    own_member = and_(
        member.c.mailbox_id == bindparam("mailbox"),
        member.c.origin_id == place.c.mailbox_id,
        member.c.origin_uid == place.c.uid,
    )
    looks = and_(_own.c.mailbox_id == bindparam("mailbox"), _own.c.uid == member.c.uid)
    return (
        select(matches(rule), member.c.uid, _own.c.flags, _own.c.keywords, place.c.uid, *_VALUES)
        .join_from(place, member, own_member, isouter=True)
        .join(_own, looks, isouter=True)
        .where(_HERE, place.c.modseq > bindparam("since"), place.c.modseq <= bindparam("until"))
        .order_by(place.c.created, place.c.uid)
    )


_RULES = (virtual.ALL, virtual.UNSEEN, virtual.FLAGGED, virtual.KEYWORD)
_COUNT_DATED, _JOIN_DATED, _BIND_DATED = (
    {rule: Statement(make(rule)) for rule in _RULES} for make in (_count_dated, _join_dated, _bind_dated)
)
_CHANGED = {rule: Statement(_changed(rule)) for rule in _RULES}
_VANISHED = Statement(
    select(gone.c.first, gone.c.last).where(
        gone.c.mailbox_id == bindparam("source"),
        gone.c.modseq > bindparam("since"),
        gone.c.modseq <= bindparam("until"),
    )
)
_OF_ORIGINS = Statement(
    select(member.c.uid, place.c.content_id)
    .join_from(member, place, and_(place.c.mailbox_id == member.c.mailbox_id, place.c.uid == member.c.uid))
    .where(
        member.c.mailbox_id == bindparam("mailbox"),
        member.c.origin_id == bindparam("source"),
        member.c.origin_uid.between(bindparam("first"), bindparam("last")),
    )
)
_LOST = Statement(
    select(member.c.uid, place.c.content_id)
    .join_from(member, place, and_(place.c.mailbox_id == member.c.mailbox_id, place.c.uid == member.c.uid))
    .where(member.c.mailbox_id == bindparam("mailbox"), member.c.origin_id.not_in(select(box.c.id)))
)


def _edge(column: ColumnElement[int]) -> Statement:
    """The value of the column at which so many rows of a source are behind `after`."""
    after = select(column).where(_HERE, column > bindparam("after")).order_by(column)
    return Statement(after.limit(1).offset(bindparam("count")))


_EDGE_OF_CHANGES, _EDGE_OF_DATES = _edge(place.c.modseq), _edge(place.c.internaldate)


@dataclass(frozen=True, slots=True)
class _View:
    number: int
    rule: str
    keyword: str
    seen: int
    built: int | None
    dropped: bool

    def keep(self, w: Writer) -> None:
        w.run(_KEEP, mailbox=self.number, at=self.seen, done=self.built, waits=int(self.dropped))


@dataclass(slots=True)
class _News:
    """What a step found out: members whose origin went or no longer fits, members that changed, and messages to take in."""

    lost: dict[int, int] = field(default_factory=dict)  # uid -> content
    unfit: list[int] = field(default_factory=list)
    changed: dict[int, Origin] = field(default_factory=dict)
    moved: dict[int, Origin] = field(default_factory=dict)
    fresh: list[Origin] = field(default_factory=list)

    def rebind(self) -> None:
        """A message that went from one mailbox and came to another is the same member."""
        by_content: dict[int, list[int]] = defaultdict(list)
        for uid in sorted(self.lost, reverse=True):
            by_content[self.lost[uid]].append(uid)
        joining = []
        for origin in self.fresh:
            uids = by_content.get(origin.content_id)
            if uids:
                uid = uids.pop()
                del self.lost[uid]
                self.moved[uid] = origin
            else:
                joining.append(origin)
        self.fresh = joining

    def write(self, w: Writer, number: int) -> None:
        if not (self.lost or self.unfit or self.changed or self.moved or self.fresh):
            return
        at = changes.next_modseq(w)
        virtual_members.leave(w, number, at, [*self.lost, *self.unfit])
        virtual_members.change(w, number, at, self.changed)
        virtual_members.rebind(w, number, at, self.moved)
        virtual_members.join(w, number, at, self.fresh)


def behind(r: Reader, numbers: Iterable[int]) -> list[int]:
    """Return those of the virtual mailboxes in which something is missing; real ones never are."""
    return [number for number in numbers if r.run(_BEHIND, mailbox=number).fetchone() is not None]


def refresh(w: Writer, numbers: Iterable[int], limit: int = BATCH) -> bool:
    """Bring virtual mailboxes up to date, as far as one transaction should; return whether more is left to do."""
    for number in numbers:
        while limit > 0 and behind(w, [number]):
            limit -= _step(w, number, limit)
        if limit <= 0:
            return bool(behind(w, numbers))
    return False


def refresh_whole(w: Writer, number: int) -> None:
    """Bring one virtual mailbox up to date, whatever it takes: for what is done to messages through it."""
    while behind(w, [number]):
        _step(w, number, BATCH)


def _step(w: Writer, number: int, limit: int) -> int:
    view = _view(w, number)
    return 1 + (_follow(w, view, limit) if view.built is None else _build(w, view, view.built, limit))


def _view(r: Reader, number: int) -> _View:
    rule, keyword, seen, built, dropped = r.run(_ROW, mailbox=number).fetchone()
    return _View(number, rule, f" {keyword} ", seen, built, bool(dropped))


def _sources(r: Reader, since: int) -> list[int]:
    return [number for (number,) in r.run(_SOURCES, since=since)]


def _window(r: Reader, edge: Statement, sources: Sequence[int], after: int, limit: int) -> int | None:
    """Where to stop, so that about `limit` rows lie between `after` and there; None when that many are not left."""
    count = max(limit // max(len(sources), 1), LEAST) - 1
    ends = [r.run(edge, source=source, after=after, count=count).fetchone() for source in sources]
    return min((end[0] for end in ends if end is not None), default=None)


def _build(w: Writer, view: _View, built: int, limit: int) -> int:
    """Take in the messages of the next few dates."""
    if built == virtual.NOT_BEGUN:
        view = replace(view, seen=changes.account_modseq(w))  # what happens from here on is followed afterwards
    sources = [number for (number,) in w.run(_FILLED)]
    end = _window(w, _EDGE_OF_DATES, sources, built, limit)
    span = {
        "sources": json.dumps(sources), "first": built + 1, "last": EVERY_DATE if end is None else end,
        "keyword": view.keyword,
    }  # fmt: skip
    messages, unseen, deleted, size = w.run(_COUNT_DATED[view.rule], **span).fetchone()
    if messages:
        at = changes.next_modseq(w)
        where = {"mailbox": view.number, "uid": virtual_members.take_uids(w, view.number, messages)}
        w.run(_JOIN_DATED[view.rule], at=at, **where, **span)
        w.run(_BIND_DATED[view.rule], **where, **span)
        w.run(COUNT, mailbox=view.number, modseq=at, messages=messages, unseen=unseen, deleted=deleted, size=size)
    replace(view, built=end).keep(w)
    return limit if end is not None else int(messages)


def _follow(w: Writer, view: _View, limit: int) -> int:
    """Do what the next changes of real mailboxes ask for."""
    sources = _sources(w, view.seen)
    end = _window(w, _EDGE_OF_CHANGES, sources, view.seen, limit)
    until = changes.account_modseq(w) if end is None else end
    news = _News()
    if view.dropped:
        news.lost.update(w.run(_LOST, mailbox=view.number).fetchall())
    looked = sum(_look_into(w, view, source, until, news) for source in sources)
    news.rebind()
    news.write(w, view.number)
    replace(view, seen=until, dropped=False).keep(w)
    return looked


def _look_into(r: Reader, view: _View, source: int, until: int, news: _News) -> int:
    span = {"source": source, "since": view.seen, "until": until}
    for first, last in r.run(_VANISHED, **span).fetchall():
        news.lost.update(r.run(_OF_ORIGINS, mailbox=view.number, source=source, first=first, last=last).fetchall())
    looked = 0
    for fits, uid, bits, words, origin_uid, *values in r.run(
        _CHANGED[view.rule], mailbox=view.number, keyword=view.keyword, **span
    ):
        looked += 1
        origin = Origin(source, origin_uid, tuple(values))
        if uid is None:
            if fits:
                news.fresh.append(origin)
        elif not fits:
            news.unfit.append(uid)
        elif (bits, words) != (values[2], values[3]):
            news.changed[uid] = origin
    return looked


def rebuild(w: Writer, number: int) -> None:
    """Begin anew, with new uids: for a mailbox whose members contradict the real ones."""
    at = changes.next_modseq(w)
    held = w.execute(select(place.c.uid).where(place.c.mailbox_id == number)).scalars().all()
    changes.record_vanished(w, number, at, list(held))
    virtual_members.remove_all(w, number)
    empty = {"highestmodseq": at, "messages": 0, "unseen": 0, "deleted": 0, "size": 0}
    w.execute(update(box).where(box.c.id == number).values(empty))
    w.execute(update(row).where(row.c.mailbox_id == number).values(built=virtual.NOT_BEGUN, dropped=False, seen=at))
