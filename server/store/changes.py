"""Mod-sequences and what happened since one (RFC 7162).

The account has one counter; every change takes the next number, so a number names one change of the whole account.
"""

from sqlalchemy import bindparam, insert, select, update

from server.db.database import Reader, Writer
from server.db.statement import Statement
from server.store import flag_set, schema
from server.store.errors import NoSuchMailbox
from server.store.model import Delta

state, box, place, gone = schema.state, schema.mailbox, schema.placement, schema.vanished

_NEXT = Statement(update(state).where(state.c.id == 1).values(modseq=state.c.modseq + 1).returning(state.c.modseq))
_CURRENT = Statement(select(state.c.modseq))
_HEAD = Statement(select(box.c.highestmodseq, box.c.uidnext).where(box.c.id == bindparam("mailbox")))
_CHANGED = Statement(
    select(place.c.uid, place.c.flags, place.c.keywords, place.c.modseq, place.c.created)
    .where(place.c.mailbox_id == bindparam("mailbox"), place.c.modseq > bindparam("since"))
    .order_by(place.c.uid)
)
_VANISHED = Statement(
    select(gone.c.first, gone.c.last).where(
        gone.c.mailbox_id == bindparam("mailbox"), gone.c.modseq > bindparam("since")
    )
)
_ADD_VANISHED = Statement(
    insert(gone).values(
        mailbox_id=bindparam("mailbox"), modseq=bindparam("modseq"), first=bindparam("first"), last=bindparam("last")
    )
)


def next_modseq(w: Writer) -> int:
    """Take the number of a change that is being made; subscribers of the account hear of it after the commit."""
    (modseq,) = w.run(_NEXT).fetchone()
    w.changed(modseq)
    return int(modseq)


def account_modseq(r: Reader) -> int:
    """Return the number of the account's last change, mailboxes made, renamed and deleted included."""
    return int(r.run(_CURRENT).fetchone()[0])


def head(r: Reader, mailbox_id: int) -> tuple[int, int] | None:
    """Return highest mod-sequence and next uid of a mailbox; None when it is gone."""
    row = r.run(_HEAD, mailbox=mailbox_id).fetchone()
    return None if row is None else (row[0], row[1])


def record_vanished(w: Writer, mailbox_id: int, modseq: int, uids: list[int]) -> None:
    """Remember that `uids` (ascending) left the mailbox."""
    runs: list[dict[str, int]] = []
    for uid in uids:
        if runs and runs[-1]["last"] == uid - 1:
            runs[-1]["last"] = uid
        else:
            runs.append({"mailbox": mailbox_id, "modseq": modseq, "first": uid, "last": uid})
    w.run_many(_ADD_VANISHED, runs)


def since(r: Reader, mailbox_id: int, modseq: int) -> Delta:
    """Return what changed in a mailbox after `modseq`.

    A message that came and went in between is among `vanished` only. Raises NoSuchMailbox when the mailbox is gone.
    """
    head = r.run(_HEAD, mailbox=mailbox_id).fetchone()
    if head is None:
        raise NoSuchMailbox(str(mailbox_id))
    highest, uidnext = head
    changed: list[tuple[int, frozenset[str], int]] = []
    new: list[int] = []
    vanished: list[int] = []
    if highest > modseq:
        for uid, bits, words, at, created in r.run(_CHANGED, mailbox=mailbox_id, since=modseq).fetchall():
            if created > modseq:
                new.append(uid)
            else:
                changed.append((uid, flag_set.decode(bits, words), at))
        for first, last in r.run(_VANISHED, mailbox=mailbox_id, since=modseq).fetchall():
            vanished.extend(range(first, last + 1))
        vanished.sort()
    return Delta(highest, uidnext, changed, vanished, new)
