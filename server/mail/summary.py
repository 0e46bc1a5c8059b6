"""Everything about a message that lists, searches and IMAP answers need, computed once when it is stored.

Never raises, whatever the octets; linear; attachments are located, not decoded. Bounds: `limits.Limits`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from server.mail import bodystructure, date, envelope, header, message_id, mime, searchable, subject
from server.mail.address import Address, first, mailboxes
from server.mail.header import HeaderBlock
from server.mail.limits import DEFAULT, Limits
from server.mail.part import Part

# Parts that belong to how a message is signed, sent or reported: no one calls them attachments.
_PLUMBING: Final = frozenset(
    {
        "application/pgp-signature",
        "application/pkcs7-signature",
        "application/x-pkcs7-signature",
        "application/pgp-encrypted",
        "message/delivery-status",
        "message/disposition-notification",
        "message/global-delivery-status",
        "message/feedback-report",
        "text/rfc822-headers",
        "text/x-amp-html",
        "text/calendar",
    }
)
# Types of files; text is read with the message, and pictures, sound and video have none.
_DOCUMENTS: Final = frozenset({"application"})


@dataclass(frozen=True, slots=True)
class Summary:
    size: int
    header_size: int
    envelope: bytes  # IMAP wire forms
    bodystructure: bytes
    body: bytes
    subject: str
    base_subject: str
    is_reply: bool  # by its subject
    from_: tuple[Address, ...]
    sender: tuple[Address, ...]
    reply_to: tuple[Address, ...]
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    first_from: Address | None  # a group by its name: what SORT compares (RFC 5256 §3, RFC 5957 §3)
    first_to: Address | None
    first_cc: Address | None
    sent_at: datetime | None  # UTC
    sent_on: str | None  # the day as the sender wrote it, YYYY-MM-DD: what SENTON compares (RFC 9051 §6.4.4)
    message_id: str | None
    references: tuple[str, ...]  # References and In-Reply-To, oldest first
    preview: str
    text: str  # white space squeezed, one line a part
    has_attachment: bool
    attachment_names: tuple[str, ...]
    attached_names: tuple[str, ...]  # those, and what embedded messages carry: for searching
    documents: tuple[Part, ...]  # parts that are neither text nor multipart: what a reader of documents may look at


def summarise(raw: bytes, *, limits: Limits = DEFAULT) -> Summary:
    """Read a message. One linear pass over the octets for the structure, and one over its text parts."""
    block, body = header.split(raw, limits.header_octets, field_octets=limits.field_octets, fields=limits.header_fields)
    root = mime.parse(raw, limits, block=block, body=body)
    lists = envelope.address_fields(block, limit=limits.addresses)
    full, brief = bodystructure.both(raw, root, limits)
    from_ = tuple(mailboxes(lists.from_))
    title = block.text("subject")
    base_subject, is_reply = subject.analyse(title)
    sent = date.parse(block.get("date") or b"")
    ids = message_id.parse_all(block.get("message-id") or b"", limit=1)
    text, preview = searchable.read(raw, root, limits)
    has_attachment, names = _attachments(root)
    return Summary(
        size=len(raw),
        header_size=body,
        envelope=envelope.envelope(block, lists),
        bodystructure=full,
        body=brief,
        subject=title,
        base_subject=base_subject,
        is_reply=is_reply,
        from_=from_,
        sender=tuple(mailboxes(lists.sender)) or from_,
        reply_to=tuple(mailboxes(lists.reply_to)) or from_,
        to=tuple(mailboxes(lists.to)),
        cc=tuple(mailboxes(lists.cc)),
        bcc=tuple(mailboxes(lists.bcc)),
        first_from=first(lists.from_),
        first_to=first(lists.to),
        first_cc=first(lists.cc),
        sent_at=None if sent is None else sent.astimezone(UTC),
        sent_on=None if sent is None else sent.date().isoformat(),
        message_id=ids[0] if ids else None,
        references=_references(block, limits.references),
        preview=preview,
        text=text,
        has_attachment=has_attachment,
        attachment_names=names,
        attached_names=tuple(dict.fromkeys((*names, *_embedded_names(root)))),
        documents=tuple(part for part in root.walk() if part.type in _DOCUMENTS and not part.children),
    )


def _references(block: HeaderBlock, limit: int) -> tuple[str, ...]:
    """Ancestors, oldest first, the parent last (RFC 5322 §3.6.4); of too many, the nearest are kept."""
    found = message_id.parse_all(block.get("references") or b"", limit=100_000)
    for parent in message_id.parse_all(block.get("in-reply-to") or b"", limit=limit):
        if parent not in found[-limit:]:
            found.append(parent)
    return tuple(found[-limit:])


def _attachments(root: Part) -> tuple[bool, tuple[str, ...]]:
    names: list[str] = []
    found = False
    related: set[str] = set()
    stack = [root]
    while stack:  # embedded messages count as one attachment; what they carry is theirs
        part = stack.pop()
        stack.extend(reversed(part.children))
        if part.children:
            if part.subtype == "related":
                related.update(child.path for child in part.children)
            continue
        if not _is_attachment(part, in_related=part.path in related):
            continue
        found = True
        name = part.filename
        if name:
            names.append(name)
    return found, tuple(names)


def _embedded_names(root: Part) -> list[str]:
    return [
        name
        for outer in root.walk()
        if outer.embedded is not None
        for part in outer.embedded.walk()
        if (name := part.filename) and not part.children and part.embedded is None
    ]


def _is_attachment(part: Part, *, in_related: bool) -> bool:
    if part.content_type in _PLUMBING:
        return part.disposition == "attachment" and part.subtype == "calendar"
    if part.disposition == "attachment":
        return True
    if part.type == "text" and part.subtype in {"plain", "html", "enriched", "richtext"}:
        return part.filename is not None and part.disposition is not None
    # A picture that the text shows is part of the text.
    return not (in_related and part.content_id and part.type == "image")
