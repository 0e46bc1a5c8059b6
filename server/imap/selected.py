"""One client's view of its selected mailbox, and the changes it has not been told yet.

Message numbers are positions in this view, never in the mailbox: what others append or expunge reaches the view by `refresh` and
the client by `report`, and only `report` with `expunge=True` changes the numbers of messages, so a number is never stale
(RFC 9051 §7.5.1).

The list of uids is loaded when numbers are first needed: selecting a mailbox of a million messages reads one row. The late load is
exact, because the store's log says what has been expunged since the moment of the view.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence

from server.db.transaction import Reader
from server.imap.access import Guest
from server.imap.newness import Recent
from server.imap.syntax.error import ProtocolError
from server.imap.syntax.fetch_response import flag_update
from server.imap.syntax.response import untagged
from server.imap.syntax.sequence import Ranges, SequenceSet, format_numbers
from server.store import changes, messages
from server.store.model import Delta
from server.store.rights import ALL, Rights

RECENT = frozenset({"\\Recent"})
_MAX_UID = 2**32 - 1
_MANY = 10
"""One in so many messages, and looking each up costs more than a table of all."""


class Selected:
    """State of one SELECT or EXAMINE. Use `positions` and `uid_ranges` for what a client wrote."""

    __slots__ = (
        "_announced",
        "_expunged",
        "_flags",
        "_own",
        "_uids",
        "_unflagged",
        "arrived",
        "by_uid",
        "exists",
        "guest",
        "mailbox_id",
        "modseq",
        "name",
        "read_only",
        "recent",
        "told",
        "uidnext",
        "uidvalidity",
        "virtual",
    )

    def __init__(
        self,
        *,
        mailbox_id: int,
        name: str,
        uidvalidity: int,
        uidnext: int,
        modseq: int,
        exists: int,
        read_only: bool,
        guest: Guest | None = None,
        virtual: bool = False,
    ) -> None:
        self.mailbox_id = mailbox_id
        self.name = name
        self.uidvalidity = uidvalidity
        self.uidnext = uidnext
        self.modseq = modseq
        self.told = modseq
        """Up to here the client has heard of every change."""
        self.exists = exists
        self.read_only = read_only
        self.virtual = virtual
        self.guest = guest  # None: the mailbox is in the client's own account
        self.recent = Recent(uidnext)
        self.arrived: list[int] = []  # uids of new messages of which it is not known yet whether they are recent
        self.by_uid = False  # RFC 9586: the client hears of no message numbers
        self._uids: array[int] | None = None if exists else array("I")
        self._announced = exists  # what the client knows
        self._expunged: set[int] = set()  # gone from the mailbox, still numbered here
        self._flags: dict[int, tuple[frozenset[str], int]] = {}
        self._own: dict[int, int] = {}  # uid -> modseq of changes this client made and has been told
        self._unflagged = 0  # the first change of flags that it did not want to hear of

    @property
    def rights(self) -> Rights:
        """What the client may do; in a transaction of `Context.read_view` or `write_view`, what holds in it."""
        return ALL if self.guest is None else self.guest.held

    # -- loading

    @property
    def loaded(self) -> bool:
        return self._uids is not None

    @property
    def uids(self) -> "array[int]":
        if self._uids is None:
            raise RuntimeError("the view is not loaded")
        return self._uids

    def load(self, reader: Reader) -> None:
        """Fill in the uids as they were at `modseq`."""
        present = messages.uids(reader, self.mailbox_id)
        known = present[: bisect_left(present, self.uidnext)]
        gone = [uid for uid in changes.since(reader, self.mailbox_id, self.modseq).vanished if uid < self.uidnext]
        self._uids = array("I", sorted({*known, *gone})) if gone else known
        # A message numbered but counted differently would shift every number after it, so the list is what counts.
        untold = self.exists - self._announced
        self.exists = len(self._uids)
        self._announced = self.exists - untold

    # -- numbers

    def positions(self, sequence: SequenceSet, *, uid: bool, saved: Ranges = ()) -> list[range]:
        """Index ranges of the messages a client named. Message numbers beyond the view raise ProtocolError."""
        if sequence.saved:
            return self._uid_positions(saved)
        if uid:
            return self._uid_positions(sequence.resolve(self.uids[-1] if self.exists else 0))
        ranges = sequence.resolve(self.exists)
        if ranges and ranges[-1][1] > self.exists:
            # RFC 9051 §9 seq-number: beyond the number of messages is BAD.
            raise ProtocolError("There is no message of this number")
        return [range(max(low, 1) - 1, high) for low, high in ranges]

    def _uid_positions(self, ranges: Ranges) -> list[range]:
        found = []
        for low, high in ranges:
            start = bisect_left(self.uids, min(low, _MAX_UID))
            stop = bisect_right(self.uids, min(high, _MAX_UID), start)
            if stop > start:
                found.append(range(start, stop))
        return found

    def uids_at(self, positions: Iterable[range]) -> list[int]:
        uids: list[int] = []
        for run in positions:
            uids.extend(self.uids[run.start : run.stop])
        return uids

    def uid_ranges(self, sequence: SequenceSet, *, uid: bool, saved: Ranges = ()) -> Ranges:
        """The same as ranges of uids; numbers beyond the view name nothing (for SEARCH)."""
        if sequence.saved:
            return saved
        largest = self.uids[-1] if self.exists else 0
        if uid:
            return sequence.resolve(largest)
        ranges = []
        for low, high in sequence.resolve(self.exists):
            first, last = max(low, 1), min(high, self.exists)
            if first <= last:
                ranges.append((self.uids[first - 1], self.uids[last - 1]))
        return tuple(ranges)

    def number(self, uid: int) -> int:
        """The message number of `uid`, 0 if it is not in the view."""
        index = bisect_left(self.uids, uid)
        return index + 1 if index < len(self.uids) and self.uids[index] == uid else 0

    def numbers(self, uids: Sequence[int]) -> list[int]:
        """Their message numbers, in the same order; what is not in the view is left out."""
        own = self.uids
        if len(uids) < len(own) // _MANY:
            return [number for number in map(self.number, uids) if number]
        if own and own[-1] - own[0] == len(own) - 1:  # nothing was ever expunged between the first and the last
            first, last = own[0], own[-1]
            return [uid - first + 1 for uid in uids if first <= uid <= last]
        number_of = dict(zip(own, range(1, len(own) + 1), strict=True)).get
        return [number for number in map(number_of, uids) if number]

    def only_known(self, uids: Sequence[int]) -> list[int]:
        """Without those that came after the client was last told (their numbers do not exist yet)."""
        return [uid for uid in uids if uid < self.uidnext]

    # -- changes

    def note_own(self, changed: Iterable[tuple[int, int]]) -> None:
        """These (uid, modseq) are this client's own flag changes and have been answered."""
        self._own.update(changed)

    def refresh(self, reader: Reader) -> None:
        """Read what happened since the last look. Raises NoSuchMailbox when the mailbox is gone."""
        delta = changes.since(reader, self.mailbox_id, self.modseq)
        if delta.highestmodseq == self.modseq:
            return
        if self._uids is None and (delta.changed or any(uid < self.uidnext for uid in delta.vanished)):
            self.load(reader)
        self._apply(delta)

    def _apply(self, delta: Delta) -> None:
        before = self.uidnext
        for uid, flags, modseq in delta.changed:
            if uid < before and self._own.get(uid) != modseq:
                self._flags[uid] = (frozenset(flags), modseq)
        for uid in delta.vanished:
            if uid < before:
                self._expunged.add(uid)
                self._flags.pop(uid, None)
        new = [uid for uid in delta.new if uid >= before]
        if self._uids is not None:
            self._uids.extend(sorted(new))
        self.arrived += new
        self.exists += len(new)
        self.uidnext = max(self.uidnext, delta.uidnext)
        self.modseq = delta.highestmodseq
        self._own.clear()

    def flags_of(self, uid: int, flags: frozenset[str]) -> frozenset[str]:
        """The flags as this session is told of them."""
        return flags | RECENT if self.recent and uid in self.recent else flags

    @property
    def has_news(self) -> bool:
        return bool(self._flags or self._expunged or self.exists != self._announced)

    @property
    def has_unannounced(self) -> bool:
        return self.exists != self._announced

    @property
    def unannounced(self) -> "array[int]":
        """Uids of the messages that the next report will announce; the view must be loaded."""
        return self.uids[self._announced :]

    def heard(self, *, flags: bool) -> int:
        """Up to where the client will have heard of every change with the next report that tells what was expunged."""
        return self.told if self._unflagged or (self._flags and not flags) else self.modseq

    def recall_flags(self, reader: Reader) -> None:
        """Take up the changes of flags that were left out of earlier reports."""
        since, self._unflagged = self._unflagged - 1, 0
        if since < 0:
            return
        for uid, flags, modseq in changes.since(reader, self.mailbox_id, since).changed:
            if uid < self.uidnext and uid not in self._expunged:
                self._flags[uid] = (frozenset(flags), modseq)

    def report(
        self,
        *,
        expunge: bool,
        modseq: bool,
        vanished: bool,
        flags: bool = True,
        leaving: Callable[[Sequence[int]], bytes] | None = None,
    ) -> bytes:
        """What the client may hear now: EXISTS, EXPUNGE (or VANISHED, RFC 7162 §3.2.10), FETCH.

        Without `flags` the changes of flags are left out, until `recall_flags`. `leaving` gives what is told before uids are expunged.
        """
        if not self.has_news:
            if not self._unflagged:
                self.told = self.modseq
            return b""
        lines = []
        if expunge and self._expunged:
            # First: what came and went since the client was last told is never counted.
            lines.append(self._expunge(vanished=vanished or self.by_uid, leaving=leaving))
        if self.exists != self._announced:
            lines.append(untagged(b"%d EXISTS" % self.exists))
            self._announced = self.exists
            if self.recent.number != self.recent.told:
                lines.append(untagged(b"%d RECENT" % self.recent.number))
                self.recent.told = self.recent.number
        if not flags and self._flags:
            first = min(mark for _, mark in self._flags.values())
            self._unflagged = min(first, self._unflagged or first)
            self._flags.clear()
        for uid, (names, mark) in sorted(self._flags.items()):
            number = self.number(uid)
            if number:
                lines.append(
                    flag_update(number, uid, self.flags_of(uid, names), mark if modseq else None, by_uid=self.by_uid)
                )
        self._flags.clear()
        if not self.holds_back:
            self.told = self.modseq
        return b"".join(lines)

    @property
    def holds_back(self) -> bool:
        """Something was expunged, or got other flags, that the client could not be told of or does not want to be."""
        return bool(self._expunged or self._unflagged)

    def _expunge(self, *, vanished: bool, leaving: Callable[[Sequence[int]], bytes] | None) -> bytes:
        uids = self.uids
        positions = [index for index in (bisect_left(uids, uid) for uid in sorted(self._expunged)) if index < len(uids)]
        positions = [index for index in positions if uids[index] in self._expunged]
        known = positions[: bisect_left(positions, self._announced)]
        self._expunged.clear()
        if not positions:
            return b""
        first = b"" if leaving is None else leaving([uids[index] for index in positions])
        gone = [uids[index] for index in known]
        kept = array("I")
        start = 0
        for index in positions:
            kept.extend(uids[start:index])
            start = index + 1
        kept.extend(uids[start:])
        self._uids = kept
        self.exists -= len(positions)
        if self.recent:
            self.recent.number -= sum(1 for index in positions if uids[index] in self.recent)
        self._announced -= len(known)
        if vanished:
            return first + untagged(b"VANISHED " + format_numbers(gone)) if gone else b""
        # From the end, so that each number is right at the moment it is sent.
        return first + b"".join(b"* %d EXPUNGE\r\n" % (index + 1) for index in reversed(known))
