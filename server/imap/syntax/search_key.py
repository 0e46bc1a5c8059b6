"""Search keys (RFC 9051 §6.4.4, RFC 3501 §6.4.4) to the store's query tree.

    search-key = "ALL" / "ANSWERED" / "BCC" SP astring / ... / "(" search-key *(SP search-key) ")"

Message numbers and `$` mean something only in one client's view, so they stay here as `Numbers` until `resolve` turns them into
uids. Extensions: RFC 7162 MODSEQ, RFC 5032 OLDER and YOUNGER, RFC 8474 EMAILID and THREADID, RFC 8514 SAVED..., RFC 5182 `$`,
RFC 6203 FUZZY.
RECENT, NEW and OLD are about the view as well (RFC 3501 §6.4.4; RFC 9051 has done away with them).
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from server.imap.syntax.date import parse_date
from server.imap.syntax.error import ProtocolError
from server.imap.syntax.sequence import Ranges, SequenceSet
from server.imap.syntax.token import Reader
from server.store import query as q

MAX_DEPTH = 50
MAX_TERMS = 100
MAX_TEXT = 1_000


@dataclass(frozen=True, slots=True)
class Numbers:
    """A sequence set in a search: message numbers, or uids where `uid`."""

    sequence: SequenceSet
    uid: bool


@dataclass(frozen=True, slots=True)
class Recent:
    """Messages that this session was the first to be told of."""


SearchKey = q.Query | Numbers | Recent

_FLAGS: dict[str, SearchKey] = {
    "ANSWERED": q.Flag("\\Answered", present=True),
    "DELETED": q.Flag("\\Deleted", present=True),
    "DRAFT": q.Flag("\\Draft", present=True),
    "FLAGGED": q.Flag("\\Flagged", present=True),
    "SEEN": q.Flag("\\Seen", present=True),
    "UNANSWERED": q.Flag("\\Answered", present=False),
    "UNDELETED": q.Flag("\\Deleted", present=False),
    "UNDRAFT": q.Flag("\\Draft", present=False),
    "UNFLAGGED": q.Flag("\\Flagged", present=False),
    "UNSEEN": q.Flag("\\Seen", present=False),
    "ALL": q.All(),
    "OLD": q.Not(Recent()),  # type: ignore[arg-type]
    "NEW": q.And((Recent(), q.Flag("\\Seen", present=False))),  # type: ignore[arg-type]
    "RECENT": Recent(),
    "SAVEDATESUPPORTED": q.All(),
}
_FIELDS: dict[str, q.FieldName] = {"BCC": "bcc", "CC": "cc", "FROM": "from", "SUBJECT": "subject", "TO": "to"}
_INTERNAL: dict[str, q.DateOp] = {"BEFORE": "before", "ON": "on", "SINCE": "since"}
_SENT: dict[str, q.DateOp] = {"SENTBEFORE": "before", "SENTON": "on", "SENTSINCE": "since"}
_SAVED: dict[str, q.DateOp] = {"SAVEDBEFORE": "before", "SAVEDON": "on", "SAVEDSINCE": "since"}
_WORD = re.compile(r"[A-Z]+\Z")


class _Parser:
    __slots__ = ("_decode", "_reader", "_terms")

    def __init__(self, reader: Reader, charset: str) -> None:
        self._reader = reader
        self._terms = 0
        self._decode = charset

    def keys(self, depth: int, stop: bytes) -> SearchKey:
        """search-key *(SP search-key), up to `stop` or the end."""
        items = [self.key(depth)]
        while not (self._reader.peek() == stop if stop else self._reader.at_end):
            self._reader.space()
            items.append(self.key(depth))
        return items[0] if len(items) == 1 else q.And(tuple(items))  # type: ignore[arg-type]

    def key(self, depth: int) -> SearchKey:
        self._terms += 1
        if depth > MAX_DEPTH or self._terms > MAX_TERMS:
            raise ProtocolError("The search is too complicated")
        reader = self._reader
        octet = reader.peek()
        if octet == b"(":
            reader.octet(b"(", "")
            inner = self.keys(depth + 1, b")")
            reader.octet(b")", "A parenthesis is missing")
            return inner
        if octet in b"*$0123456789" and octet:
            return Numbers(reader.sequence(), uid=False)
        word = reader.keyword("A search key")
        return self._word(word, depth)

    def _word(self, word: str, depth: int) -> SearchKey:
        if word in _FLAGS:
            return _FLAGS[word]
        reader = self._reader
        if word == "NOT":
            reader.space()
            return q.Not(self.key(depth + 1))  # type: ignore[arg-type]
        if word == "FUZZY":  # RFC 6203 §7: "FUZZY" SP search-key
            reader.space()
            return q.Fuzzy(self.key(depth + 1))  # type: ignore[arg-type]
        if word == "OR":
            reader.space()
            first = self.key(depth + 1)
            reader.space()
            return q.Or(first, self.key(depth + 1))  # type: ignore[arg-type]
        if word == "UID":
            reader.space()
            return Numbers(reader.sequence(), uid=True)
        read = _ARGUMENTS.get(word)
        if read is None:
            raise ProtocolError("Unknown search key")
        reader.space()
        return read(self, word)

    def text(self) -> str:
        value = self._reader.astring()
        try:
            text = value.decode(self._decode)
        except UnicodeDecodeError:
            raise ProtocolError("A search string is not in the given character set") from None
        if len(text) > MAX_TEXT:
            raise ProtocolError("A search string is too long")
        return text

    def field(self, word: str) -> q.Query:
        return q.Field(_FIELDS[word], self.text())

    def body(self, _word: str) -> q.Query:
        return q.Body(self.text())

    def anywhere(self, _word: str) -> q.Query:
        return q.Text(self.text())

    def header(self, _word: str) -> q.Query:
        name = self.text()
        self._reader.space()
        return q.Header(name, self.text())

    def keyword(self, word: str) -> q.Query:
        return q.Flag(self._reader.flag(), present=word == "KEYWORD")

    def internal(self, word: str) -> q.Query:
        return q.Internal(_INTERNAL[word], parse_date(self._reader.astring()))

    def sent(self, word: str) -> q.Query:
        return q.Sent(_SENT[word], parse_date(self._reader.astring()))

    def saved(self, word: str) -> q.Query:
        return q.SaveDate(_SAVED[word], parse_date(self._reader.astring()))

    def size(self, word: str) -> q.Query:
        number = self._reader.number64()
        return q.Larger(number) if word == "LARGER" else q.Smaller(number)

    def age(self, word: str) -> q.Query:
        seconds = self._reader.positive()
        return q.Older(seconds) if word == "OLDER" else q.Younger(seconds)

    def modseq(self, _word: str) -> q.Query:
        # RFC 7162 §3.1.5: an entry name and type may stand first; flags share one counter here, so they change nothing.
        if self._reader.try_quoted() is not None:
            self._reader.space()
            self._reader.keyword("An entry type")
            self._reader.space()
        return q.Modseq(self._reader.number64())

    def object_id(self, word: str) -> q.Query:
        value = self._reader.text()
        return q.EmailId(value) if word == "EMAILID" else q.ThreadId(value)


_ARGUMENTS: dict[str, Callable[[_Parser, str], q.Query]] = {
    **dict.fromkeys(_FIELDS, _Parser.field),
    **dict.fromkeys(_INTERNAL, _Parser.internal),
    **dict.fromkeys(_SENT, _Parser.sent),
    **dict.fromkeys(_SAVED, _Parser.saved),
    "BODY": _Parser.body,
    "TEXT": _Parser.anywhere,
    "HEADER": _Parser.header,
    "KEYWORD": _Parser.keyword,
    "UNKEYWORD": _Parser.keyword,
    "LARGER": _Parser.size,
    "SMALLER": _Parser.size,
    "OLDER": _Parser.age,
    "YOUNGER": _Parser.age,
    "MODSEQ": _Parser.modseq,
    "EMAILID": _Parser.object_id,
    "THREADID": _Parser.object_id,
}


def parse_search_keys(reader: Reader, charset: str = "utf-8") -> SearchKey:
    """Everything up to the end of the command, as one key."""
    return _Parser(reader, charset).keys(0, b"")


def resolve(key: SearchKey, numbers: Callable[[SequenceSet, bool], Ranges], recent: Ranges = ()) -> q.Query:
    """Replace every `Numbers` by the uids that `numbers(sequence, uid)` finds for it, and RECENT by those of the view."""
    if isinstance(key, Numbers):
        return q.Uids(numbers(key.sequence, key.uid))
    if isinstance(key, Recent):
        return q.Uids(recent)
    if isinstance(key, q.And):
        return q.And(tuple(resolve(item, numbers, recent) for item in key.items))
    if isinstance(key, q.Or):
        return q.Or(resolve(key.a, numbers, recent), resolve(key.b, numbers, recent))
    if isinstance(key, q.Not):
        return q.Not(resolve(key.q, numbers, recent))
    if isinstance(key, q.Fuzzy):
        return q.Fuzzy(resolve(key.q, numbers, recent))
    return key


def leaves(key: SearchKey) -> Iterator[SearchKey]:
    """The conditions in it, without what joins them."""
    if isinstance(key, q.And):
        for item in key.items:
            yield from leaves(item)
    elif isinstance(key, q.Or):
        yield from leaves(key.a)
        yield from leaves(key.b)
    elif isinstance(key, q.Not | q.Fuzzy):
        yield from leaves(key.q)
    else:
        yield key


def mentions_modseq(key: SearchKey) -> bool:
    """Whether MODSEQ stands anywhere in it (RFC 7162 §3.1.5: then the answer carries one)."""
    return any(isinstance(leaf, q.Modseq) for leaf in leaves(key))


def mentions_fuzzy(key: SearchKey) -> bool:
    """Whether FUZZY stands anywhere in it (RFC 6203 §4: only then may relevancy be asked for)."""
    if isinstance(key, q.And):
        return any(mentions_fuzzy(item) for item in key.items)
    if isinstance(key, q.Or):
        return mentions_fuzzy(key.a) or mentions_fuzzy(key.b)
    if isinstance(key, q.Not):
        return mentions_fuzzy(key.q)
    return isinstance(key, q.Fuzzy)


def needs_numbers(key: SearchKey) -> bool:
    """Whether a message number or `*` stands in it, so that the list of uids must be there."""
    return any(isinstance(leaf, Numbers) and not leaf.sequence.saved for leaf in leaves(key))


def mentions_numbers(key: SearchKey) -> bool:
    """Whether message numbers stand in it, which are those of the selected mailbox."""
    return any(isinstance(leaf, Numbers) and not leaf.uid and not leaf.sequence.saved for leaf in leaves(key))


def mentions_saved(key: SearchKey) -> bool:
    """Whether `$` stands in it (RFC 5182)."""
    return any(isinstance(leaf, Numbers) and leaf.sequence.saved for leaf in leaves(key))
