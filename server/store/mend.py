"""How `verify --repair` mends each kind of finding.

What holds is recomputed from what is certain: the placements and the octets. Nothing readable is thrown away.
"""

from collections.abc import Callable

from sqlalchemy import ColumnElement, ScalarSelect, case, delete, func, or_, select, update

from server.db.database import Writer
from server.store import append, changes, collect, index, messages, objects, schema, virtual_refresh
from server.store.audit import IS_REAL, members, orphans
from server.store.errors import NoSuchMessage
from server.store.lineage import lineage
from server.store.prepare import prepare
from server.store.rights import ALL, write_down

box, place, content, gone = schema.mailbox, schema.placement, schema.content, schema.vanished
state, acl = schema.state, schema.acl
TEXTS = (schema.facet, schema.folded, lineage)


def file(w: Writer) -> None:
    """Build SQLite's own indexes anew; damaged table pages stay for a backup to replace."""
    w.raw("REINDEX")


def virtual(w: Writer) -> None:
    """Empty the virtual mailboxes that are wrong; they fill again when somebody looks."""
    for finding in list(members(w)):
        virtual_refresh.rebuild(w, int(finding.subject))


def counters(w: Writer) -> None:
    """Count every mailbox anew."""
    here = place.c.mailbox_id == box.c.id
    seen, deleted = place.c.flags.op("&")(schema.SEEN) != 0, place.c.flags.op("&")(schema.DELETED) != 0

    def total(what: ColumnElement[int]) -> ScalarSelect[int]:
        return select(func.coalesce(func.sum(what), 0)).where(here).scalar_subquery()

    top = max(
        changes.account_modseq(w),
        w.execute(select(func.coalesce(func.max(place.c.modseq), 0))).scalar_one(),
        w.execute(select(func.coalesce(func.max(box.c.highestmodseq), 0))).scalar_one(),
    )
    w.execute(update(state).values(modseq=top))
    modseq = changes.next_modseq(w)
    w.execute(
        update(box).values(
            messages=select(func.count()).where(here).scalar_subquery(),
            unseen=total(case((seen, 0), else_=1)),
            deleted=total(case((deleted, 1), else_=0)),
            size=total(place.c.size),
            highestmodseq=modseq,
        )
    )


def uids(w: Writer) -> None:
    """Make uidnext and the log of what went fit the messages; sessions hear of the newly logged as expunged now."""
    modseq = changes.next_modseq(w)
    for number, kept in list(w.tuples(select(box.c.id, box.c.uidnext))):
        here = {uid for (uid,) in w.tuples(select(place.c.uid).where(place.c.mailbox_id == number))}
        uidnext = max(kept, max(here, default=0) + 1)
        w.execute(update(box).where(box.c.id == number).values(uidnext=uidnext, highestmodseq=modseq))
        logged = _trim_log(w, number, here, uidnext)
        missing = [uid for uid in range(1, uidnext) if uid not in here and uid not in logged]
        changes.record_vanished(w, number, modseq, missing)


def _trim_log(w: Writer, number: int, here: set[int], uidnext: int) -> set[int]:
    """Take out of a mailbox's log what contradicts its messages; return the uids that stay in it."""
    logged: set[int] = set()
    runs = w.tuples(select(gone.c.modseq, gone.c.first, gone.c.last).where(gone.c.mailbox_id == number))
    for at, first, last in list(runs):
        run = set(range(first, last + 1))
        if run & here or run & logged or last >= uidnext:
            w.execute(delete(gone).where(gone.c.mailbox_id == number, gone.c.modseq == at, gone.c.first == first))
        else:
            logged |= run
    return logged


def holders(w: Writer) -> None:
    """Count the placements of every content anew; what nobody holds is cleared up."""
    held = select(func.count()).where(place.c.content_id == content.c.id, IS_REAL).scalar_subquery()
    w.execute(update(content).values(holders=held).where(content.c.holders != held))
    while collect.collect(w):
        pass


def texts(w: Writer) -> None:
    """Read messages again whose rows for sorting and searching are lost."""
    lost = select(content.c.id).where(
        content.c.holders > 0,
        or_(*[content.c.id.not_in(select(table.c.content_id)) for table in TEXTS]),
    )
    for number in w.execute(lost).scalars().all():
        try:
            message = prepare(messages.raw(w, number))
        except NoSuchMessage:
            continue  # its octets are lost, which is reported
        for table in TEXTS:
            w.execute(delete(table).where(table.c.content_id == number))
        append.insert_texts(w, number, message)
    forget_index(w)


def lists(w: Writer) -> None:
    """Take out of the access control lists what gives nothing; rights that there are stay."""
    w.execute(delete(acl).where(acl.c.mailbox_id.not_in(select(box.c.id))))
    for number, grantee, negative, letters in list(w.tuples(select(acl))):
        here = (acl.c.mailbox_id == number, acl.c.grantee == grantee, acl.c.negative == negative)
        kept = write_down(ALL.intersection(letters))
        if not kept:
            w.execute(delete(acl).where(*here))
        elif kept != letters:
            w.execute(update(acl).where(*here).values(rights=kept))


def forget_index(w: Writer) -> None:
    """Empty both indexes; they are filled again from the texts, batch by batch."""
    w.raw("INSERT INTO trigram(trigram) VALUES ('delete-all')")
    w.raw("INSERT INTO bigram(bigram) VALUES ('delete-all')")
    w.execute(update(state).values(indexed=0))
    w.leave_chore(index.CHORE)


def remove_orphans(w: Writer, now: float) -> None:
    """Remove the files that no row points at. The write lock is held: none of them can be getting its row now."""
    for finding in list(orphans(w, now)):
        (w.folder / objects.FOLDER / finding.subject[:2] / finding.subject).unlink(missing_ok=True)


MENDS: dict[str, Callable[[Writer], None]] = {
    "file": file,
    "virtual": virtual,
    "counters": counters,
    "uids": uids,
    "holders": holders,
    "texts": texts,
    "index": forget_index,
    "acl": lists,
}
