"""Clearing up contents that no mailbox holds any more: octets, index entries, conversations that have ended.

Done apart from the expunge, in small transactions: taking a text out of the index costs as much as putting it in.
"""

from sqlalchemy import bindparam, delete, select, text

from server.db.database import Reader, Writer
from server.db.statement import Statement
from server.store import objects, schema
from server.store.crashpoint import reach
from server.store.fold import pairs

CHORE = "collect"
AT_ONCE = 20

content, octets, facet, folded, ref = (
    schema.content, schema.octets, schema.facet, schema.folded, schema.thread_ref
)  # fmt: skip

_UNHELD = text("holders = 0")  # written as in the partial index of the schema, so that it serves
_ANY = Statement(select(content.c.id).where(_UNHELD).limit(1))
_SOME = Statement(
    select(content.c.id, content.c.digest, content.c.is_object, content.c.thread_id, folded.c.head, folded.c.body)
    .join_from(content, folded, folded.c.content_id == content.c.id, isouter=True)
    .where(_UNHELD)
    .limit(bindparam("limit"))
)
_THREAD = Statement(select(content.c.id).where(content.c.thread_id == bindparam("thread")).limit(1))
_FORGET_THREAD = Statement(delete(ref).where(ref.c.thread_id == bindparam("thread")))
# octets, facet and folded go with it (ON DELETE CASCADE).
_DELETE = Statement(delete(content).where(content.c.id == bindparam("content")))


def has_garbage(r: Reader) -> bool:
    """Say whether `collect` would find something."""
    return r.run(_ANY).fetchone() is not None


def collect(w: Writer, limit: int = AT_ONCE) -> int:
    """Clear up at most `limit` contents; return how many there were."""
    rows = w.run(_SOME, limit=limit).fetchall()
    for content_id, digest, is_object, thread, head, body in rows:
        if head is not None:
            remove_from_index(w, content_id, head, body)
        w.run(_DELETE, content=content_id)
        if is_object:
            # The write lock is held: nobody can be storing the same octets now.
            objects.remove(w.folder, digest)
            reach("collect.object_removed")
        if w.run(_THREAD, thread=thread).fetchone() is None:
            w.run(_FORGET_THREAD, thread=thread)
    return len(rows)


def remove_from_index(w: Writer, content_id: int, head: str, body: str) -> None:
    """Take a text out of both indexes; they want to be told what it was."""
    w.raw("INSERT INTO trigram(trigram, rowid, head, body) VALUES ('delete', ?, ?, ?)", (content_id, head, body))
    if words := pairs(head + body):
        w.raw("INSERT INTO bigram(bigram, rowid, pairs) VALUES ('delete', ?, ?)", (content_id, words))
