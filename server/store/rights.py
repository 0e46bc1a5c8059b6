r"""The rights of RFC 4314 §2.1 as letters, and which flags they let somebody change.

A set of rights is a frozenset of letters, without the virtual `c` and `d` of RFC 2086, which exist on the wire only.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from server.store.schema import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN

LOOKUP, READ, KEEP_SEEN, WRITE, INSERT, POST = "l", "r", "s", "w", "i", "p"
CREATE, DELETE_MAILBOX, DELETE_MESSAGES, EXPUNGE, ADMINISTER = "k", "x", "t", "e", "a"

ORDER = "lrswipkxtea"
ALL = frozenset(ORDER)
NONE: frozenset[str] = frozenset()
CHANGES = frozenset("swtie")
"""RFC 4314 §5.2: with none of these a mailbox is read-only (all flags are shared here)."""
SETS_FLAGS = frozenset("swt")
ANNOTATE = frozenset("rswip")
"""RFC 5464 §3.3: one of these besides `l`, and somebody may read and set annotations."""
KNOWS_OF_IT = frozenset("lrikxa")
"""RFC 4314 §4: one of these, and somebody may be told which rights he has."""

Rights = frozenset[str]


def write_down(rights: Iterable[str]) -> str:
    """Return the letters in their one order."""
    held = set(rights)
    return "".join(letter for letter in ORDER if letter in held)


@dataclass(frozen=True, slots=True)
class FlagMask:
    r"""Which flags may be changed: system flags as bits, and whether keywords may."""

    bits: int
    keywords: bool

    @property
    def everything(self) -> bool:
        return self is EVERY_FLAG or (self.keywords and self.bits == EVERY_FLAG.bits)


EVERY_FLAG = FlagMask(SEEN | ANSWERED | FLAGGED | DELETED | DRAFT, keywords=True)


def flag_mask(rights: Rights) -> FlagMask:
    r"""Return what may be changed with these rights: RFC 4314 §4, `s` \Seen, `t` \Deleted, `w` all others."""
    if rights is ALL:
        return EVERY_FLAG
    bits = SEEN if KEEP_SEEN in rights else 0
    bits |= DELETED if DELETE_MESSAGES in rights else 0
    bits |= ANSWERED | FLAGGED | DRAFT if WRITE in rights else 0
    return FlagMask(bits, keywords=WRITE in rights)


def right_for(flag: str) -> str:
    """Return the right that it takes to change a flag."""
    return {"\\seen": KEEP_SEEN, "\\deleted": DELETE_MESSAGES}.get(flag.lower(), WRITE)


def allowed(flags: Iterable[str], rights: Rights) -> list[str]:
    """Return those of the flags that may be changed with these rights."""
    return [flag for flag in flags if right_for(flag) in rights]
