"""What THREAD reads of a message (RFC 5256): its base subject, its own id and the ids it refers to. Its own small schema.

Beside the wide rows that lists and searches read, so that threading a mailbox touches a few octets of each message. Which conversation
a message belongs to, as the webmail shows it, is another matter and decided at append (`conversation`).

Invariants: a content has one row, made in the transaction that made the content; ids are stored as `ID` octets each, the message's own
first (zeros for none), then its references, the parent last.
"""

from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from server.db.database import Reader, Writer
from server.db.schema import Schema
from server.mail import message_id, subject
from server.mail.header import HeaderBlock
from server.store.fold import hash_of

ID = 8
REFERENCES = 100
"""Of more the first and the nearest are kept, as programs that write long chains do themselves."""

METADATA = sa.MetaData()

lineage = sa.Table(
    "lineage",
    METADATA,
    sa.Column("content_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("subject", sa.Integer, nullable=False),  # a hash, negative for a reply or forward; 0 for an empty subject
    sa.Column("ids", sa.LargeBinary, nullable=False),
)
# A table of another owner cannot be named in Core here. The row goes with its content.
_TABLE = (
    "CREATE TABLE lineage (content_id INTEGER NOT NULL PRIMARY KEY REFERENCES content(id) ON DELETE CASCADE,"
    " subject INTEGER NOT NULL, ids BLOB NOT NULL)"
)
_ADD = "INSERT INTO lineage VALUES (?, ?, ?)"
# Mail of before there was this table: all that is known of its references is the nearest.
_OLD_MAIL = "SELECT content_id, message_hash, parent_hash, subject_hash, subject FROM facet"


def of(block: HeaderBlock, base: str, *, is_reply: bool) -> tuple[int, bytes]:
    """Return what is stored of a message: the columns `subject` and `ids`.

    Args:
        block: Its header.
        base: Its base subject, folded.
        is_reply: Whether the subject is that of a reply or forward.
    """
    own = message_id.valid(block.get("message-id") or b"")[:1]
    # RFC 5256 §3: In-Reply-To counts only where References has no valid id, and its first one alone.
    others = message_id.valid(block.get("references") or b"") or message_id.valid(block.get("in-reply-to") or b"")[:1]
    if len(others) > REFERENCES:
        others = others[:1] + others[1 - REFERENCES :]
    return _subject(hash_of(base) if base else None, is_reply=is_reply), _ids(
        hash_of(own[0]) if own else None, [hash_of(name) for name in others]
    )


def _subject(number: int | None, *, is_reply: bool) -> int:
    return 0 if number is None else -number if is_reply else number


def _ids(own: int | None, others: Sequence[int]) -> bytes:
    return b"".join([(number or 0).to_bytes(ID, "big") for number in (own, *others)])


def add(w: Writer, content_id: int, row: tuple[int, bytes]) -> None:
    """Store the row of a message."""
    w.raw(_ADD, (content_id, *row))


def _first(w: Writer) -> None:
    w.raw_many(_ADD, _old_rows(w))


def _old_rows(r: Reader) -> Iterator[tuple[int, int, bytes]]:
    for content_id, own, parent, subject_hash, text in r.raw(_OLD_MAIL):
        is_reply = subject.is_reply(text.partition("\n")[0])
        yield content_id, _subject(subject_hash, is_reply=is_reply), _ids(own, [] if parent is None else [parent])


SCHEMA = Schema(owner="lineage", version=1, metadata=sa.MetaData(), extra=(_TABLE,), first=_first)
