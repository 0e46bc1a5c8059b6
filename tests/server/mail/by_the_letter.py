"""REFERENCES of RFC 5256 §3 step by step, as slow and as plain as the text: what the fast one is held to.

Message ids are any strings here, base subjects too. Step 3 goes from the leaves up.
"""

from dataclasses import dataclass, field
from itertools import pairwise


@dataclass
class Letter:
    key: int
    sent: int
    subject: str = ""  # base subject
    is_reply: bool = False
    message_id: str | None = None
    references: list[str] = field(default_factory=list)


class Item:
    def __init__(self, letter: Letter | None) -> None:
        self.letter = letter  # None: a dummy
        self.parent: Item | None = None
        self.children: list[Item] = []

    @property
    def first(self) -> Letter:
        return self.children[0].first if self.letter is None else self.letter

    @property
    def order(self) -> tuple[int, int]:
        return self.first.sent, self.first.key

    def is_below(self, other: "Item") -> bool:
        at: Item | None = self
        while at is not None:
            if at is other:
                return True
            at = at.parent
        return False

    def adopt(self, child: "Item") -> None:
        child.parent = self
        self.children.append(child)

    def leave(self) -> None:
        if self.parent is not None:
            self.parent.children.remove(self)
            self.parent = None


def references(letters: list[Letter]) -> str:
    root = Item(None)
    for item in step_1(letters):
        if item.parent is None:
            root.adopt(item)  # step 2
    step_3(root, root)
    # Step 4
    for item in root.children:
        if item.letter is None:
            item.children.sort(key=lambda child: child.order)
    root.children.sort(key=lambda child: child.order)
    step_5(root)
    step_6(root)
    return "".join(f"({written(item)})" for item in root.children)


def step_1(letters: list[Letter]) -> list[Item]:
    every: list[Item] = []
    by_id: dict[str, Item] = {}
    own: list[Item] = []
    for letter in letters:
        item = Item(letter)
        own.append(item)
        if letter.message_id is not None:
            by_id.setdefault(letter.message_id, item)
    every += own

    def named(name: str) -> Item:
        if name not in by_id:
            by_id[name] = Item(None)
            every.append(by_id[name])
        return by_id[name]

    for letter, item in zip(letters, own, strict=True):
        chain = [named(name) for name in letter.references]
        for above, below in pairwise(chain):  # A
            if below.parent is None and not above.is_below(below):
                above.adopt(below)
        item.leave()  # B
        if chain and not chain[-1].is_below(item):
            chain[-1].adopt(item)
    return every


def step_3(item: Item, root: Item) -> None:
    for child in list(item.children):
        step_3(child, root)
    if item is root or item.letter is not None or item.parent is None:
        return
    if not item.children or item.parent is not root or len(item.children) == 1:
        parent = item.parent
        item.leave()
        for child in list(item.children):
            child.leave()
            parent.adopt(child)


def step_5(root: Item) -> None:
    table: dict[str, Item] = {}
    for item in root.children:  # B
        subject = item.first.subject
        if not subject:
            continue
        held = table.get(subject)
        if held is None or (
            held.letter is not None and (item.letter is None or (held.letter.is_reply and not item.letter.is_reply))
        ):
            table[subject] = item
    for item in list(root.children):  # C
        subject = item.first.subject
        if not subject:
            continue
        held = table[subject]
        if held is item:
            continue
        if held.letter is None and item.letter is None:
            for child in list(item.children):
                child.leave()
                held.adopt(child)
            item.leave()
        elif held.letter is None or (item.letter is not None and item.letter.is_reply and not held.letter.is_reply):
            item.leave()
            held.adopt(item)
        else:
            dummy = Item(None)
            root.adopt(dummy)
            for child in (held, item):
                child.leave()
                dummy.adopt(child)
            table[subject] = dummy


def step_6(item: Item) -> None:
    for child in item.children:
        step_6(child)
    item.children.sort(key=lambda child: child.order)


def written(item: Item) -> str:
    own = "" if item.letter is None else str(item.letter.key)
    if not item.children:
        return own
    if len(item.children) == 1:
        return f"{own} {written(item.children[0])}"
    return own + (" " if own else "") + "".join(f"({written(child)})" for child in item.children)
