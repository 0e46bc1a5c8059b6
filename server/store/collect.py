"""Clearing up contents that no mailbox holds any more: octets, index entries, conversations that have ended.

Done apart from the expunge, in small transactions: taking a text out of the index costs as much as putting it in.
"""

from sqlalchemy import bindparam, delete, select, text

from server.db.database import Reader, Writer
from server.db.statement import Statement
from server.store import index, objects, schema, virtual_members
from server.store.crashpoint import reach

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
    indexed = index.indexed(w)
    for content_id, digest, is_object, thread, head, body in rows:
        if head is not None and content_id <= indexed:
            index.remove(w, content_id, head, body)
        virtual_members.forget_content(w, content_id)
        w.run(_DELETE, content=content_id)
        if is_object:
            # The write lock is held: nobody can be storing the same octets now.
            objects.remove(w.folder, digest)
            reach("collect.object_removed")
        if w.run(_THREAD, thread=thread).fetchone() is None:
            w.run(_FORGET_THREAD, thread=thread)
    return len(rows)
