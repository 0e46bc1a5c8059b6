"""What clients note down about mailboxes, and about the server (RFC 5464).

An entry is a path such as `/private/comment`, in small letters (names are case-insensitive); a value is any octets. Annotations of a
mailbox follow it when it is renamed and go when it goes. They count in no quota, so they have limits of their own.
"""

from collections.abc import Collection, Mapping

from sqlalchemy import bindparam, delete, func, insert, select, update

from server.db.database import Reader, Writer
from server.db.statement import Statement
from server.store import changes, schema
from server.store.errors import AnnotationTooBig, TooManyAnnotations

VALUE_SIZE = 32 * 1024
"""Octets of one value; RFC 5464 §4.1 wants 1024 at least."""
ENTRIES = 100
"""Annotations of one mailbox, or of the server; RFC 5464 §4.1 wants 10 at least."""
ACCOUNT_SIZE = 16 * 2**20
"""Octets of all values of an account."""

CHANGES = 1_000
"""Changes that are remembered for those who watch."""

note, change = schema.annotation, schema.annotation_change
_HERE = note.c.mailbox_id.is_not_distinct_from(bindparam("mailbox"))

_OF = Statement(select(note.c.entry, note.c.value).where(_HERE).order_by(note.c.entry))
_COUNT = Statement(select(func.count()).where(_HERE))
_SIZE = Statement(select(func.coalesce(func.sum(func.length(note.c.value)), 0)))
_CHANGE = Statement(
    update(note).where(_HERE, note.c.entry == bindparam("which")).values(value=bindparam("octets")).returning(note.c.id)
)
_ADD = Statement(
    insert(note).values(mailbox_id=bindparam("mailbox"), entry=bindparam("entry"), value=bindparam("value"))
)
_REMOVE = Statement(delete(note).where(_HERE, note.c.entry == bindparam("which")).returning(note.c.id))
_CHANGED = Statement(
    select(change.c.mailbox_id, change.c.entry, change.c.modseq)
    .where(change.c.modseq > bindparam("since"))
    .order_by(change.c.modseq, change.c.mailbox_id, change.c.entry)
)
_RECORD = Statement(
    insert(change)
    .prefix_with("OR REPLACE")
    .values(mailbox_id=bindparam("mailbox"), entry=bindparam("entry"), modseq=bindparam("modseq"))
)
_OLDEST = Statement(select(change.c.modseq).order_by(change.c.modseq.desc()).limit(1).offset(CHANGES - 1))
_FORGET = Statement(delete(change).where(change.c.modseq < bindparam("oldest")))


def below(r: Reader, mailbox_id: int | None, entries: Collection[str], depth: int | None = 0) -> dict[str, bytes]:
    """Return annotations by their entries.

    Args:
        r: A transaction of the account.
        mailbox_id: Of which mailbox; None for the server.
        entries: Which are wanted, in small letters.
        depth: How many levels below those are wanted too; None for all of them (RFC 5464 §4.2.2).
    """
    return {
        entry: value
        for entry, value in r.run(_OF, mailbox=mailbox_id).fetchall()
        if any(_is_within(entry, top, depth) for top in entries)
    }


def _is_within(entry: str, top: str, depth: int | None) -> bool:
    if entry == top:
        return True
    return entry.startswith(top + "/") and (depth is None or entry[len(top) :].count("/") <= depth)


def is_private(entry: str) -> bool:
    """Say whether an entry is one of those that every person has for himself (RFC 5464 §3.1)."""
    return entry == "/private" or entry.startswith("/private/")


def of_mailboxes(r: Reader, entries: Collection[str]) -> dict[int, dict[str, bytes]]:
    """Return those of all mailboxes that have one of these entries."""
    rows = r.tuples(
        select(note.c.mailbox_id, note.c.entry, note.c.value).where(
            note.c.mailbox_id.is_not(None), note.c.entry.in_(list(entries))
        )
    )
    found: dict[int, dict[str, bytes]] = {}
    for mailbox_id, entry, value in rows:
        found.setdefault(mailbox_id, {})[entry] = value
    return found


def put(w: Writer, mailbox_id: int | None, values: Mapping[str, bytes | None]) -> None:
    """Set annotations, or remove those whose value is None.

    Raises:
        AnnotationTooBig, TooManyAnnotations: Nothing has been changed (RFC 5464 §4.3).
    """
    if any(value is not None and len(value) > VALUE_SIZE for value in values.values()):
        raise AnnotationTooBig(str(VALUE_SIZE))
    grows = False
    changed = []
    for entry, value in values.items():
        if value is None:
            if w.run(_REMOVE, mailbox=mailbox_id, which=entry).fetchone() is not None:
                changed.append(entry)
            continue
        grows = True
        changed.append(entry)
        if w.run(_CHANGE, mailbox=mailbox_id, which=entry, octets=value).fetchone() is None:
            w.run(_ADD, mailbox=mailbox_id, entry=entry, value=value)
    if grows and (
        w.run(_COUNT, mailbox=mailbox_id).fetchone()[0] > ENTRIES or w.run(_SIZE).fetchone()[0] > ACCOUNT_SIZE
    ):
        raise TooManyAnnotations(str(mailbox_id))
    _record(w, mailbox_id, changed)


def copy(w: Writer, mailbox_id: int, target_id: int) -> None:
    """Give another mailbox, which has none, the same annotations."""
    found = w.run(_OF, mailbox=mailbox_id).fetchall()
    for entry, value in found:
        w.run(_ADD, mailbox=target_id, entry=entry, value=value)
    _record(w, target_id, [entry for entry, _ in found])


def _record(w: Writer, mailbox_id: int | None, entries: Collection[str]) -> None:
    """Remember that these were changed, and tell those who watch (RFC 5465 §5.6)."""
    if not entries:
        return
    modseq = changes.next_modseq(w)
    w.run_many(_RECORD, [{"mailbox": mailbox_id or 0, "entry": entry, "modseq": modseq} for entry in entries])
    row = w.run(_OLDEST).fetchone()
    if row is not None:
        w.run(_FORGET, oldest=row[0])


def changed_since(r: Reader, modseq: int) -> list[tuple[int, str, int]]:
    """Return (mailbox id or 0 for the server, entry, mod-sequence) of what was changed; `CHANGES` of them may not be all."""
    return [tuple(row) for row in r.run(_CHANGED, since=modseq).fetchall()]
