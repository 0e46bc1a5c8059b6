"""NOTIFY (RFC 5465 §8): what a client wants to be told of, and of which mailboxes.

    notify        = "NOTIFY" SP (notify-set / notify-none)
    notify-set    = "SET" [SP "STATUS"] SP event-groups
    event-groups  = event-group *(SP event-group)
    event-group   = "(" filter-mailboxes SP events ")"
    events        = ("(" event *(SP event) ")") / "NONE"
    event         = message-event / mailbox-event / user-event / event-ext
    message-event = ("MessageNew" [SP "(" fetch-att *(SP fetch-att) ")"]) / "MessageExpunge" / "FlagChange" / "AnnotationChange"
    mailbox-event = "MailboxName" / "SubscriptionChange" / "MailboxMetadataChange"
    user-event    = "ServerMetadataChange"

What events belong together is checked here; which of them the server can tell of is not a matter of syntax.
"""

from dataclasses import dataclass
from typing import Final

from server.imap.syntax.fetch_att import MAX_ATTRIBUTES, FetchAttribute, parse_attribute
from server.imap.syntax.mailbox_filter import NOTIFIED, MailboxFilter, parse_filter
from server.imap.syntax.token import Reader

MESSAGE_NEW: Final = "MESSAGENEW"
MESSAGE_EXPUNGE: Final = "MESSAGEEXPUNGE"
FLAG_CHANGE: Final = "FLAGCHANGE"
ANNOTATION_CHANGE: Final = "ANNOTATIONCHANGE"
MAILBOX_NAME: Final = "MAILBOXNAME"
SUBSCRIPTION_CHANGE: Final = "SUBSCRIPTIONCHANGE"
MAILBOX_METADATA: Final = "MAILBOXMETADATACHANGE"
SERVER_METADATA: Final = "SERVERMETADATACHANGE"

MAX_GROUPS = 50
MAX_EVENTS = 50
_COUNTS = frozenset({MESSAGE_NEW, MESSAGE_EXPUNGE})
_MARKS = frozenset({FLAG_CHANGE, ANNOTATION_CHANGE})
MESSAGE_EVENTS = _COUNTS | _MARKS
_OTHER_EVENTS = frozenset({MAILBOX_NAME, SUBSCRIPTION_CHANGE, MAILBOX_METADATA, SERVER_METADATA})


@dataclass(frozen=True, slots=True)
class EventGroup:
    """Events (in capitals) of some mailboxes; none for NONE. `attributes` are to be sent of each new message."""

    mailboxes: MailboxFilter
    events: frozenset[str] = frozenset()
    attributes: tuple[FetchAttribute, ...] = ()


@dataclass(frozen=True, slots=True)
class Notify:
    """`groups` is empty for NOTIFY NONE."""

    groups: tuple[EventGroup, ...] = ()
    status: bool = False


def notify(reader: Reader) -> Notify:
    reader.space()
    word = reader.keyword("SET or NONE")
    if word == "NONE":
        return Notify()
    if word != "SET":
        reader.fail("SET or NONE is missing")
    reader.space()
    status = reader.try_keyword("STATUS") is not None
    if status:
        reader.space()
    groups = [_group(reader)]
    while reader.try_space():
        if len(groups) >= MAX_GROUPS:
            reader.fail("Too many groups of events")
        groups.append(_group(reader))
    if len({group.mailboxes.scope for group in groups if group.mailboxes.of_selected}) > 1:
        reader.fail("SELECTED and SELECTED-DELAYED exclude each other")  # RFC 5465 §6.1
    return Notify(tuple(groups), status)


def _group(reader: Reader) -> EventGroup:
    reader.octet(b"(", "A group of events is missing")
    mailboxes = parse_filter(reader, NOTIFIED)
    reader.space()
    if reader.try_keyword("NONE"):
        reader.octet(b")", "A parenthesis is missing")
        return EventGroup(mailboxes)
    attributes: list[FetchAttribute] = []
    events = frozenset(_events(reader, attributes))
    reader.octet(b")", "A parenthesis is missing")
    if events & _COUNTS and not events >= _COUNTS:
        reader.fail("MessageNew and MessageExpunge go together")  # RFC 5465 §5
    if events & _MARKS and not events >= _COUNTS:
        reader.fail("FlagChange needs MessageNew and MessageExpunge")  # RFC 5465 §5
    if mailboxes.of_selected and events & _OTHER_EVENTS:
        reader.fail("Only events of messages come from the selected mailbox")  # RFC 5465 §6.1
    return EventGroup(mailboxes, events, tuple(attributes))


def _events(reader: Reader, attributes: list[FetchAttribute]) -> list[str]:
    reader.octet(b"(", "A list of events is missing")
    events: list[str] = []
    while True:
        event = reader.keyword("An event")
        events.append(event)
        if reader.try_octet(b")"):
            return events
        if len(events) >= MAX_EVENTS:
            reader.fail("Too many events")
        reader.space()
        if event == MESSAGE_NEW and reader.peek() == b"(":
            attributes += reader.parenthesised(lambda: parse_attribute(reader), limit=MAX_ATTRIBUTES)
            if reader.try_octet(b")"):
                return events
            reader.space()
