"""What one client knows of its selected mailbox, kept by RFC 9051 §7 and RFC 7162 alone, and what it may hold against the server."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.stress import answer
from tests.stress.dialogue import Violation
from tests.stress.ledger import Ledger

_COUNT = re.compile(rb"\* (\d+) (EXISTS|EXPUNGE)")
_FETCH = re.compile(rb"\* (\d+) FETCH (\(.*\))", re.DOTALL)
_VANISHED = re.compile(rb"\* VANISHED (\(EARLIER\) )?([\d:,]+)")
TOKEN = b"BODY[HEADER.FIELDS (X-TOKEN)]"


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a client keeps of a mailbox when it leaves it, to come back by QRESYNC."""

    uidvalidity: int
    modseq: int
    flags: dict[int, frozenset[str]]


@dataclass(slots=True)
class View:
    """`uids` is the map from numbers to uids; None where the client was told of a message and has not asked for its uid."""

    who: str
    box: str
    ledger: Ledger
    qresync: bool
    read_only: bool = False
    uidvalidity: int = 0
    uidnext: int = 0
    modseq: int = 0
    """What the client would resynchronise from: RFC 7162 §3.2.5, raised at tagged responses alone."""
    uids: list[int | None] = field(default_factory=list)
    flags: dict[int, frozenset[str]] = field(default_factory=dict)
    modseqs: dict[int, int] = field(default_factory=dict)
    opening: bool = True
    saved: frozenset[int] | None = frozenset()
    """What `$` stands for; None where the client cannot know."""
    assumed: tuple[frozenset[int], str, frozenset[str]] | None = None
    """A conditional silent STORE in progress: it took place where a mod-sequence is told (RFC 7162 §3.1.3)."""
    _seen_modseq: int = 0
    _told_modseq: int | None = None
    _known: set[int] = field(default_factory=set)

    def complain(self, words: str) -> None:
        raise Violation(f"{self.who} in {self.box}: {words}")

    def remember(self) -> Remembered:
        return Remembered(self.uidvalidity, self.modseq, dict(self.flags))

    def recall(self, memory: Remembered) -> None:
        """Begin with what is known from before; what is not there any more will be named by VANISHED (EARLIER)."""
        self.flags = dict(memory.flags)
        self._known = set(memory.flags)

    @property
    def known(self) -> list[int]:
        return [uid for uid in self.uids if uid is not None]

    def number(self, uid: int) -> int:
        return self.uids.index(uid) + 1

    # -- responses

    def take(self, line: bytes, *, by_number: bool, busy: bool) -> None:
        """One untagged response; `by_number` and `busy` tell of the command in progress, if any."""
        if match := _FETCH.fullmatch(line):
            self._fetch(int(match[1]), answer.fetch_items(match[2]))
        elif match := _COUNT.fullmatch(line):
            if match[2] == b"EXISTS":
                self._exists(int(match[1]))
            else:
                self._may_go(by_number=by_number, busy=busy)
                if self.qresync:
                    self.complain("EXPUNGE after ENABLE QRESYNC")  # RFC 7162 §3.2.10
                self._expunge(int(match[1]))
        elif match := _VANISHED.fullmatch(line):
            self._vanished(answer.numbers(match[2]), earlier=bool(match[1]), by_number=by_number, busy=busy)
        elif line.startswith(b"* OK ["):
            name, argument = answer.code(line[2:])
            if name == b"UIDVALIDITY":
                self.uidvalidity = int(argument)
                self.ledger.validity(self.box, self.uidvalidity)
            elif name == b"UIDNEXT":
                self.uidnext = int(argument)
            elif name == b"HIGHESTMODSEQ":
                self._told_modseq = int(argument)

    def _exists(self, count: int) -> None:
        if count < len(self.uids):
            self.complain(f"EXISTS shrinks from {len(self.uids)} to {count}")
        self.uids += [None] * (count - len(self.uids))

    def _may_go(self, *, by_number: bool, busy: bool) -> None:
        if by_number:
            self.complain("a message number is taken away while a command uses numbers")  # RFC 9051 §7.5.1
        if not busy:
            self.complain("a message number is taken away while no command is in progress")

    def _expunge(self, number: int) -> None:
        if not 1 <= number <= len(self.uids):
            self.complain(f"EXPUNGE of {number} among {len(self.uids)}")
        self._forget(self.uids.pop(number - 1))

    def _vanished(self, uids: list[int], *, earlier: bool, by_number: bool, busy: bool) -> None:
        if not self.qresync:
            self.complain("VANISHED without ENABLE QRESYNC")
        if earlier:
            # RFC 7162 §3.2.10.1: of messages that have no number here any more.
            for uid in uids:
                if not self.opening and uid in self.uids:
                    self.complain(f"VANISHED (EARLIER) of {uid}, which has a number")
                self._forget(uid)
            return
        self._may_go(by_number=by_number, busy=busy)
        for uid in uids:
            if uid in self.uids:
                self.uids.remove(uid)
            else:
                self._remove_unknown(uid)
            self._forget(uid)

    def _remove_unknown(self, uid: int) -> None:
        """Its number was told and never its uid: it lies between the uids that are known."""
        before = sum(1 for known in self.known if known < uid)
        start = 0 if not before else self.uids.index(sorted(self.known)[before - 1]) + 1
        if start >= len(self.uids) or self.uids[start] is not None:
            self.complain(f"VANISHED of {uid}, which has no number")
        del self.uids[start]

    def _forget(self, uid: int | None) -> None:
        if uid is not None:
            self.ledger.has_gone(self.box, uid)
            self.flags.pop(uid, None)
            self.modseqs.pop(uid, None)
            self._known.discard(uid)

    def _fetch(self, number: int, items: dict[bytes, answer.Value]) -> None:
        if not 1 <= number <= len(self.uids):
            self.complain(f"FETCH of {number} among {len(self.uids)}")
        if b"UID" in items:
            self._uid(number, int(bytes(items[b"UID"])))
        uid = self.uids[number - 1]
        if uid is None:
            return
        if TOKEN in items:
            token = bytes(items[TOKEN]).partition(b":")[2].strip().decode()
            self.ledger.is_content(self.box, uid, token, self.who)
        at = answer.modseq(items[b"MODSEQ"]) if b"MODSEQ" in items else None
        names = answer.flag_set(items[b"FLAGS"]) if b"FLAGS" in items else None
        if at is not None:
            self._modseq(uid, at, names)
            if names is None and self.assumed is not None and uid in self.assumed[0]:
                self.silently([uid], *self.assumed[1:])
        if names is not None:
            self.flags[uid] = names

    def _uid(self, number: int, uid: int) -> None:
        if self.uids[number - 1] not in {None, uid}:
            self.complain(f"number {number} is stale: uid {self.uids[number - 1]} became {uid}")
        left = next((known for known in reversed(self.uids[: number - 1]) if known is not None), 0)
        right = next((known for known in self.uids[number:] if known is not None), 2**32)
        if not left < uid < right:
            self.complain(f"uid {uid} of number {number} is out of order ({left}, {right})")
        self.ledger.is_there(self.box, uid, self.who)
        self.uids[number - 1] = uid

    def _modseq(self, uid: int, at: int, names: frozenset[str] | None) -> None:
        if at < self.modseqs.get(uid, 0):
            self.complain(f"the mod-sequence of {uid} falls from {self.modseqs[uid]} to {at}")
        self.modseqs[uid] = at
        self._seen_modseq = max(self._seen_modseq, at)
        if names is not None:
            self.ledger.is_state(self.box, uid, at, names, self.who)

    # -- commands

    def silently(self, uids: Iterable[int], mode: str, names: frozenset[str]) -> None:
        """What a client assumes of its own FLAGS.SILENT (RFC 9051 §6.4.6)."""
        for uid in uids:
            if uid not in self.flags:
                continue
            old = self.flags[uid]
            self.flags[uid] = {"+": old | names, "-": old - names, "": names}[mode]

    def tagged(self, code: bytes, argument: bytes) -> None:
        """Erratum 1809 of RFC 5162: what the client resynchronises from moves here and nowhere else."""
        if code == b"HIGHESTMODSEQ":
            self._told_modseq = int(argument)
        if self._told_modseq is not None:
            self.modseq = self._told_modseq
        else:
            self.modseq = max(self.modseq, self._seen_modseq)
        self._told_modseq = None
        self._seen_modseq = 0

    def opened(self) -> None:
        """The answer to SELECT is whole. After a resynchronisation everything must have its uid (RFC 7162 §3.2.5)."""
        self.opening = False
        if not self._known:
            return
        told = [uid for uid in self.uids if uid is not None]
        missing = sorted(self._known - set(told))
        everything = sorted({*missing, *told})
        if len(everything) != len(self.uids):
            self.complain(
                f"after the resynchronisation {len(everything)} messages are known, but {len(self.uids)} exist: {everything}"
            )
        for number, uid in enumerate(everything, 1):
            self._uid(number, uid)
        self._known.clear()
