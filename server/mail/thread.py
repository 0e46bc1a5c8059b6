"""Threads as IMAP THREAD answers them (RFC 5256): REFERENCES (§3, after J. Zawinski) and ORDEREDSUBJECT.

No recursion and near-linear: links between messages are kept as a union of trees, so that a loop is found without
walking, whatever ids a hostile message names.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Item(NamedTuple):
    key: int  # UID or sequence number
    message_id: str | None
    references: Sequence[str]  # oldest first, the parent last
    base_subject: str
    is_reply: bool
    date: float  # seconds; the internal date where the message names none


@dataclass(slots=True)
class Node:
    """A message with its answers below it; `key` is None for one that is missing and holds several together."""

    key: int | None
    children: list["Node"] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class _Container:
    item: Item | None = None
    parent: "_Container | None" = None
    children: list["_Container"] = field(default_factory=list)
    root: "_Container | None" = None  # union-find

    @property
    def date(self) -> float:
        if self.item is not None:
            return self.item.date
        return self.children[0].date if self.children else 0.0

    @property
    def lead(self) -> Item | None:
        """The message that gives the thread its subject: itself, or of a missing one its first child."""
        found: _Container = self
        while found.item is None and found.children:
            found = found.children[0]
        return found.item


def references(items: Iterable[Item]) -> list[Node]:
    """RFC 5256 §3 REFERENCES: the threads, oldest first."""
    roots = _linked(list(items))
    roots = [kept for root in roots for kept in _pruned(root)]
    _sort_children(roots)
    roots.sort(key=_order)
    roots = _by_subject(roots)
    _sort_children(roots)
    roots.sort(key=_order)
    return _nodes(roots)


def ordered_subject(items: Iterable[Item]) -> list[Node]:
    """RFC 5256 §3 ORDEREDSUBJECT: one level of answers below the first message of each base subject."""
    threads: dict[str, Node] = {}
    for item in sorted(items, key=lambda item: (item.date, item.key)):
        subject = item.base_subject.casefold()
        first = threads.get(subject)
        if first is None:
            threads[subject] = Node(item.key)
        else:
            first.children.append(Node(item.key))
    return list(threads.values())


def wire(threads: Sequence[Node]) -> bytes:
    """`thread-list` of RFC 5256 §5: `(2)(3 6 (4 23)(44 7 96))`."""
    out: list[bytes] = []
    for thread in threads:
        stack: list[Node | bytes] = [b")", thread, b"("]
        while stack:
            top = stack.pop()
            if isinstance(top, bytes):
                out.append(top)
                continue
            if top.key is not None:
                out.append(b"%d" % top.key)
            if len(top.children) == 1 and top.key is not None:
                stack += (top.children[0], b" ")
            elif top.children:
                for child in reversed(top.children):
                    stack += (b")", child, b"(")
                if top.key is not None:
                    out.append(b" ")
    return b"".join(out)


def _order(container: _Container) -> tuple[float, int]:
    item = container.lead
    return container.date, item.key if item is not None else 0


def _top(container: _Container) -> _Container:
    found = container
    while found.root is not None:
        found = found.root
    while container.root is not None:  # path compression
        container.root, container = found, container.root
    return found


def _link(parent: _Container, child: _Container) -> None:
    """Make `child` a child, unless it has a parent or the link would close a loop (RFC 5256 §3 step 1B)."""
    if child.parent is not None:
        return
    above, below = _top(parent), _top(child)
    if above is below:
        return
    child.parent = parent
    parent.children.append(child)
    below.root = above


def _linked(items: list[Item]) -> list[_Container]:
    """Step 1: one container an id. A message's own word about its parent counts before what others say of it."""
    by_id: dict[str, _Container] = {}
    own: list[_Container] = []
    for item in items:
        container = by_id.get(item.message_id) if item.message_id else None
        if container is None or container.item is not None:  # an id that is missing or taken: one of its own
            container = _Container()
            if item.message_id and item.message_id not in by_id:
                by_id[item.message_id] = container
        container.item = item
        own.append(container)
    for item, container in zip(items, own, strict=True):
        if item.references:
            _link(by_id.setdefault(item.references[-1], _Container()), container)
    for item in items:
        for above, below in zip(item.references, item.references[1:], strict=False):
            _link(by_id.setdefault(above, _Container()), by_id.setdefault(below, _Container()))
    seen = {id(container): container for container in own}
    seen.update((id(container), container) for container in by_id.values())
    return [container for container in seen.values() if container.parent is None]


def _pruned(root: _Container) -> list[_Container]:
    """Step 3: missing messages go; their children rise, but several never rise to the top without one above them."""
    post_order: list[_Container] = []
    stack = [root]
    while stack:
        container = stack.pop()
        post_order.append(container)
        stack.extend(container.children)
    for container in reversed(post_order):
        kept: list[_Container] = []
        for child in container.children:
            if child.item is not None:
                kept.append(child)
            else:
                kept.extend(child.children)
        container.children = kept
    if root.item is not None:
        return [root]
    return root.children if len(root.children) <= 1 else [root]


def _sort_children(roots: list[_Container]) -> None:
    stack = list(roots)
    while stack:
        container = stack.pop()
        if container.children:
            container.children.sort(key=_order)
            stack.extend(container.children)


def _by_subject(roots: list[_Container]) -> list[_Container]:
    """Step 5: threads of one base subject are one, where at least one of them is an answer or lacks its head."""
    table: dict[str, _Container] = {}
    for root in roots:  # step 5B
        item = root.lead
        if item is None or not item.base_subject:
            continue
        subject = item.base_subject.casefold()
        held = table.get(subject)
        held_item = held.lead if held is not None else None
        if (
            held is None
            or (root.item is None and held.item is not None)
            or (held.item is not None and held_item is not None and held_item.is_reply and not item.is_reply)
        ):
            table[subject] = root
    merged: dict[int, _Container] = {}  # a table entry that got a new head
    gone: set[int] = set()
    for root in roots:  # step 5C
        item = root.lead
        held = table.get(item.base_subject.casefold()) if item is not None and item.base_subject else None
        if held is None or held is root or item is None:
            continue
        target = merged.get(id(held), held)
        lead = target.lead
        gone.add(id(root))
        if target.item is None:
            target.children.extend(root.children if root.item is None else [root])
        elif item.is_reply and lead is not None and not lead.is_reply:
            target.children.append(root)
        else:
            merged[id(held)] = _Container(children=[target, root])
    return [merged.get(id(root), root) for root in roots if id(root) not in gone]


def _nodes(roots: list[_Container]) -> list[Node]:
    top = Node(None)
    stack = [(root, top) for root in reversed(roots)]
    while stack:
        container, above = stack.pop()
        node = Node(container.item.key if container.item is not None else None)
        above.children.append(node)
        stack.extend((child, node) for child in reversed(container.children))
    return top.children
