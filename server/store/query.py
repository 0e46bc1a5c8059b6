"""What may be asked of a mailbox: the tree that an IMAP SEARCH becomes (RFC 9051 §6.4.4), without its syntax.

Dates of `Internal`, `Sent` and `SaveDate` are days in UTC. Strings are compared as substrings without regard to case.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

DateOp = Literal["before", "on", "since"]
FieldName = Literal["from", "to", "cc", "bcc", "subject"]


@dataclass(frozen=True, slots=True)
class All:
    """Every message."""


@dataclass(frozen=True, slots=True)
class And:
    items: tuple["Query", ...]


@dataclass(frozen=True, slots=True)
class Or:
    a: "Query"
    b: "Query"


@dataclass(frozen=True, slots=True)
class Not:
    q: "Query"


@dataclass(frozen=True, slots=True)
class Fuzzy:
    """RFC 6203 §3: what is asked of text in it need match only about."""

    q: "Query"


@dataclass(frozen=True, slots=True)
class Flag:
    name: str
    present: bool = True


@dataclass(frozen=True, slots=True)
class Header:
    """A header field of that name contains the value; an empty value asks only for the field."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Field:
    which: FieldName
    value: str


@dataclass(frozen=True, slots=True)
class Body:
    value: str


@dataclass(frozen=True, slots=True)
class Text:
    """Header or body contains the value."""

    value: str


@dataclass(frozen=True, slots=True)
class Internal:
    op: DateOp
    date: date


@dataclass(frozen=True, slots=True)
class Sent:
    op: DateOp
    date: date


@dataclass(frozen=True, slots=True)
class SaveDate:
    op: DateOp
    date: date


@dataclass(frozen=True, slots=True)
class Larger:
    n: int


@dataclass(frozen=True, slots=True)
class Smaller:
    n: int


@dataclass(frozen=True, slots=True)
class Uids:
    """Inclusive ranges of uids; the caller has put numbers in the place of `*`."""

    ranges: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Modseq:
    """RFC 7162 §3.1.5: changed at or after this mod-sequence."""

    n: int


@dataclass(frozen=True, slots=True)
class EmailId:
    value: str


@dataclass(frozen=True, slots=True)
class ThreadId:
    value: str


@dataclass(frozen=True, slots=True)
class Older:
    """RFC 5032: arrived at least so many seconds ago."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Younger:
    """RFC 5032: arrived within so many seconds."""

    seconds: int


Query = (
    All
    | And
    | Or
    | Not
    | Fuzzy
    | Flag
    | Header
    | Field
    | Body
    | Text
    | Internal
    | Sent
    | SaveDate
    | Larger
    | Smaller
    | Uids
    | Modseq
    | EmailId
    | ThreadId
    | Older
    | Younger
)


def conjunction(items: Sequence[Query]) -> Query:
    """Return the query that all of `items` make together."""
    if not items:
        return All()
    return items[0] if len(items) == 1 else And(tuple(items))


def with_threads(query: Query, own: Callable[[str], str]) -> Query:
    """Return the query with the id of each conversation as `own` has it."""
    match query:
        case ThreadId(value):
            return ThreadId(own(value))
        case And(items):
            return And(tuple(with_threads(item, own) for item in items))
        case Or(a, b):
            return Or(with_threads(a, own), with_threads(b, own))
        case Not(q):
            return Not(with_threads(q, own))
        case Fuzzy(q):
            return Fuzzy(with_threads(q, own))
    return query
