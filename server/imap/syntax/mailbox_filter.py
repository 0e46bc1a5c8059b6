"""Which mailboxes a command means, other than by one name (RFC 5465 §6, RFC 7377 §2.2).

filter-mailboxes          = filter-mailboxes-selected / filter-mailboxes-other
filter-mailboxes-selected = "selected" / "selected-delayed"
filter-mailboxes-other    = "inboxes" / "personal" / "subscribed" /
                            ("subtree" SP one-or-more-mailbox) / ("mailboxes" SP one-or-more-mailbox)
one-or-more-mailbox       = mailbox / many-mailboxes
many-mailboxes            = "(" mailbox *(SP mailbox) ")"

What such a filter matches is not a matter of syntax.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum

from server.imap.syntax.token import Reader

MAX_NAMES = 1_000
"""Mailboxes that one filter may name."""


class Scope(Enum):
    """The value is the word on the wire."""

    SELECTED = "SELECTED"
    SELECTED_DELAYED = "SELECTED-DELAYED"
    INBOXES = "INBOXES"
    PERSONAL = "PERSONAL"
    SUBSCRIBED = "SUBSCRIBED"
    SUBTREE = "SUBTREE"
    SUBTREE_ONE = "SUBTREE-ONE"
    MAILBOXES = "MAILBOXES"


NOTIFIED = frozenset(Scope) - {Scope.SUBTREE_ONE}
"""What NOTIFY may name."""
SEARCHED = frozenset(Scope) - {Scope.SELECTED_DELAYED}
"""What ESEARCH may name: filter-mailboxes of RFC 7377 knows "subtree-one" SP one-or-more-mailbox besides."""
_NAMING = frozenset({Scope.SUBTREE, Scope.SUBTREE_ONE, Scope.MAILBOXES})
_OF_SELECTED = frozenset({Scope.SELECTED, Scope.SELECTED_DELAYED})


@dataclass(frozen=True, slots=True)
class MailboxFilter:
    scope: Scope
    names: tuple[str, ...] = ()

    @property
    def of_selected(self) -> bool:
        return self.scope in _OF_SELECTED


def parse_filter(reader: Reader, allowed: Collection[Scope]) -> MailboxFilter:
    """Read filter-mailboxes, of the kinds that the command knows."""
    word = reader.keyword("A mailbox filter")
    scope = next((scope for scope in allowed if scope.value == word), None)
    if scope is None:
        reader.fail("Unknown mailbox filter")
    if scope not in _NAMING:
        return MailboxFilter(scope)
    reader.space()
    if reader.peek() == b"(":
        return MailboxFilter(scope, reader.parenthesised(reader.mailbox, limit=MAX_NAMES))
    return MailboxFilter(scope, (reader.mailbox(),))
