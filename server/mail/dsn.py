"""Delivery status notifications: multipart/report with message/delivery-status (RFC 3461, 3462, 3464), both ways.

Whoever sends one uses the null reverse path and never answers a message that came with it (RFC 3464 §2, RFC 5321 §6.1).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from server.mail import address_field, build, encoded_word, header, message_id, mime
from server.mail import date as mail_date
from server.mail.address import Address
from server.mail.build import Entity
from server.mail.header import HeaderBlock
from server.mail.limits import DEFAULT, Limits

Action = Literal["failed", "delayed", "delivered", "relayed", "expanded"]
ACTIONS: Final[tuple[Action, ...]] = ("failed", "delayed", "delivered", "relayed", "expanded")
_STATUS: Final = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_HEADER_KEPT: Final = 64 << 10
_DIAGNOSTIC: Final = 1_000
_RECIPIENTS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Recipient:
    """What became of one recipient (RFC 3464 §2.3)."""

    address: str  # final recipient
    status: str = "5.0.0"  # RFC 3463
    diagnostic: str = ""  # the peer's reply, or our own words
    remote_mta: str | None = None
    original: str | None = None  # ORCPT as given, e.g. "rfc822;a@example.org"
    last_attempt: datetime | None = None
    will_retry_until: datetime | None = None
    action: Action = "failed"


@dataclass(frozen=True, slots=True)
class Context:
    """Who reports, to whom, about what."""

    reporting_mta: str
    from_: Address
    to: Address
    message_id: str
    date: datetime
    original: bytes  # the message that was not delivered
    envelope_id: str | None = None  # ENVID as given (RFC 3461 §4.4)
    arrival: datetime | None = None
    full: bool = False  # RET=FULL: give the whole message back where it is 7bit


@dataclass(frozen=True, slots=True)
class Report:
    """What a notification says."""

    reporting_mta: str
    envelope_id: str | None
    recipients: tuple[Recipient, ...]
    original_message_id: str | None


def failure(context: Context, recipients: Sequence[Recipient]) -> bytes:
    """The final word: these recipients will not get the message."""
    words = (
        "Your message could not be delivered to the recipients below, and no further attempt will be made.\r\n"
        "What their side said stands beside each address.\r\n"
    )
    return _report(context, recipients, "Undelivered: ", words, "failed")


def delay(context: Context, recipients: Sequence[Recipient]) -> bytes:
    """A word in between: these recipients do not have the message yet, and it is still being tried."""
    words = (
        "Your message could not be delivered to the recipients below yet. It is still being tried;\r\n"
        "you need not send it again.\r\n"
    )
    return _report(context, recipients, "Delayed: ", words, "delayed")


def _report(context: Context, recipients: Sequence[Recipient], prefix: str, words: str, action: Action) -> bytes:
    block, body = header.split(context.original)
    about = block.text("subject")[:200].strip()
    text = "\r\n".join([words, *(_said(recipient) for recipient in recipients)])
    parts = [
        build.text_part(text, "plain"),
        Entity(b"Content-Type: message/delivery-status\r\n", _status(context, recipients, action)),
        _returned(context, body),
    ]
    entity = build.multipart("report", parts, seed=context.message_id, params=[b"report-type=delivery-status"])
    lines = [
        b"Date: " + mail_date.format(context.date).encode("ascii") + b"\r\n",
        address_field.encode("From", [context.from_]),
        address_field.encode("To", [context.to]),
        header.encode("Subject", prefix + (encoded_word.plain(about) or "your message")),
        build.ids_field("Message-ID", [context.message_id]),
        b"Auto-Submitted: auto-replied\r\n",  # RFC 3834 §5
        b"MIME-Version: 1.0\r\n",
    ]
    ids = message_id.parse_all(block.get("message-id") or b"", limit=1)
    if ids and len(ids[0]) < header.LINE_LIMIT - 100:
        lines.insert(5, build.ids_field("In-Reply-To", ids))
    return b"".join(lines) + entity.octets


def _said(recipient: Recipient) -> str:
    words = " ".join(recipient.diagnostic.split())[:_DIAGNOSTIC] or "no reason was given"
    where = f" ({recipient.remote_mta})" if recipient.remote_mta else ""
    return encoded_word.plain(f"<{recipient.address}>{where}: {words}") + "\r\n"


def _status(context: Context, recipients: Sequence[Recipient], action: Action) -> bytes:
    """RFC 3464 §2.1: one group of fields about the message, then one a recipient, an empty line between."""
    about = [_field("Reporting-MTA", f"dns; {context.reporting_mta}")]
    if context.envelope_id:
        about.append(_field("Original-Envelope-Id", context.envelope_id))
    if context.arrival is not None:
        about.append(_field("Arrival-Date", mail_date.format(context.arrival)))
    groups = [b"".join(about)]
    for recipient in recipients:
        lines = []
        if recipient.original:
            lines.append(_field("Original-Recipient", recipient.original))
        kind = "rfc822" if recipient.address.isascii() else "utf-8"  # RFC 6533 §3
        status = recipient.status if _STATUS.fullmatch(recipient.status) else "5.0.0"
        lines += [
            _field("Final-Recipient", f"{kind}; {recipient.address}"),
            _field("Action", action),
            _field("Status", status),
        ]
        if recipient.remote_mta:
            lines.append(_field("Remote-MTA", f"dns; {recipient.remote_mta}"))
        if recipient.diagnostic:
            lines.append(_field("Diagnostic-Code", f"smtp; {recipient.diagnostic[:_DIAGNOSTIC]}"))
        if recipient.last_attempt is not None:
            lines.append(_field("Last-Attempt-Date", mail_date.format(recipient.last_attempt)))
        if recipient.will_retry_until is not None and action == "delayed":
            lines.append(_field("Will-Retry-Until", mail_date.format(recipient.will_retry_until)))
        groups.append(b"".join(lines))
    return b"\r\n".join(groups)


def _field(name: str, value: str) -> bytes:
    """One field of the report; foreign words are flattened to printable ASCII, they cannot start another field."""
    plain = "".join(char if " " <= char <= "~" else f"\\x{{{ord(char):X}}}" if char > "\x9f" else " " for char in value)
    tokens = [
        token[start : start + 500].encode("ascii") for token in plain.split() for start in range(0, len(token), 500)
    ]
    return header.fold(name.encode("ascii") + b":", tokens)


def _returned(context: Context, body: int) -> Entity:
    """RFC 3462 §2: the message itself where it is asked for and 7bit, else its header."""
    if context.full and build.is_7bit(context.original):
        return Entity(b"Content-Type: message/rfc822\r\n", context.original)
    head = context.original[: min(body, _HEADER_KEPT)]
    if build.is_7bit(head):
        return Entity(b"Content-Type: text/rfc822-headers\r\n", head)
    return Entity(
        b"Content-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: base64\r\n", build.base64_lines(head)
    )


def parse(raw: bytes, limits: Limits = DEFAULT) -> Report | None:
    """What a delivery status notification says; None when the message is none. Lenient, never raises."""
    status: bytes | None = None
    original: str | None = None
    for part in mime.parse(raw, limits).walk():
        if part.content_type in {"message/delivery-status", "message/global-delivery-status"} and status is None:
            status = mime.decoded(raw, part, limit=limits.header_octets)
        elif part.content_type in {"text/rfc822-headers", "message/global-headers"} and original is None:
            original = _id_of(mime.decoded(raw, part, limit=limits.header_octets))
        elif part.embedded is not None and original is None:
            original = _id_of(raw[part.body_start : min(part.body_end, part.body_start + limits.header_octets)])
    if status is None:
        return None
    groups = _groups(status)
    about = groups[0] if groups else HeaderBlock(b"", 0, 0)
    return Report(
        reporting_mta=_after_type(about.text("reporting-mta")),
        envelope_id=about.text("original-envelope-id") or None,
        recipients=tuple(_recipient(group) for group in groups[1:] if "final-recipient" in group),
        original_message_id=original,
    )


def _groups(status: bytes) -> list[HeaderBlock]:
    groups: list[HeaderBlock] = []
    position = 0
    while position < len(status) and len(groups) <= _RECIPIENTS:
        block, end = header.split(status, start=position)
        if len(block):
            groups.append(block)
        position = end
    return groups


def _recipient(group: HeaderBlock) -> Recipient:
    action = group.text("action").strip().lower()
    status = _STATUS.search(group.text("status"))
    return Recipient(
        address=_after_type(group.text("final-recipient")),
        status=status[0] if status else "5.0.0",
        diagnostic=_after_type(group.text("diagnostic-code"))[:_DIAGNOSTIC],
        remote_mta=_after_type(group.text("remote-mta")) or None,
        original=group.text("original-recipient") or None,
        last_attempt=mail_date.parse(group.get("last-attempt-date") or b""),
        will_retry_until=mail_date.parse(group.get("will-retry-until") or b""),
        action=next((known for known in ACTIONS if known == action), "failed"),
    )


def _after_type(text: str) -> str:
    """The value behind its `type;` (RFC 3464 §2.1.2)."""
    kind, semicolon, rest = text.partition(";")
    return rest.strip() if semicolon and " " not in kind.strip() else text.strip()


def _id_of(head: bytes) -> str | None:
    block, _ = header.split(head)
    ids = message_id.parse_all(block.get("message-id") or b"", limit=1)
    return ids[0] if ids else None
