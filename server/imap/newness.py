r"""Which messages are \Recent (RFC 3501 §2.3.2): those that one session is the first to be told of. IMAP4rev2 has none.

The sessions of one process share a record of what was told, so no message is recent in two of them; a session writes it down at
its end. Several processes, or one that was killed, may take a message for recent once too often, which the RFC prefers to never.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

Key = tuple[int, int]
"""An account and one of its mailboxes."""
MAILBOXES = 10_000
"""Mailboxes of which a process knows without looking; for others what was written down counts."""


class Heard:
    """What the sessions of this process were told of."""

    __slots__ = ("_first",)

    def __init__(self) -> None:
        self._first: OrderedDict[Key, int] = OrderedDict()

    def first(self, key: Key, kept: int) -> int:
        """The first uid that nobody was told of; `kept` is what the caller knows of it."""
        return max(kept, self._first.get(key, 0))

    def claim(self, key: Key, kept: int, uidnext: int) -> int:
        """Tell a session of everything below `uidnext`; from the uid returned on it is the first to hear."""
        first = self.first(key, kept)
        self._first[key] = max(first, uidnext)
        self._first.move_to_end(key)
        while len(self._first) > MAILBOXES:
            self._first.popitem(last=False)
        return first


@dataclass(slots=True)
class Recent:
    """The recent messages of one view.

    `through` is the uid up to which it is known which are; `number` is how many there are, and `told` how many the client knows of.
    """

    through: int
    number: int = 0
    told: int = 0
    _ranges: list[tuple[int, int]] = field(default_factory=list)

    def add(self, first: int, uidnext: int, number: int) -> None:
        """Messages from `first` on and below `uidnext` are recent; there are `number` of them."""
        if number and first < uidnext:
            if self._ranges and self._ranges[-1][1] == first - 1:
                first = self._ranges.pop()[0]
            self._ranges.append((first, uidnext - 1))
            self.number += number

    @property
    def ranges(self) -> tuple[tuple[int, int], ...]:
        return tuple(self._ranges)

    def __contains__(self, uid: int) -> bool:
        return any(low <= uid <= high for low, high in self._ranges)

    def __bool__(self) -> bool:
        return bool(self._ranges)
