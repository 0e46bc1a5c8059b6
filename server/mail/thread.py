"""Threads as IMAP THREAD answers them: REFERENCES and ORDEREDSUBJECT of RFC 5256 §3.

Messages are positions 0, 1, 2 … in the order of their mailbox; what is known of them stands in columns, and who hangs from whom in
plain dictionaries of positions: a mailbox may hold a million messages, and most of them are alone. Ids that no message has get numbers
beyond the last position (the dummies of the RFC). No recursion, whatever chain a hostile message makes.

Invariants: a number is a message's position below the number of messages, and a missing one from there on. Each message is in the answer once. Step 3 is done from the leaves up, so that a dummy whose children are all dummies without
messages goes too. Where two messages were sent in the same second, the one that comes first in the mailbox is first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Final, NamedTuple

WIDTH: Final = 16
"""Characters that stand for a message id."""
NOBODY: Final = "0" * WIDTH
"""What stands for the id of a message that has none."""
STEPS: Final = 20_000_000
"""Looking for loops ends after so many steps upwards, and doubtful links are left out. Only mail that was made for it comes near."""


class Columns(NamedTuple):
    """The messages to be threaded, in the order of the mailbox."""

    sent: list[int]  # RFC 5256 §2.2
    subjects: list[int]  # a number for each base subject, negative for a reply or forward; 0 for an empty one
    ids: list[str]  # `WIDTH` characters for the message's own id, then for each of its references, the parent last


@dataclass(slots=True)
class Forest:
    """The answer, in positions. A missing message is only ever a root, and holds two or more together."""

    roots: list[int] = field(default_factory=list)
    children: dict[int, list[int]] = field(default_factory=dict)


def references(columns: Columns) -> Forest:
    """Return the threads by who answers whom, oldest first."""
    sent, size = columns.sent, len(columns.ids)
    above = _pruned(_linked(columns.ids), size)
    children: dict[int, list[int]] = {}
    for position, parent in above.items():
        children.setdefault(parent, []).append(position)
    _sort(children.values(), sent)
    # A missing message at the top goes by its first child, or is replaced by its only one (the end of step 3).
    dummies: dict[int, int] = {}
    for parent in [parent for parent in children if parent >= size]:
        first = children[parent][0]
        del above[first]
        if len(children[parent]) > 1:
            dummies[first] = parent
        else:
            del children[parent]
    # RFC 5256 §3, step 4
    roots = [position for position in range(size) if position not in above]
    roots.sort(key=sent.__getitem__)
    roots = _gathered(roots, columns, children, dummies)
    return Forest([dummies.get(root, root) for root in roots] if dummies else roots, children)


def ordered_subject(columns: Columns) -> Forest:
    """Return one thread for each base subject, its first message above all the others; by the first one's date."""
    found: dict[int, int] = {}
    forest = Forest()
    subjects = columns.subjects
    for position in sorted(range(len(subjects)), key=columns.sent.__getitem__):
        first = found.setdefault(abs(subjects[position]), position)
        if first == position:
            forest.roots.append(position)
        else:
            forest.children.setdefault(first, []).append(position)
    return forest


def _linked(ids: Sequence[str]) -> dict[int, int]:
    """Return who hangs from whom after step 1."""
    size = len(ids)
    # Of several messages with one id the first has it; nobody can answer the others.
    known = dict(zip([text[:WIDTH] for text in reversed(ids)], range(size - 1, -1, -1), strict=True))
    known.pop(NOBODY, None)
    parents: dict[int, int] = {}
    with_children: set[int] = set()
    steps = [STEPS]
    broken = -1  # the last message that took itself away from a parent
    for position, text in enumerate(ids):
        if len(text) <= WIDTH:
            # Step 1B: whatever others say, who refers to nothing has no parent.
            if parents.pop(position, None) is not None:
                broken = position
            continue
        parent = known.get(text[-WIDTH:], -1)
        # Most refer to what their parent refers to, and to the parent. Nothing has come apart since those links were tried.
        if parent < 0 or not (
            len(text) == 2 * WIDTH or (broken < parent < position and ids[parent][WIDTH:] == text[WIDTH:-WIDTH])
        ):
            parent = _chain(text, size, known, parents, with_children, steps)
        # Step 1B: the message's own word counts before that of others.
        if parents.get(position) != parent:
            if parents.pop(position, None) is not None:
                broken = position
            if position != parent and not (position in with_children and _is_below(parents, parent, position, steps)):
                parents[position] = parent
                with_children.add(parent)
    return parents


def _chain(
    text: str, size: int, known: dict[str, int], parents: dict[int, int], with_children: set[int], steps: list[int]
) -> int:
    """Step 1A: link what a message refers to, each to the next; return the last."""
    parent = -1
    for at in range(WIDTH, len(text), WIDTH):
        name = text[at : at + WIDTH]
        here = known.get(name)
        if here is None:
            here = known[name] = size + len(known)
        # A parent that is known already stays, and there are no loops.
        if (
            here not in parents
            and parent >= 0
            and here != parent
            and not (here in with_children and _is_below(parents, parent, here, steps))
        ):
            parents[here] = parent
            with_children.add(parent)
        parent = here
    return parent


def _is_below(parents: dict[int, int], here: int, top: int, steps: list[int]) -> bool:
    """Say whether `here` hangs from `top`, at whatever depth."""
    left = steps[0]
    at: int | None = here
    while at is not None and at != top and left > 0:
        left -= 1
        at = parents.get(at)
    steps[0] = left
    return at is not None


def _pruned(parents: dict[int, int], size: int) -> dict[int, int]:
    """Return the parent of each message after step 3: a message, or the missing one at the top."""
    above: dict[int, int] = {}
    stands_for: dict[int, int] = {}
    for position, parent in parents.items():
        if position < size:
            above[position] = parent if parent < size else _survivor(parent, parents, size, stands_for)
    return above


def _survivor(dummy: int, parents: dict[int, int], size: int, stands_for: dict[int, int]) -> int:
    """Return who takes the children of a missing message, and remember it for all that are passed on the way."""
    passed: list[int] = []
    at = dummy
    while at >= size and at in parents and at not in stands_for:
        passed.append(at)
        at = parents[at]
    at = stands_for.get(at, at)
    stands_for.update(dict.fromkeys(passed, at))
    return at


def _sort(families: Iterable[list[int]], sent: Sequence[int]) -> None:
    when = sent.__getitem__
    for family in families:
        if len(family) > 1:
            family.sort()
            family.sort(key=when)


def _gathered(roots: list[int], columns: Columns, children: dict[int, list[int]], dummies: dict[int, int]) -> list[int]:
    """Steps 5 and 6: put threads of one subject together; return the roots that are left, in order.

    Args:
        roots: The first messages of threads, in order.
        columns: The messages.
        children: Who hangs from whom; changed.
        dummies: For the first child of a missing message, that message; changed.
    """
    sent, subjects = columns.sent, columns.subjects
    fresh = count(max(len(subjects), max(children, default=0) + 1))
    gone: set[int] = set()
    come: list[int] = []
    for family in _same_subject(roots, subjects):
        held = _head(family, subjects, dummies)
        grown: set[int] = set()
        for root in family:
            if root == held:
                continue
            gone.add(root)
            if held in dummies:
                target = dummies[held]
                children[target] += children.pop(dummies.pop(root)) if root in dummies else [root]
            elif subjects[root] < 0 < subjects[held]:
                target = held
                children.setdefault(target, []).append(root)
            else:
                target = dummies[held] = next(fresh)
                children[target] = [held, root]
            grown.add(target)
        _sort([children[parent] for parent in grown], sent)
        # Another one may be the first child of a missing message now.
        if held in dummies and children[dummies[held]][0] != held:
            first = children[dummies[held]][0]
            dummies[first] = dummies.pop(held)
            gone.add(held)
            come.append(first)
    if not gone:
        return roots
    gone.difference_update(come)
    left = [root for root in roots if root not in gone]
    if come:
        left = list({*left, *come})
        _sort([left], sent)
    return left


def _same_subject(roots: Sequence[int], subjects: Sequence[int]) -> Iterable[list[int]]:
    """Return the roots that share their base subject with others, those of one subject together and in order."""
    table: dict[int, int] = {}
    shared: dict[int, list[int]] = {}
    for root in roots:
        subject = subjects[root]
        if subject:
            name = subject if subject > 0 else -subject
            held = table.setdefault(name, root)
            if held != root:
                shared.setdefault(name, [held]).append(root)
    return shared.values()


def _head(family: Sequence[int], subjects: Sequence[int], dummies: dict[int, int]) -> int:
    """Step 5B: of the roots with one base subject, return the one that the subject table holds in the end."""
    held = family[0]
    for root in family[1:]:
        if held not in dummies and (root in dummies or subjects[held] < 0 < subjects[root]):
            held = root
    return held
