"""The result of a search that is kept up to date (RFC 5267 §4.3): what the client believes to be found, and what has changed since.

Only messages that changed or came are searched again, so a change costs what it changes; an addition to a sorted result asks for the
order once more. What is found out waits until it is told: numbers and positions are those of the client at that moment.

Invariants: `results` is what a client has that applied every ADDTO and REMOVEFROM so far; whatever does not depend on the message alone
(the time, relevancy, conversations) is not kept up to date, but refused (§4.3.1).
"""

from array import array
from collections.abc import Iterable, Sequence
from itertools import pairwise

from server.db.transaction import Reader
from server.imap.selected import Selected
from server.imap.syntax.command import SortKey
from server.imap.syntax.fetch_att import FetchAttribute
from server.imap.syntax.response import string, untagged
from server.imap.syntax.search_key import SearchKey, leaves, mentions_fuzzy
from server.imap.syntax.sequence import compress, format_numbers
from server.store import changes, query
from server.store import search as store_search
from server.store import sort as store_sort

CONTEXTS = 8
"""Results that one connection may have kept up to date; RFC 5267 §4.3.1 wants one at least."""
RESULTS = 50_000
"""Messages in one of them."""
LARGE = 1_000
"""From so many on they are gone through apart from the event loop, which others wait for."""

_MOVING = (query.Older, query.Younger, query.ThreadId)


def can_follow(key: SearchKey, criteria: Iterable[tuple[SortKey, bool]]) -> bool:
    """Whether a message matches, and where it stands, for as long as nothing is done to it."""
    if mentions_fuzzy(key) or any(name == "relevancy" for name, _ in criteria):
        return False
    return not any(isinstance(leaf, _MOVING) for leaf in leaves(key))


class ResultContext:
    """One search or sort with UPDATE."""

    __slots__ = (
        "_matches",
        "_modseq",
        "_order",
        "_uidnext",
        "attributes",
        "criteria",
        "query",
        "results",
        "tag",
        "uid",
    )

    def __init__(
        self,
        tag: bytes,
        view: Selected,
        found: Sequence[int],
        asked: query.Query,
        *,
        uid: bool,
        criteria: tuple[tuple[SortKey, bool], ...] = (),
        attributes: tuple[FetchAttribute, ...] = (),
    ) -> None:
        self.tag, self.uid, self.query, self.criteria, self.attributes = tag, uid, asked, criteria, attributes
        self.results = array("I", found)
        self._modseq, self._uidnext = view.modseq, view.uidnext
        self._matches: dict[int, bool] = {}  # of messages that changed, and whether they match now
        self._order: list[int] = []  # of all that match, when something was added to a sorted result

    @property
    def is_large(self) -> bool:
        return len(self.results) >= LARGE

    def look(self, reader: Reader, view: Selected) -> None:
        """Search what changed since the last look; in the snapshot in which the view was refreshed."""
        delta = changes.since(reader, view.mailbox_id, self._modseq)
        self._modseq = delta.highestmodseq
        touched = sorted([uid for uid, _, _ in delta.changed] + delta.new)
        if not touched:
            return
        among = query.And((query.Uids(compress(touched)), self.query))
        found = set(store_search.search(reader, view.mailbox_id, among))
        self._matches.update({uid: uid in found for uid in touched})
        if self.criteria and not found.issubset(self.results):
            self._order = store_sort.sort(reader, view.mailbox_id, self.query, self.criteria)

    def leaving(self, view: Selected, gone: Sequence[int]) -> bytes:
        """What is told before these are expunged (RFC 5267 §4.3.4: the numbers must still be right)."""
        for uid in gone:
            self._matches.pop(uid, None)
        removed = self._remove(set(gone))
        return self._line(view, [(b"REMOVEFROM", removed)])

    def arrived(self) -> list[int]:
        """New messages that will be told as added (RFC 5465 §7: their attributes come first)."""
        return sorted(uid for uid, match in self._matches.items() if match and uid >= self._uidnext)

    def report(self, view: Selected) -> bytes:
        """What has changed in the result, as of the last look."""
        self._uidnext = view.uidnext
        if not self._matches:
            return b""
        matches, self._matches = self._matches, {}
        removed = self._remove({uid for uid, match in matches.items() if not match})
        present = set(self.results)
        added = self._add([uid for uid, match in matches.items() if match and uid not in present])
        self._order = []
        return self._line(view, [(b"REMOVEFROM", removed), (b"ADDTO", added)])

    def _remove(self, gone: set[int]) -> list[tuple[int, list[int]]]:
        places = [index for index, uid in enumerate(self.results) if uid in gone] if gone else []
        if not places:
            return []
        # From the end, so that each position is right when its turn comes.
        pairs = [(first + 1, list(self.results[first : last + 1])) for first, last in reversed(_runs(places))]
        self.results = array("I", [uid for uid in self.results if uid not in gone])
        if not self.criteria:
            return [(0, sorted(uid for _, uids in pairs for uid in uids))]
        return pairs

    def _add(self, uids: list[int]) -> list[tuple[int, list[int]]]:
        if not uids:
            return []
        if not self.criteria:
            # RFC 5267 §4.3.3: without a position the order is that of the mailbox.
            self.results = array("I", sorted([*self.results, *uids]))
            return [(0, sorted(uids))]
        rank = {uid: place for place, uid in enumerate(self._order)}
        waiting = sorted((uid for uid in uids if uid in rank), key=rank.__getitem__, reverse=True)
        merged: list[int] = []
        places: list[int] = []
        for uid in self.results:
            while waiting and rank[waiting[-1]] < rank.get(uid, -1):
                places.append(len(merged))
                merged.append(waiting.pop())
            merged.append(uid)
        places.extend(range(len(merged), len(merged) + len(waiting)))
        merged.extend(reversed(waiting))
        self.results = array("I", merged)
        return [(first + 1, merged[first : last + 1]) for first, last in _runs(places)]

    def _line(self, view: Selected, items: Iterable[tuple[bytes, list[tuple[int, list[int]]]]]) -> bytes:
        by_uid = self.uid or view.by_uid
        told = []
        for name, pairs in items:
            texts = []
            for position, uids in pairs:
                numbers = uids if by_uid else view.numbers(uids)
                texts.append(b"%d %b" % (position, format_numbers(numbers)))
            if texts:
                told.append(name + b" (" + b" ".join(texts) + b")")
        if not told:
            return b""
        head = [b"ESEARCH", b"(TAG " + string(self.tag) + b")"] + ([b"UID"] if by_uid else [])
        return untagged(*head, *told)


def _runs(places: Sequence[int]) -> list[tuple[int, int]]:
    """Ascending places as first and last of each run of neighbours."""
    breaks = [index for index, (one, other) in enumerate(pairwise(places), 1) if other != one + 1]
    starts = [0, *breaks]
    return [(places[start], places[stop - 1]) for start, stop in zip(starts, [*breaks, len(places)], strict=True)]
