"""From a query to the condition that SQLite evaluates, row by row of `placement`.

A term of three or more characters is looked up in the trigram index and verified in the text; one of one or two CJK
characters in the pair index, and verified; any other short term is looked for in the text of the rows that the other
conditions leave over. So every answer is exact, and what is cheap is asked first.
"""

from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    column,
    exists,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    table,
    true,
)
from sqlalchemy import false as nothing

from server.db.database import Reader
from server.store import flag_set, messages, query, relevance, schema
from server.store.errors import QueryTooComplex
from server.store.fold import fold, pair_query, trigram_query
from server.store.index import first_unindexed
from server.store.model import object_number

TERMS = 100
FUZZY_TERMS = 9
"""Other terms that a fuzzy one counts for besides itself: it asks for each of its words."""
DEPTH = 100
RANGES_IN_SQL = 20
DAY = 86_400

place, content = schema.placement, schema.content
# Under other names: a statement that sorts by facets has that table in its FROM already.
facet, folded = schema.facet.alias("own_facet"), schema.folded.alias("own_folded")

Condition = ColumnElement[bool]

# As in the partial indexes of the schema, so that they serve; elements and not text, so that they can be negated.
_FLAG_TERMS: dict[tuple[int, bool], Condition] = {
    (schema.SEEN, False): literal_column("(placement.flags & 1 = 0)"),
    (schema.FLAGGED, True): literal_column("(placement.flags & 4 = 4)"),
    (schema.DELETED, True): literal_column("(placement.flags & 8 = 8)"),
}


def field_holds(lines: str, name: str, term: str) -> bool:
    """Say whether a line `name: value` among folded header lines has `term` in its value (called by SQLite)."""
    start = f"\n{name}:"
    at = lines.find(start)
    while at >= 0:
        end = lines.find("\n", at + 1)
        if lines.find(term, at + len(start), end if end >= 0 else len(lines)) >= 0:
            return True
        at = lines.find(start, end) if end >= 0 else -1
    return False


FUNCTIONS = {"field_holds": (3, field_holds)}


class Compiler:
    """Turns one query into a condition on `placement`.

    Args:
        r: The transaction in which it will be asked.
        mailbox_id: The mailbox.
        now: What `Older` and `Younger` count from.
        terms: How many leaves a query may have.
        depth: How deep it may be nested.
    """

    def __init__(self, r: Reader, mailbox_id: int, *, now: datetime, terms: int = TERMS, depth: int = DEPTH) -> None:
        self._r, self._mailbox_id, self._now = r, mailbox_id, int(now.timestamp())
        self._terms_left, self._depth = terms, depth
        self._unindexed: int | None = None
        self._is_fuzzy = False
        self.scores: list[dict[int, int]] = []
        """For each fuzzy term: the relevancy of contents that match it."""

    def compile(self, q: query.Query, level: int = 0) -> Condition:
        """Return the condition; raises QueryTooComplex."""
        if level > self._depth:
            raise QueryTooComplex("nested too deeply")  # security.md T075
        match q:
            case query.And(items):
                return and_(true(), *(self.compile(item, level + 1) for item in items))
            case query.Or(a, b):
                return or_(self.compile(a, level + 1), self.compile(b, level + 1))
            case query.Not(inner):
                # What is left out is left out for what was written, not for what is like it.
                return not_(self._compile_as(inner, level + 1, is_fuzzy=False))
            case query.Fuzzy(inner):
                return self._compile_as(inner, level + 1, is_fuzzy=True)
        self._terms_left -= 1
        if self._terms_left < 0:
            raise QueryTooComplex("too many terms")
        term = relevance.fuzzy_term(q) if self._is_fuzzy else None
        return self._leaf(q) if term is None else self._fuzzy(term)

    def _compile_as(self, q: query.Query, level: int, *, is_fuzzy: bool) -> Condition:
        before, self._is_fuzzy = self._is_fuzzy, is_fuzzy
        condition = self.compile(q, level)
        self._is_fuzzy = before
        return condition

    def _fuzzy(self, term: relevance.Term) -> Condition:
        self._terms_left -= FUZZY_TERMS
        if self._terms_left < 0:
            raise QueryTooComplex("too many fuzzy terms")
        found = relevance.scores(self._r, self._mailbox_id, term, self._leaf)
        self.scores.append(found)
        listed: Select[Any] = select(column("value")).select_from(func.json_each(f"[{','.join(map(str, found))}]"))
        return place.c.content_id.in_(listed)

    def _leaf(self, q: query.Query) -> Condition:
        match q:
            case query.Flag(name, present):
                return self._flag(name, present=present)
            case query.Uids(ranges):
                return self._uids(ranges)
            case query.Text(value):
                return self._text(value, folded.c.head, folded.c.body)
            case query.Body(value):
                return self._text(value, folded.c.body)
            case query.Field(which, value):
                return self._field(which, value)
            case query.Header(name, value):
                return self._header(name, value)
            case query.Internal(op, day):
                return _day(place.c.internaldate, op, day)
            case query.SaveDate(op, day):
                return _day(place.c.savedate, op, day)
            case query.Sent(op, day):
                return _sent(op, day)
        return self._number(q)

    def _number(self, q: query.Query) -> Condition:
        match q:
            case query.Larger(n):
                return place.c.size > n
            case query.Smaller(n):
                return place.c.size < n
            case query.Modseq(n):
                return place.c.modseq >= n
            case query.Older(seconds):
                return place.c.internaldate <= self._now - seconds
            case query.Younger(seconds):
                return place.c.internaldate >= self._now - seconds
            case query.ThreadId(value):
                number = object_number(value, "T")
                return nothing() if number is None else place.c.thread_id == number
            case query.EmailId(value):
                return _email(value)
        return true()

    def _flag(self, name: str, *, present: bool) -> Condition:
        bit = flag_set.SYSTEM.get(name.lower())
        if bit is not None:
            return of_bit(bit, present=present)
        spelled = flag_set.known(self._r, name)
        if spelled is None:
            return nothing() if present else true()
        has = func.instr(place.c.keywords, f" {spelled} ") > 0
        return has if present else not_(has)

    def _uids(self, ranges: tuple[tuple[int, int], ...]) -> Condition:
        if len(ranges) <= RANGES_IN_SQL:
            return or_(nothing(), *(place.c.uid.between(first, last) for first, last in ranges))
        wanted = within(messages.uids(self._r, self._mailbox_id), ranges)
        listed: Select[Any] = select(column("value")).select_from(func.json_each(f"[{','.join(map(str, wanted))}]"))
        return place.c.uid.in_(listed)

    def _text(self, value: str, *columns: ColumnElement[str]) -> Condition:
        term = fold(value)
        if not term:
            return true()
        holds = or_(*(func.instr(c, term) > 0 for c in columns))
        return and_(self._candidates(term), exists().where(folded.c.content_id == place.c.content_id, holds))

    def _field(self, which: query.FieldName, value: str) -> Condition:
        term = fold(value)
        if not term:
            return true()
        holds = func.instr(facet.c["from_" if which == "from" else which], term) > 0
        return and_(self._candidates(term), exists().where(facet.c.content_id == place.c.content_id, holds))

    def _header(self, name: str, value: str) -> Condition:
        name, term = name.lower(), fold(value)
        sealed = name in schema.SEALS
        lines = folded.c.seal if sealed else folded.c.head
        holds = func.field_holds(lines, name, term) if term else func.instr(lines, f"\n{name}:") > 0
        verified = exists().where(folded.c.content_id == place.c.content_id, holds)
        return verified if sealed else and_(self._candidates(term), verified)

    def _candidates(self, term: str) -> Condition:
        """Return a condition that every content with the folded term fulfils, answered by an index where one serves."""
        asked, index = trigram_query(term), table("trigram", column("rowid"))
        if asked is None:
            asked, index = pair_query(term), table("bigram", column("rowid"))
        if asked is None:
            return true()
        found = select(index.c.rowid).where(column(index.name).op("MATCH")(literal(asked)))
        if self._unindexed is None:
            self._unindexed = first_unindexed(self._r)
        if self._unindexed:
            # What arrived a moment ago waits for the index; it is few, and looked at one by one.
            return place.c.content_id.in_(found.union_all(select(content.c.id).where(content.c.id >= self._unindexed)))
        return place.c.content_id.in_(found)


def of_bit(bit: int, *, present: bool) -> Condition:
    """Return the condition that a system flag is set, or not set."""
    term = _FLAG_TERMS.get((bit, present))
    return place.c.flags.op("&")(bit) == (bit if present else 0) if term is None else term


def within(uids: Any, ranges: tuple[tuple[int, int], ...]) -> list[int]:
    """Return those of `uids` (ascending) that lie in one of the ranges, in linear time."""
    ordered = sorted((min(pair), max(pair)) for pair in ranges)
    found: list[int] = []
    at = 0
    for uid in uids:
        while at < len(ordered) and ordered[at][1] < uid:
            at += 1
        if at == len(ordered):
            break
        if ordered[at][0] <= uid:
            found.append(uid)
    return found


def _day(moment: ColumnElement[int], op: query.DateOp, day: date) -> Condition:
    start = int(datetime.combine(day, time(), UTC).timestamp())
    if op == "before":
        return moment < start
    if op == "since":
        return moment >= start
    return and_(moment >= start, moment < start + DAY)


def _sent(op: query.DateOp, day: date) -> Condition:
    """RFC 9051 §6.4.4: the day that the sender wrote, whatever its zone. The index narrows it down to a day or two."""
    written = func.coalesce(facet.c.sent_on, func.date(place.c.internaldate, "unixepoch"))
    iso = day.isoformat()
    start = int(datetime.combine(day, time(), UTC).timestamp())
    if op == "before":
        exact, rough = written < iso, place.c.sent < start + DAY
    elif op == "since":
        exact, rough = written >= iso, place.c.sent >= start - DAY
    else:
        exact, rough = written == iso, and_(place.c.sent >= start - DAY, place.c.sent < start + 2 * DAY)
    return and_(rough, exists().where(facet.c.content_id == place.c.content_id, exact))


def _email(value: str) -> Condition:
    digest = bytes.fromhex(value[1:]) if len(value) == 33 and value[0] == "M" and _is_hex(value[1:]) else None
    if digest is None:
        return nothing()
    # The id is the digest's first half, so the index of digests finds it as a range.
    last = digest + b"\xff" * 17
    found = select(content.c.id).where(content.c.digest >= digest, content.c.digest <= last)
    return place.c.content_id.in_(found)


def _is_hex(text: str) -> bool:
    return all(c in "0123456789abcdef" for c in text)
