"""How an account stood at one moment, and what two such moments differ in: what NOTIFY tells (RFC 5465). Pure."""

from dataclasses import dataclass, replace
from typing import TypeVar

from server.imap.syntax.mailbox_name import DELIMITER
from server.store.standing import Standing

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Picture:
    """How an account stood: names by mailbox where names are watched, counters where messages are, and subscriptions."""

    names: dict[int, str]
    counted: dict[int, Standing]
    subscribed: frozenset[str]


NOTHING = Picture({}, {}, frozenset())


@dataclass(frozen=True, slots=True)
class Listed:
    """A name to be told of by LIST: `mailbox` is None where there is none of that name (any more)."""

    name: str
    mailbox: Standing | None
    is_parent: bool
    is_subscribed: bool
    old_name: str | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """A mailbox to be told of by STATUS, and what has changed: everything but the marks is of the number of messages."""

    mailbox: Standing
    events: frozenset[str]
    is_unknown: bool
    counts: bool
    unseen: bool


@dataclass(frozen=True, slots=True)
class Annotated:
    """A mailbox, or the server where the name is empty, and the entries to be told of by METADATA."""

    name: str
    entries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Differences:
    listed: tuple[Listed, ...] = ()
    counted: tuple[Counted, ...] = ()
    annotated: tuple[Annotated, ...] = ()


@dataclass(frozen=True, slots=True)
class Own:
    """What a write of this client changed, which uids it put into the selected mailbox, and the mod-sequences it took."""

    before: Picture
    after: Picture
    added: range
    modseqs: range


def renamed(before: Picture, now: Picture) -> dict[str, str | None]:
    """Names that a CREATE, DELETE or RENAME is about, with the old name of what was renamed (RFC 5465 §5.4)."""
    present = set(now.names.values())
    moved = {
        before.names[number]: name
        for number, name in now.names.items()
        if number in before.names and before.names[number] != name
    }
    affected: dict[str, str | None] = {}

    def touch(name: str) -> None:
        """The mailbox a name lies in has got a child or lost one."""
        parent = name.rpartition(DELIMITER)[0]
        if parent in present:
            affected.setdefault(parent, None)

    for number, name in before.names.items():
        if number not in now.names:
            affected[name] = None
            touch(name)
    for old, new in sorted(moved.items()):
        parent, _, leaf = old.rpartition(DELIMITER)
        if parent in moved and new == moved[parent] + DELIMITER + leaf:
            continue  # RFC 5465 §5.4: nothing more is said of what lies in a renamed mailbox
        affected[new] = old
        touch(old)
        touch(new)
    for number, name in now.names.items():
        if number not in before.names:
            affected.setdefault(name, None)
            touch(name)
    return affected


def keep_counters(now: Picture, before: Picture, selected: int) -> Picture:
    """The selected mailbox stays as it was known: once it is left, what happened in it meanwhile shows."""
    counted = dict(now.counted)
    old = before.counted.get(selected)
    if old is not None:
        counted[selected] = replace(old, name=now.counted[selected].name)
    return Picture(now.names, counted, now.subscribed)


def carried(known: dict[K, V], before: dict[K, V], after: dict[K, V]) -> dict[K, V]:
    """`known` with what changed between `before` and `after`, for every key that was known as it was before."""
    changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    mine = {key for key in changed if known.get(key) == before.get(key)}
    if not mine:
        return known
    kept = {key: value for key, value in known.items() if key not in mine}
    kept.update({key: after[key] for key in mine if key in after})
    return kept
