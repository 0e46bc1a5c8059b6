"""What to do with a listing: which messages are new, which may be deleted, which must be looked at again. Pure.

Invariants: a message is never put on the list for deletion because of its UIDL alone. A UIDL that comes back after it was
gone, or whose size has changed, or that was delivered in an earlier session, is `verify`: its header has to match the
ledger first, for servers do hand out a UIDL twice (RFC 1939 §7 says they should not). Twice the same UIDL in one listing
is treated as no UIDL. Memory: the listing stays one block of octets and the plan is bounded by `batch`.
"""

import hashlib
from array import array
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

UIDL_LIMIT = 200
"""RFC 1939 §7 allows 70 characters; what is longer than this is kept as its hash."""
MESSAGES_LIMIT = 2_000_000


class State(StrEnum):
    """What the ledger knows about a UIDL."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DUPLICATE = "duplicate"
    REFUSED = "refused"


SETTLED = frozenset({State.DELIVERED, State.DUPLICATE})


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the listing. An empty `uidl` means that the server gave none that can be used."""

    number: int
    uidl: str
    size: int


@dataclass(frozen=True, slots=True)
class Known:
    """The part of a ledger row that the plan needs."""

    state: State
    size: int
    absent: bool = False
    generation: int = 0
    header_hash: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """What the owner wants. `newest_first` is for the first import."""

    leave: bool = True
    newest_first: bool = False
    size_limit: int = 50 * 2**20
    batch: int = 1_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What one session does, in this order. `nameless` need a key of their own before anything can be said of them."""

    fetch: tuple[Entry, ...] = ()
    verify: tuple[Entry, ...] = ()
    too_big: tuple[Entry, ...] = ()
    nameless: tuple[Entry, ...] = ()
    waiting: int = 0
    """New messages in the whole listing, also those that did not fit into this session."""
    settled: int = 0

    @property
    def truncated(self) -> bool:
        return self.waiting > len(self.fetch)

    @property
    def idle(self) -> bool:
        return not (self.fetch or self.verify or self.too_big or self.nameless)


def sizes(block: bytes, *, limit: int = MESSAGES_LIMIT) -> "array[int]":
    """Read LIST (RFC 1939 §5): the size by message number, -1 where none was given."""
    result = array("q", [-1])
    for line in _lines(block):
        words = line.split(None, 2)
        if len(words) < 2 or not (words[0].isdigit() and words[1].isdigit()):
            continue
        if len(words[0]) > 9 or len(words[1]) > 15:
            continue
        number = int(words[0])
        if not 0 < number <= limit:
            continue
        if number >= len(result):
            result.extend([-1] * (number + 1 - len(result)))
        result[number] = int(words[1])
    return result


def entries(uidl_block: bytes | None, size_of: "array[int]", *, limit: int = MESSAGES_LIMIT) -> Iterator[Entry]:
    """Join UIDL with LIST; every message comes exactly once, with an empty UIDL where it has none that is its own."""
    if uidl_block is None:
        yield from (Entry(n, "", s) for n, s in enumerate(size_of) if s >= 0)
        return
    named = bytearray(len(size_of))
    seen: set[int] = set()
    for line in _lines(uidl_block):
        words = line.split(None, 1)
        if len(words) < 2 or not words[0].isdigit() or len(words[0]) > 9:
            continue
        number = int(words[0])
        if not 0 < number <= limit:
            continue
        if number < len(named):
            if named[number]:
                continue
            named[number] = 1
        mark = hash(words[1])
        uidl = "" if mark in seen else _readable(words[1].strip())
        seen.add(mark)
        yield Entry(number, uidl, size_of[number] if number < len(size_of) else -1)
    for number, size in enumerate(size_of):
        if size >= 0 and not named[number]:
            yield Entry(number, "", size)


def _lines(block: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(block):
        end = block.find(b"\r\n", start)
        end = len(block) if end < 0 else end
        yield block[start:end]
        start = end + 2


def _readable(raw: bytes) -> str:
    """RFC 1939 §7: octets 0x21 to 0x7E; anything else is kept as a hash, so that the ledger holds plain text."""
    if 0 < len(raw) <= UIDL_LIMIT and all(0x20 <= c <= 0x7E for c in raw):
        return raw.decode("ascii")
    return "x:" + hashlib.sha256(raw).hexdigest()


class Planner:
    """Takes a listing in slices, each with what the ledger knows of it."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._fetch: deque[Entry] = deque(maxlen=policy.batch)
        self._verify: list[Entry] = []
        self._too_big: list[Entry] = []
        self._nameless: list[Entry] = []
        self._waiting = self._settled = 0
        self.known: dict[str, Known] = {}
        """What the ledger has of the messages that something is done with."""

    def feed(self, slice_: Iterable[Entry], known: Mapping[str, Known]) -> None:
        for entry in slice_:
            if not entry.uidl:
                self._nameless.append(entry)
                continue
            self._judge(entry, known.get(entry.uidl))

    def _judge(self, entry: Entry, known: Known | None) -> None:
        if known is None or known.state is State.PENDING:
            if known is not None:
                self.known[entry.uidl] = known
            if entry.size > self._policy.size_limit:
                self._too_big.append(entry)
            else:
                self._add(entry)
        elif known.state is State.REFUSED:
            self._settled += 1
        elif known.absent or self._resized(entry, known) or not self._policy.leave:
            self._verify.append(entry)
            self.known[entry.uidl] = known
        else:
            self._settled += 1

    @staticmethod
    def _resized(entry: Entry, known: Known) -> bool:
        return entry.size >= 0 and known.size >= 0 and entry.size != known.size

    def _add(self, entry: Entry) -> None:
        self._waiting += 1
        if self._policy.newest_first or len(self._fetch) < self._policy.batch:
            self._fetch.append(entry)

    def plan(self) -> Plan:
        fetch = sorted(self._fetch, key=lambda e: e.number, reverse=self._policy.newest_first)
        return Plan(
            tuple(fetch),
            tuple(self._verify),
            tuple(self._too_big),
            tuple(self._nameless),
            self._waiting,
            self._settled,
        )


class Verdict(StrEnum):
    """What a second look at a known UIDL says."""

    SAME = "same"
    OTHER = "other"


def verify(known: Known, header_hash: str) -> Verdict:
    """A UIDL stands for the same message only if the header says so too."""
    return Verdict.SAME if known.header_hash and known.header_hash == header_hash else Verdict.OTHER


def fallback_key(header_hash: str, size: int) -> str:
    """The key of a message whose server gives no UIDL: its header, and its size as the server states it."""
    return f"h:{header_hash}:{size}"


def envelope_id(source: int, uidl: str, generation: int) -> str:
    """The name under which the store takes a message once only; the same after a crash, other for a reused UIDL."""
    digest = hashlib.sha256(uidl.encode()).hexdigest()[:32]
    return f"src{source}.{digest}" + (f".{generation}" if generation else "")
