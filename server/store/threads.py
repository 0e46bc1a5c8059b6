"""Conversations of a mailbox (RFC 5256 §4, by the ids that RFC 8474 calls THREADID).

What belongs together was decided at append. Here the messages of a conversation are put into a tree by whom they answer;
those whose parent is not among the messages asked for hang from the first one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import and_, bindparam, exists, func, or_, select
from sqlalchemy import case as sql_case

from server.db.database import Reader
from server.db.statement import Statement
from server.store import model, schema
from server.store.messages import DENSE, chosen, fetch_chosen
from server.store.predicate import Compiler
from server.store.query import All, Query

DEEPEST = 100
"""Levels of a tree; what answers deeper hangs from the last level, so that nobody's recursion is exhausted."""

place, facet = schema.placement, schema.facet
other = place.alias("other")

Row = tuple[int, int, int]
"""Conversation, date and uid."""
Relation = tuple[int, int | None, int | None]
"""Uid, the hash of its own message id, and of the one it answers."""


class Node:
    """A message and the answers to it, the oldest first. Most have none and share one empty tuple: there may be a million."""

    __slots__ = ("children", "uid")

    def __init__(self, uid: int, children: "Sequence[Node]" = ()) -> None:
        self.uid = uid
        self.children = children

    def add(self, child: "Node") -> None:
        """Hang another answer below."""
        if isinstance(self.children, list):
            self.children.append(child)
        else:
            self.children = [child]


@dataclass(frozen=True, slots=True)
class Conversation:
    """A line in a list of conversations: its newest message in the mailbox, and what else of it is there."""

    thread_id: str
    newest_uid: int
    newest: int
    messages: int
    unseen: int


_RELATIONS = chosen(
    select(place.c.uid, facet.c.message_hash, facet.c.parent_hash).join_from(
        place, facet, facet.c.content_id == place.c.content_id
    )
)
_NEWER = and_(
    other.c.mailbox_id == place.c.mailbox_id,
    other.c.thread_id == place.c.thread_id,
    or_(other.c.sent > place.c.sent, and_(other.c.sent == place.c.sent, other.c.uid > place.c.uid)),
)
_PAGE = Statement(
    select(place.c.thread_id, place.c.uid, place.c.sent)
    .where(
        place.c.mailbox_id == bindparam("mailbox"),
        place.c.sent <= bindparam("sent"),
        or_(place.c.sent < bindparam("sent"), place.c.uid < bindparam("uid")),
        ~exists().where(_NEWER),
    )
    .order_by(place.c.sent.desc(), place.c.uid.desc())
    .limit(bindparam("limit"))
)
_COUNTS = Statement(
    select(func.count(), func.sum(sql_case((place.c.flags.op("&")(schema.SEEN) == 0, 1), else_=0))).where(
        place.c.mailbox_id == bindparam("mailbox"), place.c.thread_id == bindparam("thread")
    )
)
LATEST = 2**62


def threads(r: Reader, mailbox_id: int, query: Query, *, now: datetime | None = None) -> list[Node]:
    """Return the matching messages as trees, ordered by the date of the first message of each.

    Raises:
        QueryTooComplex
    """
    statement = select(place.c.thread_id, place.c.sent, place.c.uid).where(place.c.mailbox_id == mailbox_id)
    if not isinstance(query, All):
        statement = statement.where(Compiler(r, mailbox_id, now=now or datetime.now(UTC)).compile(query))
    # In the order of an index, which holds all three.
    rows: list[Row] = list(r.tuples(statement.order_by(place.c.thread_id, place.c.sent, place.c.uid)))
    starts = [n for n, (row, before) in enumerate(zip(rows, [(-1, 0, 0), *rows], strict=False)) if row[0] != before[0]]
    groups = [(*rows[start][1:], start, end) for start, end in zip(starts, [*starts[1:], len(rows)], strict=False)]
    groups.sort()
    # Of two, the second hangs from the first, whoever answers whom.
    related = [row[2] for _, _, start, end in groups if end - start > 2 for row in rows[start:end]]
    relations = _relations(r, mailbox_id, related)
    return [Node(uid) if end - start == 1 else _tree(rows[start:end], relations) for _, uid, start, end in groups]


def _relations(r: Reader, mailbox_id: int, uids: Sequence[int]) -> dict[int, Relation]:
    """Who answers whom, of these messages at least."""
    if not uids:
        return {}
    first, last = min(uids), max(uids)
    if last - first < DENSE * len(uids):
        return {row[0]: row for row in r.run(_RELATIONS[0], mailbox=mailbox_id, first=first, last=last)}
    return {row[0]: row for row in fetch_chosen(r, _RELATIONS, mailbox_id, uids)}


def _tree(group: Sequence[Row], relations: dict[int, Relation]) -> Node:
    """Build the tree of one conversation. A parent is older than its answers here, so there is no loop to break."""
    root = Node(group[0][2])
    if len(group) == 2:
        root.children = [Node(group[1][2])]
        return root
    by_hash: dict[int, tuple[Node, int]] = {}
    top = (root, 0)
    for _, _, uid in group:
        _, own, parent = relations.get(uid, (uid, None, None))
        if uid == root.uid:
            node, level = top
        else:
            node = Node(uid)
            above, depth = by_hash.get(parent, top) if parent is not None else top
            above.add(node)
            level = depth + 1
        if own is not None and own not in by_hash:
            # Beyond the deepest level answers become neighbours.
            by_hash[own] = (node, level) if level < DEEPEST else by_hash.get(parent or 0, top)
    return root


def page(r: Reader, mailbox_id: int, *, limit: int, before: tuple[int, int] | None = None) -> list[Conversation]:
    """Return conversations, the one with the newest message first.

    Costs what a page holds, whatever the mailbox holds.

    Args:
        r: A transaction of the account.
        mailbox_id: Whose messages count.
        limit: How many.
        before: (`newest`, `newest_uid`) of the last line of the page before.
    """
    sent, uid = before or (LATEST, 0)
    found = []
    for thread, newest_uid, newest in r.run(_PAGE, mailbox=mailbox_id, sent=sent, uid=uid, limit=limit).fetchall():
        messages, unseen = r.run(_COUNTS, mailbox=mailbox_id, thread=thread).fetchone()
        found.append(Conversation(model.thread_id(thread), newest_uid, newest, messages, unseen))
    return found
