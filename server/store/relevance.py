"""Fuzzy matching and how relevant what it finds is (RFC 6203).

A term is taken apart into words, which may stand in any order. Each is looked for as it is, by the exact search and its
indexes; where few messages have it so, those that share most of its trigrams are read, a bounded number of the best and
newest, for a word that is like it (`likeness`). Scores: a word as it stands is worth more than one like it, the whole
term more than its words apart, and the subject more than the text.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from sqlalchemy import ColumnElement, bindparam, column, func, select

from server.db.database import Reader
from server.db.statement import Statement
from server.store import index, query, schema
from server.store.fold import TRIGRAM, fold
from server.store.likeness import Likeness, bare, slips, spellings, words_of

ENOUGH: Final = 100
"""Messages with a word as it stands, from which on nobody looks for one like it."""
CANDIDATES: Final = 200
"""Messages that are read for such."""
READ: Final = 50_000
"""Characters of each that are read."""
_TRIGRAMS: Final = 12
_LOST: Final = 3
"""Trigrams that a slip costs at most, but for two characters that change places, which cost four."""

place, facet, folded = schema.placement, schema.facet, schema.folded

Holds = Callable[[query.Query], ColumnElement[bool]]
Term = query.Text | query.Body | query.Field

_TEXTS = Statement(
    select(
        folded.c.content_id,
        folded.c.head,
        func.substr(folded.c.body, 1, READ),
        facet.c.subject, facet.c.from_, facet.c.to, facet.c.cc, facet.c.bcc,
    )
    .join_from(folded, facet, facet.c.content_id == folded.c.content_id)
    .where(folded.c.content_id == bindparam("content"))
)  # fmt: skip
_FIELDS: Final = {"subject": 3, "from": 4, "to": 5, "cc": 6, "bcc": 7}
_SUBJECTS = Statement(
    select(facet.c.content_id, facet.c.subject).where(
        facet.c.content_id.in_(select(column("value")).select_from(func.json_each(bindparam("contents"))))
    )
)
_RECENT = "SELECT id FROM content WHERE id >= ? ORDER BY id DESC LIMIT ?"


def fuzzy_term(leaf: query.Query) -> Term | None:
    """Return what a leaf asks of text, or None where there is nothing to be fuzzy about (RFC 6203 §5 leaves it to us)."""
    match leaf:
        case query.Text(value) | query.Body(value) | query.Field(_, value):
            return leaf if words_of(fold(value)) else None
        case query.Header(name, value) if name.lower() in _FIELDS and words_of(fold(value)):
            which: query.FieldName = name.lower()  # type: ignore[assignment]
            return query.Field(which, value)
    return None


def scores(r: Reader, mailbox_id: int, term: Term, holds: Holds) -> dict[int, int]:
    """Return the contents in a mailbox that match, each with its relevancy from 1 to 100.

    Args:
        r: The transaction.
        mailbox_id: Where to look.
        term: What to look for.
        holds: Gives the condition of an exact search.
    """
    value = fold(term.value)
    words = words_of(value)

    def exactly(text: str) -> set[int]:
        statement = select(place.c.content_id).where(place.c.mailbox_id == mailbox_id, holds(_asked(term, text)))
        return {number for (number,) in r.tuples(statement)}

    as_is = {word: exactly(word) for word in words}
    matching: set[int] | None = None
    for word in words:
        found = as_is[word]
        if slips(word) and len(found) < ENOUGH:
            found = found | _alike(r, mailbox_id, term, word)
        matching = found if matching is None else matching & found
        if not matching:
            return {}
    whole = exactly(value) if len(words) > 1 else as_is[words[0]]
    in_subject = None if isinstance(term, query.Field) else _in_subject(r, matching or set(), words)
    return {
        number: _score(
            exact=sum(number in found for found in as_is.values()) / len(words),
            whole=number in whole,
            in_subject=None if in_subject is None else number in in_subject,
        )
        for number in matching or ()
    }


def _score(*, exact: float, whole: bool, in_subject: bool | None) -> int:
    """RFC 6203 §4: from 1 to 100, over the whole of it."""
    worth = 0.6 * exact + 0.4 * whole if in_subject is None else 0.5 * exact + 0.2 * whole + 0.3 * in_subject
    return 1 + round(99 * worth)


def mean(found: Iterable[dict[int, int]], number: int) -> int:
    """Return the relevancy of a content to a whole query: the mean of what it matched, 100 where nothing was fuzzy."""
    each = [scored[number] for scored in found if number in scored]
    return round(sum(each) / len(each)) if each else 100


def _asked(term: Term, text: str) -> query.Query:
    if isinstance(term, query.Field):
        return query.Field(term.which, text)
    return query.Text(text) if isinstance(term, query.Text) else query.Body(text)


def _in_subject(r: Reader, numbers: set[int], words: list[str]) -> set[int]:
    """Those of the contents whose subject has all the words, or words like them."""
    likenesses = [Likeness(word) for word in words]
    rows = r.run(_SUBJECTS, contents=f"[{','.join(map(str, numbers))}]")
    return {number for number, subject in rows if all(likeness.is_in(subject) for likeness in likenesses)}


def _alike(r: Reader, mailbox_id: int, term: Term, word: str) -> set[int]:
    """Contents that have a word like this one."""
    likeness = Likeness(word)
    found: set[int] = set()
    for number in _candidates(r, mailbox_id, word):
        row = r.run(_TEXTS, content=number).fetchone()
        if row is not None and any(likeness.is_in(text) for text in _looked_at(term, row)):
            found.add(number)
    return found


def _looked_at(term: Term, row: tuple[Any, ...]) -> tuple[str, ...]:
    if isinstance(term, query.Field):
        return (row[_FIELDS[term.which]],)
    return (row[1], row[2]) if isinstance(term, query.Text) else (row[2],)


def _candidates(r: Reader, mailbox_id: int, word: str) -> list[int]:
    """Contents in the mailbox that share most of the word's trigrams, and the few that no index has yet."""
    word = bare(word)
    pieces = list(dict.fromkeys(word[at : at + TRIGRAM] for at in range(len(word) - TRIGRAM + 1)))[:_TRIGRAMS]
    least = max(1, len(pieces) - _LOST * slips(word) - 1)
    asked = " UNION ALL ".join(["SELECT rowid AS id FROM trigram WHERE trigram MATCH ?"] * len(pieces))
    sql = (
        f"SELECT id FROM (SELECT id, count(*) AS shared FROM ({asked}) GROUP BY id HAVING shared >= ?)"  # noqa: S608
        " WHERE EXISTS (SELECT 1 FROM placement WHERE content_id = id AND mailbox_id = ?)"
        " ORDER BY shared DESC, id DESC LIMIT ?"
    )
    quoted = [" OR ".join(f'"{spelling}"' for spelling in spellings(piece)) for piece in pieces]
    found = [number for (number,) in r.raw(sql, (*quoted, least, mailbox_id, CANDIDATES))]
    if unindexed := index.first_unindexed(r):
        found += [number for (number,) in r.raw(_RECENT, (unindexed, CANDIDATES))]
    return found
