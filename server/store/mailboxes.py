"""The mailboxes of an account: names, special uses, subscriptions, counters (RFC 9051 §6.3, RFC 6154).

Names are Unicode in NFC with `/` between levels; INBOX is one mailbox in any case of its letters. What a name stands
below exists too: creating makes the missing ones, and one that has others below it cannot be deleted. Virtual mailboxes are
listed among the others; what would change them as if they were real raises IsVirtual.
"""

import unicodedata
from typing import Any

from sqlalchemy import Select, bindparam, func, insert, or_, select, update
from sqlalchemy import delete as sql_delete

from server.db.database import Reader, Writer
from server.db.statement import Statement
from server.store import acl, annotations, changes, collect, schema
from server.store.copy import move_all
from server.store.errors import CannotDelete, HasChildren, IsVirtual, MailboxExists, NameInvalid, NoSuchMailbox
from server.store.model import Mailbox, Status
from server.store.model import mailbox_id as object_id

SEPARATOR = "/"
OTHER_USERS = "Other Users"
"""Below this name stand the mailboxes of others (RFC 2342); an account has none of its own there."""
INBOX = "INBOX"
NAME_LENGTH = 500
LEVELS = 32
MAILBOXES = 10_000

box, sub, place, content = schema.mailbox, schema.subscription, schema.placement, schema.content
virtual = schema.virtual_mailbox


def _select() -> Select[Any]:
    subscribed = select(sub.c.name).where(sub.c.name == box.c.name).exists()
    return select(
        box.c.id, box.c.name, box.c.uidvalidity, box.c.uidnext, box.c.highestmodseq, box.c.special_use, subscribed,
        virtual.c.rule,
    ).join_from(box, virtual, virtual.c.mailbox_id == box.c.id, isouter=True)  # fmt: skip


_ALL = Statement(_select().order_by(box.c.name))
_LOST = Statement(select(sub.c.name).where(sub.c.name.not_in(select(box.c.name))).order_by(sub.c.name))
_BY_NAME = Statement(_select().where(box.c.name == bindparam("name")))
_BY_ID = Statement(_select().where(box.c.id == bindparam("id")))
_BY_USE = Statement(_select().where(box.c.special_use == bindparam("use")))
_STATUS = Statement(
    select(
        box.c.messages, box.c.unseen, box.c.deleted, box.c.size, box.c.uidnext, box.c.uidvalidity, box.c.highestmodseq
    ).where(box.c.id == bindparam("id"))
)
_VALIDITY = Statement(
    update(schema.state).values(uidvalidity=schema.state.c.uidvalidity + 1).returning(schema.state.c.uidvalidity)
)


def _mailbox(row: tuple[Any, ...]) -> Mailbox:
    number, name, uidvalidity, uidnext, highest, use, subscribed, rule = row
    return Mailbox(number, name, uidvalidity, uidnext, highest, use, bool(subscribed), object_id(number), rule)


def canonical(name: str) -> str:
    """Return the one spelling of a mailbox name.

    Raises:
        NameInvalid: Empty, too long, too deep, an empty level, control characters, or half a surrogate pair.
    """
    name = unicodedata.normalize("NFC", name)
    levels = name.split(SEPARATOR)
    # RFC 9051 §5.1: INBOX is special in any case, on the first level only.
    if levels[0].upper() == INBOX:
        levels[0] = INBOX
    if not all(levels) or len(levels) > LEVELS or len(name.encode("utf-8", "replace")) > NAME_LENGTH:
        raise NameInvalid(name[:NAME_LENGTH])
    # RFC 9051 §5.1, RFC 5198 §2: no control characters, no line or paragraph separators.
    if any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in name):
        raise NameInvalid(repr(name[:NAME_LENGTH]))
    return SEPARATOR.join(levels)


def list_all(r: Reader) -> list[Mailbox]:
    """Return every mailbox, ordered by name."""
    return [_mailbox(row) for row in r.run(_ALL).fetchall()]


def find(r: Reader, name: str) -> Mailbox | None:
    """Return the mailbox of that name, or None."""
    try:
        row = r.run(_BY_NAME, name=canonical(name)).fetchone()
    except NameInvalid:
        return None
    return _mailbox(row) if row else None


def by_name(r: Reader, name: str) -> Mailbox:
    """Return the mailbox of that name; raises NoSuchMailbox."""
    found = find(r, name)
    if found is None:
        raise NoSuchMailbox(name[:NAME_LENGTH])
    return found


def real(r: Reader, name: str) -> Mailbox:
    """Return the mailbox of that name, if mail can be put into it; raises NoSuchMailbox, IsVirtual."""
    found = by_name(r, name)
    if found.rule is not None:
        raise IsVirtual(found.name)
    return found


def by_id(r: Reader, mailbox_id: int) -> Mailbox:
    """Return the mailbox with that id; raises NoSuchMailbox."""
    row = r.run(_BY_ID, id=mailbox_id).fetchone()
    if row is None:
        raise NoSuchMailbox(str(mailbox_id))
    return _mailbox(row)


def is_there(r: Reader, mailbox_id: int) -> bool:
    """Say whether there is a mailbox with that id."""
    return r.run(_BY_ID, id=mailbox_id).fetchone() is not None


def by_special_use(r: Reader, use: str) -> Mailbox | None:
    r"""Return the mailbox with a special use such as `\Sent`, if the account has one."""
    row = r.run(_BY_USE, use=use).fetchone()
    return _mailbox(row) if row else None


def status(r: Reader, mailbox_id: int) -> Status:
    """Return the counters of a mailbox, at the same cost at any size."""
    row = r.run(_STATUS, id=mailbox_id).fetchone()
    if row is None:
        raise NoSuchMailbox(str(mailbox_id))
    return Status(*row)


def create(w: Writer, name: str, special_use: str | None = None) -> Mailbox:
    """Make a mailbox, and those above it that are missing.

    Raises:
        MailboxExists: The name is taken, or the special use is.
        NameInvalid: The name cannot be one, or there are too many mailboxes.
        IsVirtual: It would be below a virtual one.
    """
    name = canonical(name.removesuffix(SEPARATOR))  # RFC 9051 §6.3.4: a trailing separator announces children
    _require_own(name)
    if find(w, name) is not None:
        raise MailboxExists(name)
    if special_use is not None and by_special_use(w, special_use) is not None:
        raise MailboxExists(special_use)
    _make_parents(w, name)
    made = insert_row(w, name, special_use)
    _require_few(w)
    return made


def _require_few(r: Reader) -> None:
    """Look, after mailboxes were made, whether there are too many: what this refuses is undone with its transaction."""
    if r.execute(select(func.count()).select_from(box)).scalar_one() > MAILBOXES:
        raise NameInvalid(f"an account has {MAILBOXES} mailboxes at most")


def _require_own(name: str) -> None:
    if name.partition(SEPARATOR)[0].casefold() == OTHER_USERS.casefold():
        raise NameInvalid(f"{OTHER_USERS} is where the mailboxes of others are")


def _make_parents(w: Writer, name: str) -> None:
    # RFC 9051 §6.3.4: the server SHOULD create superior names that are needed.
    levels = name.split(SEPARATOR)
    made = False
    for depth in range(1, len(levels)):
        parent = SEPARATOR.join(levels[:depth])
        above = find(w, parent)
        if above is None:
            insert_row(w, parent, None)
            made = True
        elif above.rule is not None:
            raise IsVirtual(parent)
    if made:
        _require_few(w)


def insert_row(w: Writer, name: str, special_use: str | None) -> Mailbox:
    """Make an empty mailbox of a name and a use that are free and a name that is canonical."""
    modseq = changes.next_modseq(w)
    # RFC 9051 §2.3.1.1: a mailbox made under an old name must not look like the old one; the value only ever grows.
    (uidvalidity,) = w.run(_VALIDITY).fetchone()
    values = {
        "name": name, "special_use": special_use, "uidvalidity": uidvalidity, "uidnext": 1, "highestmodseq": modseq,
        "messages": 0, "unseen": 0, "deleted": 0, "size": 0,
    }  # fmt: skip
    number = w.execute(insert(box), values).lastrowid
    parent = name.rpartition(SEPARATOR)[0]
    if parent:
        acl.inherit(w, number, parent)
    return by_id(w, number)


def rename(w: Writer, old: str, new: str) -> Mailbox:
    """Give a mailbox, and all below it, another name. INBOX instead hands its messages to a new mailbox.

    Raises:
        NoSuchMailbox, MailboxExists, NameInvalid, IsVirtual
    """
    source = real(w, old)
    name = canonical(new.removesuffix(SEPARATOR))
    _require_own(name)
    if find(w, name) is not None:
        raise MailboxExists(name)
    if source.name == INBOX:
        # RFC 9051 §6.3.6: renaming INBOX moves its messages and leaves it empty; what is below it stays.
        target = create(w, name)
        move_all(w, source.id, target.id)
        annotations.copy(w, source.id, target.id)  # RFC 5464 §4.1: INBOX keeps its own
        return by_id(w, target.id)
    if name.startswith(source.name + SEPARATOR):
        raise NameInvalid("a mailbox cannot be put below itself")
    _make_parents(w, name)
    for child in _tree(w, source.name):
        renamed = canonical(name + child.name[len(source.name) :])
        if child.id != source.id and find(w, renamed) is not None:
            raise MailboxExists(renamed)
        modseq = changes.next_modseq(w)
        w.execute(update(box).where(box.c.id == child.id).values(name=renamed, highestmodseq=modseq))
        if child.subscribed:
            subscribe(w, child.name, subscribed=False)
            subscribe(w, renamed, subscribed=True)
    return by_id(w, source.id)


def _tree(r: Reader, name: str) -> list[Mailbox]:
    prefix = name + SEPARATOR
    below = or_(box.c.name == name, func.substr(box.c.name, 1, len(prefix)) == prefix)
    return [_mailbox(tuple(row)) for row in r.execute(_select().where(below).order_by(box.c.name)).all()]


def delete(w: Writer, name: str) -> None:
    """Delete a mailbox with its messages. The name stays subscribed if it was.

    Raises:
        NoSuchMailbox: There is none.
        HasChildren: Mailboxes below it must go first.
        CannotDelete: It is INBOX.
        IsVirtual: It is a view.
    """
    doomed = real(w, name)
    if doomed.name == INBOX:
        raise CannotDelete("INBOX is always there")  # RFC 9051 §6.3.5
    if len(_tree(w, doomed.name)) > 1:
        raise HasChildren(doomed.name)
    changes.next_modseq(w)
    here = place.c.mailbox_id == doomed.id
    held = select(func.count()).where(here, place.c.content_id == content.c.id).scalar_subquery()
    ids = select(place.c.content_id).where(here)
    w.execute(update(content).where(content.c.id.in_(ids)).values(holders=content.c.holders - held))
    w.execute(sql_delete(place).where(here))
    w.execute(sql_delete(box).where(box.c.id == doomed.id))
    w.execute(update(virtual).values(dropped=True))
    w.leave_chore(collect.CHORE)


def subscribe(w: Writer, name: str, subscribed: bool) -> None:
    """Put a name on the list of subscriptions or take it off.

    Raises:
        NoSuchMailbox: A name without a mailbox cannot be put on the list (RFC 9051 §6.3.7 leaves that to us).
    """
    if subscribed and find(w, name) is None:
        raise NoSuchMailbox(canonical(name))
    put_on_list(w, name, subscribed)


def put_on_list(w: Writer, name: str, subscribed: bool) -> None:
    """As `subscribe`, of the name of another account's mailbox: whether it is there is not for this account to say."""
    name = canonical(name)
    is_listed = w.execute(select(sub.c.name).where(sub.c.name == name)).first() is not None
    if subscribed == is_listed:
        return
    if subscribed:
        w.execute(insert(sub), {"name": name})
    else:
        w.execute(sql_delete(sub).where(sub.c.name == name))
    changes.next_modseq(w)  # so that those who watch the list are told (RFC 5465 §5.5)


def lost_subscriptions(r: Reader) -> list[str]:
    r"""Return the subscribed names that have no mailbox (LSUB, LIST (SUBSCRIBED) show them as \NonExistent)."""
    return [name for (name,) in r.run(_LOST)]
