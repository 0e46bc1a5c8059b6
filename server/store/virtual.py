r"""Which virtual mailboxes an account has: all mail, unread, flagged, and one for each label (RFC 6154 §2 \All, \Flagged).

A virtual mailbox is a row of `mailbox` with a rule beside it, so that it is listed, selected, searched and fetched like any
other; its messages are placements of the same contents (`virtual_refresh`). `arrange` makes the rows that are missing and takes
away those that are not wanted; nothing else knows whether the house has them. A name that a person's own mailbox has is left
to it. Labels are the keywords that people give; what programs keep among themselves is none.

Invariants: one row a rule, one a keyword; a name is given once and kept; Junk and Trash are no part of any of them.
"""

from collections.abc import Collection

from sqlalchemy import delete, func, insert, select

from server.db.database import Reader, Writer
from server.db.statement import Statement
from server.store import changes, flag_set, mailboxes, schema, virtual_members
from server.store.errors import CannotDelete, NameInvalid
from server.store.model import Mailbox
from server.store.standing import Standing

ALL, UNSEEN, FLAGGED, KEYWORD = "all", "unseen", "flagged", "keyword"
LABELS = "labels"
"""What the labels stand below: a name that cannot be selected."""

LABELS_NAME = "Labels"
LABELS_AT_MOST = 100
_FIXED = ((ALL, "All Mail", "\\All"), (FLAGGED, "Flagged", "\\Flagged"), (UNSEEN, "Unread", None))
_PROGRAMS_OWN = frozenset(
    {
        "forwarded", "junk", "junkrecorded", "mdnsent", "nonjunk", "notjunk", "old", "receipt-handled", "redirected",
        "unseen", "xnotjunk",
    }
)  # fmt: skip

NOT_BEGUN = -(2**62)
"""In `built`, where no message has been looked at yet."""

box, row, keyword, place = schema.mailbox, schema.virtual_mailbox, schema.keyword, schema.placement


def is_label(word: str) -> bool:
    """Say whether a keyword is one that a person gives, and not one of IANA's or of a program."""
    return not word.startswith("$") and word.lower() not in _PROGRAMS_OWN


def is_only_a_name(mailbox: Mailbox | Standing) -> bool:
    """Say whether it is there for others to stand below, and cannot be selected."""
    return mailbox.rule == LABELS


def _missing(r: Reader, present: Collection[tuple[str, str | None]]) -> set[tuple[str, str | None]]:
    words: list[str | None] = [word for word in flag_set.keywords(r) if is_label(word)]
    wanted = {(rule, None) for rule, _, _ in _FIXED} | ({(LABELS, None)} if words else set())
    # A label keeps its place when there is one more that comes before it in the alphabet.
    room = LABELS_AT_MOST - sum(rule == KEYWORD for rule, _ in present)
    labels = [(KEYWORD, word) for word in words if (KEYWORD, word) not in present]
    return wanted.difference(present).union(labels[: max(room, 0)])


_PRESENT = Statement(select(row.c.mailbox_id, row.c.rule, row.c.keyword))


def _present(r: Reader) -> dict[tuple[str, str | None], int]:
    return {(rule, word): number for number, rule, word in r.run(_PRESENT)}


def is_arranged(r: Reader, *, wanted: bool) -> bool:
    """Say whether `arrange` would have nothing to do."""
    present = _present(r)
    return not present if not wanted else not _missing(r, present)


def arrange(w: Writer, *, wanted: bool) -> None:
    """Make the virtual mailboxes that are missing; or, where they are not wanted, take all of them away."""
    present = _present(w)
    if not wanted:
        for number in present.values():
            _remove(w, number)
        return
    missing = _missing(w, present)
    for rule, name, use in _FIXED:
        if (rule, None) in missing:
            _add(w, name, use, rule, None)
    if (LABELS, None) in missing:
        present[LABELS, None] = _add(w, LABELS_NAME, None, LABELS, None)
    for word in sorted(word for rule, word in missing if rule == KEYWORD and word is not None):
        root = mailboxes.by_id(w, present[LABELS, None]).name
        _add(w, root + mailboxes.SEPARATOR + word.replace(mailboxes.SEPARATOR, "_"), None, KEYWORD, word)


def _add(w: Writer, name: str, use: str | None, rule: str, word: str | None) -> int:
    made = mailboxes.insert_row(w, _free(w, name), use)
    values = {
        "mailbox_id": made.id, "rule": rule, "keyword": word, "seen": 0, "dropped": False,
        "built": None if rule == LABELS else NOT_BEGUN,
    }  # fmt: skip
    w.execute(insert(row), values)
    return made.id


def _free(w: Writer, name: str) -> str:
    """The name, or the nearest that no mailbox has: a person's own mailboxes were there first."""
    for candidate in (name, f"{name} (virtual)", *(f"{name} (virtual {n})" for n in range(2, mailboxes.MAILBOXES))):
        if mailboxes.find(w, candidate) is None:
            return mailboxes.canonical(candidate)
    raise NameInvalid(name)


def _remove(w: Writer, number: int) -> None:
    changes.next_modseq(w)
    virtual_members.remove_all(w, number)
    w.execute(delete(row).where(row.c.mailbox_id == number))
    w.execute(delete(box).where(box.c.id == number))


def delete_label(w: Writer, label: Mailbox) -> None:
    """Forget a label that no message has, in whatever mailbox.

    Raises:
        CannotDelete: Messages have it, or it is no label.
    """
    word = w.execute(select(row.c.keyword).where(row.c.mailbox_id == label.id)).scalar_one_or_none()
    real = place.c.mailbox_id.not_in(select(row.c.mailbox_id))
    if word is None:
        raise CannotDelete(label.name)
    if w.execute(select(place.c.uid).where(real, func.instr(place.c.keywords, f" {word} ") > 0).limit(1)).first():
        raise CannotDelete(label.name)
    w.execute(delete(keyword).where(keyword.c.folded == word.lower()))
    _remove(w, label.id)
