"""What a person does with messages: flags, moves, deletion, junk. Each tells how to take it back.

Invariants: nothing is removed for good but from Trash and Junk (and drafts thrown away); everything else is a move, and a move
is undone by moving back what COPYUID names (RFC 4315 §3). Names and UIDs of a request are checked before the first command.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from webmail import mailbox_list
from webmail.connection import Mail
from webmail.imap_command import flags as checked_flags
from webmail.mailbox_list import Mailbox
from webmail.message import Gone, select

MAX_MESSAGES = 10_000
BATCH = 500
FLAGS = {
    "read": ("\\Seen", True),
    "unread": ("\\Seen", False),
    "star": ("\\Flagged", True),
    "unstar": ("\\Flagged", False),
}
FOLDERS = {"archive": "archive", "delete": "trash", "junk": "junk", "notjunk": "inbox"}
"""Verb -> role of the mailbox that the messages go to."""
VERBS = (*FLAGS, *FOLDERS, "move", "label", "unlabel", "undo")
OPPOSITE = {
    "read": "unread",
    "unread": "read",
    "star": "unstar",
    "unstar": "star",
    "label": "unlabel",
    "unlabel": "label",
}
_DEFAULT_NAMES = {"archive": "Archive", "trash": "Trash", "junk": "Junk"}


class Refused(ValueError):
    """The wish makes no sense: an unknown verb, no messages, too many."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One action on messages of one mailbox.

    Attributes:
        target: For `move` and `undo` the mailbox; for `label` the keyword.
    """

    verb: str
    mailbox: str
    uidvalidity: int
    uids: tuple[int, ...]
    target: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """What was done, and the wish that takes it back (None when it cannot be)."""

    verb: str
    count: int
    target: str = ""
    undo: Wish | None = None
    forever: bool = False


def checked(verb: str, mailbox: str, uidvalidity: int, uids: Sequence[int], target: str) -> Wish:
    """Build a wish out of a request's words.

    Raises:
        Refused: See there.
    """
    if verb not in VERBS or not mailbox or not uids or len(uids) > MAX_MESSAGES:
        raise Refused
    if any(uid < 1 or uid > 0xFFFFFFFF for uid in uids):
        raise Refused
    if verb in ("move", "undo", "label", "unlabel") and not target:
        raise Refused
    if verb in ("label", "unlabel"):
        if target[:1] in ("\\", "$"):
            raise Refused
        checked_flags([target])
    return Wish(verb, mailbox, uidvalidity, tuple(dict.fromkeys(uids)), target)


def perform(mail: Mail, mailboxes: Sequence[Mailbox], wish: Wish) -> Done:
    """Carry it out.

    Raises:
        Gone: The mailbox is not what it was.
        MailRefused: The server said no; nothing more was tried.
    """
    if wish.verb in FLAGS:
        name, add = FLAGS[wish.verb]
        return _flag(mail, wish, name, add=add)
    if wish.verb in ("label", "unlabel"):
        return _flag(mail, wish, wish.target, add=wish.verb == "label")
    source = mailbox_list.by_name(mailboxes, wish.mailbox)
    if wish.verb == "delete" and source is not None and source.role in ("trash", "junk"):
        return _remove(mail, wish)
    return _move(mail, wish, _target(mail, mailboxes, wish))


def _target(mail: Mail, mailboxes: Sequence[Mailbox], wish: Wish) -> str:
    if wish.verb in ("move", "undo"):
        aim = mailbox_list.by_name(mailboxes, wish.target)
        if aim is None or aim.virtual:
            raise Gone
        return wish.target
    role = FOLDERS[wish.verb]
    found = mailbox_list.by_role(mailboxes, role)
    if found is not None:
        return found.name
    name = _DEFAULT_NAMES[role]
    mail.create(name)
    return name


def _flag(mail: Mail, wish: Wish, name: str, *, add: bool) -> Done:
    select(mail, wish.mailbox, wish.uidvalidity)
    for batch in _batches(wish.uids):
        mail.store(batch, [name], add=add)
    back = Wish(OPPOSITE[wish.verb], wish.mailbox, wish.uidvalidity, wish.uids, wish.target)
    return Done(wish.verb, len(wish.uids), wish.target, back)


def _move(mail: Mail, wish: Wish, target: str) -> Done:
    select(mail, wish.mailbox, wish.uidvalidity)
    if target == wish.mailbox:
        return Done(wish.verb, 0, target)
    uidvalidity = 0
    moved: list[int] = []
    if wish.verb in ("junk", "notjunk"):
        _mark_junk(mail, wish.uids, junk=wish.verb == "junk")
    for batch in _batches(wish.uids):
        copied = mail.move(batch, target)
        if copied is not None:
            uidvalidity = copied.uidvalidity
            moved.extend(copied.target)
    back = Wish("undo", target, uidvalidity, tuple(moved), wish.mailbox) if moved else None
    return Done(wish.verb, len(wish.uids), target, back)


def _mark_junk(mail: Mail, uids: Sequence[int], *, junk: bool) -> None:
    """Tell filters that learn: the registered keywords $Junk and $NotJunk."""
    for batch in _batches(uids):
        mail.store(batch, ["$NotJunk" if junk else "$Junk"], add=False)
        mail.store(batch, ["$Junk" if junk else "$NotJunk"], add=True)


def _remove(mail: Mail, wish: Wish) -> Done:
    select(mail, wish.mailbox, wish.uidvalidity)
    for batch in _batches(wish.uids):
        mail.delete(batch)
    return Done(wish.verb, len(wish.uids), forever=True)


def _batches(uids: Sequence[int]) -> list[Sequence[int]]:
    return [uids[start : start + BATCH] for start in range(0, len(uids), BATCH)]
