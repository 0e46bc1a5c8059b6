"""The two full-text indexes of an account: trigrams of all text, pairs of CJK characters (see `fold`).

A message is appended without its index entries; they follow in batches, a moment later. One batch of 50 costs half of
50 entries alone, and a delivery need not wait for it. `state.indexed` says how far the indexes reach, in the same
transaction as the entries, and a search looks through the text of what is beyond: it finds every committed message.
"""

from sqlalchemy import bindparam, func, select, update

from server.db.database import Reader, Writer
from server.db.statement import Statement
from server.store import schema
from server.store.crashpoint import reach
from server.store.fold import pairs

CHORE = "index"
AT_ONCE = 50
CHARACTERS_AT_ONCE = 150_000
"""A batch ends early here: it holds the account's write lock."""

state, content, folded = schema.state, schema.content, schema.folded

_INDEXED = Statement(select(state.c.indexed))
_NEWEST = Statement(select(func.coalesce(func.max(content.c.id), 0)))
_NEXT = Statement(
    select(folded.c.content_id, folded.c.head, folded.c.body)
    .where(folded.c.content_id > bindparam("after"))
    .order_by(folded.c.content_id)
    .limit(bindparam("limit"))
)
_TEXT = Statement(select(folded.c.head, folded.c.body).where(folded.c.content_id == bindparam("content")))
_NEW_BODY = Statement(update(folded).where(folded.c.content_id == bindparam("content")).values(body=bindparam("text")))
_ADVANCE = Statement(update(state).where(state.c.id == 1).values(indexed=bindparam("upto")))
_ADD_TRIGRAMS = "INSERT INTO trigram(rowid, head, body) VALUES (?, ?, ?)"
_ADD_PAIRS = "INSERT INTO bigram(rowid, pairs) VALUES (?, ?)"
# An index of external content must be told what it had been given.
_REMOVE_TRIGRAMS = "INSERT INTO trigram(trigram, rowid, head, body) VALUES ('delete', ?, ?, ?)"
_REMOVE_PAIRS = "INSERT INTO bigram(bigram, rowid, pairs) VALUES ('delete', ?, ?)"


def indexed(r: Reader) -> int:
    """Return the id up to which contents are in the indexes."""
    return int(r.run(_INDEXED).fetchone()[0])


def first_unindexed(r: Reader) -> int:
    """Return the id from which on contents may be missing in the indexes; 0 when none is."""
    reached = indexed(r)
    return reached + 1 if r.run(_NEWEST).fetchone()[0] > reached else 0


def advance(w: Writer, *, limit: int = AT_ONCE, characters: int = CHARACTERS_AT_ONCE) -> bool:
    """Index the next batch; return whether more waits."""
    batch = []
    for row in w.run(_NEXT, after=indexed(w), limit=limit):
        batch.append(row)
        characters -= len(row[1]) + len(row[2])
        if characters <= 0:
            break
    if not batch:
        return False
    # One index after the other: FTS5 gathers entries in memory until another statement makes it write them out.
    w.raw_many(_ADD_TRIGRAMS, batch)
    w.raw_many(_ADD_PAIRS, [(number, words) for number, head, body in batch if (words := pairs(head + body))])
    w.run(_ADVANCE, upto=batch[-1][0])
    reach("index.entries")
    return len(batch) == limit or characters <= 0


def remove(w: Writer, content_id: int, head: str, body: str) -> None:
    """Take a text out of both indexes; it must be in them."""
    w.raw(_REMOVE_TRIGRAMS, (content_id, head, body))
    if words := pairs(head + body):
        w.raw(_REMOVE_PAIRS, (content_id, words))


def replace(w: Writer, content_id: int, body: str) -> None:
    """Give a content another text of its body, and the indexes with it where they have reached it."""
    row = w.run(_TEXT, content=content_id).fetchone()
    if row is None or row[1] == body:
        return
    head, old = row
    is_indexed = content_id <= indexed(w)
    if is_indexed:
        # Before the text changes: the index takes away what it is told, and must be told what it was given.
        remove(w, content_id, head, old)
    w.run(_NEW_BODY, content=content_id, text=body)
    if is_indexed:
        w.raw(_ADD_TRIGRAMS, (content_id, head, body))
        if words := pairs(head + body):
            w.raw(_ADD_PAIRS, (content_id, words))
    reach("index.replaced")
