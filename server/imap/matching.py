"""Which mailboxes of an account a filter means (RFC 5465 §6, RFC 7377 §2.2)."""

from collections.abc import Iterable

from server.imap.access import is_foreign
from server.imap.syntax.mailbox_filter import MailboxFilter, Scope
from server.imap.syntax.mailbox_name import DELIMITER
from server.store import mailboxes
from server.store.errors import NameInvalid


class Matching:
    """One filter, ready to be asked of many names."""

    __slots__ = ("_names", "_scope")

    def __init__(self, mailbox_filter: MailboxFilter) -> None:
        self._scope = mailbox_filter.scope
        self._names = frozenset(_canonical(mailbox_filter.names))

    def matches(self, name: str, subscribed: frozenset[str]) -> bool:
        if self._scope is Scope.SUBSCRIBED:
            return name in subscribed  # RFC 5465 §6.4: as the list is now
        if self._scope is Scope.MAILBOXES:
            return name in self._names
        if self._scope is Scope.SUBTREE:
            return name in self._names or not self._names.isdisjoint(above(name))
        if self._scope is Scope.SUBTREE_ONE:
            return name in self._names or name.rpartition(DELIMITER)[0] in self._names
        # RFC 5465 §6.3: where a delivery may file a message is up to its rules, so INBOXES is the same as PERSONAL.
        return not is_foreign(name)  # RFC 5465 §6.2: of the personal namespace


def _canonical(names: Iterable[str]) -> Iterable[str]:
    for name in names:
        try:
            yield mailboxes.canonical(name)
        except NameInvalid:
            continue  # RFC 5465 §6.6: a name that cannot be looked at is passed over


def above(name: str) -> list[str]:
    """The names of the mailboxes that `name` lies in, the highest first."""
    levels = name.split(DELIMITER)
    return [DELIMITER.join(levels[:depth]) for depth in range(1, len(levels))]
