"""Access control lists: who else may do what with a mailbox (RFC 4314).

Invariants: the owner of the account has every right and stands in no list; whoever has no row of a mailbox, and is not let in by
that of everybody, has none. A list belongs to its mailbox: a new name does not change it, with the mailbox it goes, and what is
made below a mailbox begins with the same list (RFC 4314 §4). Every change wakes the sessions of the account.
"""

from dataclasses import dataclass

from sqlalchemy import bindparam, delete, insert, or_, select

from server.db.database import Reader, Writer
from server.db.statement import Statement
from server.store import changes, schema
from server.store.errors import TooManyEntries
from server.store.rights import NONE, Rights, write_down

ANYONE = 0
"""The grantee that stands for everybody with an account here; nobody is let in without one."""
ENTRIES = 1_000
"""Rows of one mailbox's list."""

acl, box = schema.acl, schema.mailbox

_APPLIES = or_(acl.c.grantee == ANYONE, acl.c.grantee == bindparam("grantee"))
_RIGHTS = Statement(
    select(acl.c.negative, acl.c.rights).where(acl.c.mailbox_id == bindparam("mailbox"), _APPLIES),
)
_GRANTED = Statement(select(acl.c.mailbox_id, acl.c.negative, acl.c.rights).where(_APPLIES))
_PARENT = Statement(
    select(acl.c.grantee, acl.c.negative, acl.c.rights)
    .join_from(acl, box, box.c.id == acl.c.mailbox_id)
    .where(box.c.name == bindparam("parent"))
)
_INSERT = Statement(insert(acl).values({column.name: bindparam(column.name) for column in acl.c}))


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a list."""

    grantee: int
    negative: bool
    rights: Rights


def rights(r: Reader, mailbox_id: int, grantee: int) -> Rights:
    """Return what an account other than the owner may do: its own rights and everybody's, less what negative lines take away."""
    return _sum(r.run(_RIGHTS, mailbox=mailbox_id, grantee=grantee).fetchall())


def granted(r: Reader, grantee: int) -> dict[int, Rights]:
    """Return the same for every mailbox of the account on which there are any rights."""
    lines: dict[int, list[tuple[bool, str]]] = {}
    for mailbox_id, negative, letters in r.run(_GRANTED, grantee=grantee).fetchall():
        lines.setdefault(mailbox_id, []).append((negative, letters))
    found = {mailbox_id: _sum(several) for mailbox_id, several in lines.items()}
    return {mailbox_id: held for mailbox_id, held in found.items() if held}


def _sum(lines: list[tuple[bool, str]]) -> Rights:
    if not lines:
        return NONE
    given = {letter for negative, letters in lines if not negative for letter in letters}
    return frozenset(given.difference(*(letters for negative, letters in lines if negative)))


def entries(r: Reader, mailbox_id: int) -> list[Entry]:
    """Return a mailbox's list."""
    query = select(acl.c.grantee, acl.c.negative, acl.c.rights).where(acl.c.mailbox_id == mailbox_id)
    rows = r.execute(query.order_by(acl.c.grantee, acl.c.negative))
    return [Entry(row.grantee, bool(row.negative), frozenset(row.rights)) for row in rows]


def put(w: Writer, mailbox_id: int, entry: Entry) -> None:
    """Set one line; one without rights is taken out. Raises TooManyEntries."""
    one = (acl.c.mailbox_id == mailbox_id, acl.c.grantee == entry.grantee, acl.c.negative == entry.negative)
    w.execute(delete(acl).where(*one))
    if entry.rights:
        if len(entries(w, mailbox_id)) >= ENTRIES:
            raise TooManyEntries(f"{ENTRIES} lines")
        letters = write_down(entry.rights)
        w.run(_INSERT, mailbox_id=mailbox_id, grantee=entry.grantee, negative=entry.negative, rights=letters)
    changes.next_modseq(w)


def inherit(w: Writer, mailbox_id: int, parent: str) -> None:
    """Give a mailbox that is being made the list of the one above it."""
    # RFC 4314 §4, CREATE: a new mailbox SHOULD inherit the list of its parent.
    for grantee, negative, letters in w.run(_PARENT, parent=parent).fetchall():
        w.run(_INSERT, mailbox_id=mailbox_id, grantee=grantee, negative=negative, rights=letters)


def grantees(r: Reader) -> set[int]:
    """Return to whom the account has given any right on any mailbox."""
    return set(r.execute(select(acl.c.grantee).where(~acl.c.negative).distinct()).scalars())
