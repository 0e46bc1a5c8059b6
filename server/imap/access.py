"""Mailboxes of other accounts: the second namespace, where a name leads, and what a guest may do there (RFC 2342, RFC 4314).

`Other Users/alice@example.org/Projects` is the mailbox `Projects` of that account. Invariants: only the one right spelling of the
namespace and of the address leads anywhere; rights are read in the transaction that does what they are for, so what is taken away
is away with the commit that takes it; an account that shares nothing with this one answers exactly as one that does not exist; a
mailbox that may not be looked up answers as if it were not there (RFC 4314 §6).
"""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from server.accounts import share
from server.accounts.directory import Directory
from server.accounts.share import Owner
from server.db.transaction import Reader
from server.imap.errors import Reason, Refusal
from server.imap.syntax.mailbox_name import DELIMITER
from server.store import acl, mailboxes, rights, virtual
from server.store.errors import IsVirtual, NoSuchMailbox
from server.store.model import Mailbox
from server.store.rights import Rights

R = TypeVar("R", bound=Reader)
T = TypeVar("T")

PREFIX = mailboxes.OTHER_USERS + DELIMITER


class ViewLost(NoSuchMailbox):
    """The selected mailbox may not be read any more; the session says BYE (RFC 4314 §5.1.1)."""


class Guest:
    """Somebody in another account."""

    __slots__ = ("doubted", "held", "owner", "prefix", "told", "who")

    def __init__(self, who: int, owner: Owner) -> None:
        self.who = who
        self.owner = owner.id
        self.prefix = PREFIX + owner.address + DELIMITER
        self.held: Rights = rights.NONE
        """What was found at the last look; inside of a guarded function, what holds in its transaction."""
        self.told: Rights = rights.NONE
        """By which the client was told last what it may do with flags."""
        self.doubted = False
        """Somebody's sign-in has ended: the owner's account may have been switched off."""

    def rights(self, reader: Reader, mailbox_id: int) -> Rights:
        """What may be done with a mailbox now."""
        return acl.rights(reader, mailbox_id, self.who)

    def require(self, reader: Reader, mailbox_id: int, needed: str) -> Rights:
        """Refuse what takes more rights than there are; as a mailbox that is not there, where it may not be looked up."""
        held = self.rights(reader, mailbox_id)
        require(held, needed)
        return held

    def guarded(self, mailbox_id: int, fn: Callable[[R], T], needed: str) -> Callable[[R], T]:
        """Have `fn` look into the selected mailbox only if that is allowed in the very transaction it looks in."""

        def look(transaction: R) -> T:
            self.held = self.rights(transaction, mailbox_id)
            if rights.READ not in self.held:
                raise ViewLost(str(mailbox_id))
            require(self.held, needed)
            return fn(transaction)

        return look

    def shown(self, mailbox: Mailbox) -> Mailbox:
        """A mailbox as its guest sees it: under its whole name, with an id of its own, without its owner's use for it."""
        object_id = self.object_id(mailbox.object_id)
        return replace(
            mailbox, name=self.prefix + mailbox.name, special_use=None, subscribed=False, object_id=object_id
        )

    def object_id(self, object_id: str) -> str:
        """An id that is none of the guest's own account's (RFC 8474 §4): ids count from one in every account."""
        return f"{object_id[:1]}{self.owner}-{object_id[1:]}"

    def own_object_id(self, object_id: str) -> str:
        """Back again; nothing for an id of another account."""
        owner, _, number = object_id[1:].partition("-")
        return object_id[:1] + number if number and owner == str(self.owner) else ""


def require(held: Rights, needed: str) -> None:
    """Raise what stands for missing rights."""
    if held.issuperset(needed):
        return
    if rights.LOOKUP in held:
        raise Refusal(Reason.NO_PERMISSION)
    # RFC 4314 §6: no word on whether it exists.
    raise NoSuchMailbox("hidden")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a name leads: an account, and the name there. `guest` is None in one's own."""

    account: int
    name: str
    guest: Guest | None = None

    def mailbox(self, reader: Reader, needed: str) -> Mailbox:
        """The mailbox, if there is one and these rights are held; raises NoSuchMailbox, IsVirtual, Refusal."""
        found = mailboxes.by_name(reader, self.name)
        if found.rule is not None:
            self._require_real(found, needed)
        if self.guest is None:
            return found
        self.guest.held = self.guest.require(reader, found.id, needed)
        return self.guest.shown(found)

    def _require_real(self, found: Mailbox, needed: str) -> None:
        """A virtual mailbox is its owner's own view, into which nothing can be put; some of them are only names."""
        if self.guest is not None or (rights.READ in needed and virtual.is_only_a_name(found)):
            raise NoSuchMailbox("hidden")
        if rights.INSERT in needed:
            raise IsVirtual(found.name)

    @property
    def held(self) -> Rights:
        """The rights on the mailbox that `mailbox` found last."""
        return rights.ALL if self.guest is None else self.guest.held


def is_foreign(name: str) -> bool:
    """Tell whether a name belongs to another account, if to any."""
    return name.startswith(PREFIX)


def whose(name: str) -> tuple[str, str]:
    """Part a name of the second namespace into the owner's address and the name there."""
    address, _, rest = unicodedata.normalize("NFC", name).removeprefix(PREFIX).partition(DELIMITER)
    return address, rest


def written(name: str) -> str:
    """A name of the second namespace in its one spelling; raises NameInvalid."""
    address, rest = whose(name)
    return PREFIX + address + DELIMITER + mailboxes.canonical(rest)


async def locate(directory: Directory, who: int, name: str) -> Place:
    """Find where a name of the second namespace leads; raises NoSuchMailbox."""
    address, rest = whose(name)
    found = await directory.database.async_read(lambda r: share.owner(r, address, who)) if rest else None
    if found is None:
        raise NoSuchMailbox("hidden")
    return Place(found.id, rest, Guest(who, found))
