r"""Values of the store.

Flags are strings as on the wire (`\Seen`, `$Forwarded`). Times are aware and in UTC. Object ids are those of RFC 8474:
M... for a message's content, T... for a conversation, F... for a mailbox.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Mailbox:
    id: int
    name: str
    uidvalidity: int
    uidnext: int
    highestmodseq: int
    special_use: str | None
    subscribed: bool
    object_id: str
    rule: str | None = None
    """What picks the messages of a virtual mailbox (`server.store.virtual`); None for a real one."""


@dataclass(frozen=True, slots=True)
class Status:
    """What STATUS and SELECT ask; kept in columns, so it costs the same at any size."""

    messages: int
    unseen: int
    deleted: int
    size: int
    uidnext: int
    uidvalidity: int
    highestmodseq: int


@dataclass(frozen=True, slots=True)
class Message:
    """One message in one mailbox. Attributes that were not asked for hold their empty value."""

    uid: int
    modseq: int
    flags: frozenset[str]
    internaldate: datetime = EPOCH
    savedate: datetime = EPOCH
    size: int = 0
    header_size: int = 0
    envelope: bytes = b""
    bodystructure: bytes = b""
    body: bytes = b""
    preview: str = ""
    email_id: str = ""
    thread_id: str = ""
    content_id: int = 0


@dataclass(frozen=True, slots=True)
class Appended:
    uid: int
    uidvalidity: int
    modseq: int
    email_id: str
    thread_id: str
    duplicate: bool


@dataclass(frozen=True, slots=True)
class FlagResult:
    """Which messages changed (uid, flags, modseq), which were left because they had changed before, and which were like that already.

    `before` is the highest mod-sequence that one of the changed had until then.
    """

    changed: list[tuple[int, frozenset[str], int]]
    failed: list[int]
    same: list[tuple[int, frozenset[str], int]]
    before: int


@dataclass(frozen=True, slots=True)
class Copied:
    """Pairs of source uid and target uid, ascending; uidvalidity is the target's."""

    uidvalidity: int
    pairs: list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Delta:
    """What happened in a mailbox after a modseq: `new` are not among `changed`."""

    highestmodseq: int
    uidnext: int
    changed: list[tuple[int, frozenset[str], int]]
    vanished: list[int]
    new: list[int]


@dataclass(frozen=True, slots=True)
class Usage:
    octets: int
    messages: int
    limit: int | None


def email_id(digest: bytes) -> str:
    """RFC 8474 §5.1: the same content has the same id, wherever and whenever it is appended."""
    return "M" + digest[:16].hex()


def thread_id(number: int) -> str:
    return f"T{number}"


def mailbox_id(number: int) -> str:
    return f"F{number}"


def object_number(object_id: str, letter: str) -> int | None:
    """Read the number back from a T... or F... id; None when it is none of ours."""
    digits = object_id[1:]
    if object_id[:1] != letter or not digits.isascii() or not digits.isdigit() or len(digits) > 18:
        return None
    return int(digits)
