"""Which parts of a message are its text, and which are attachments. Pure.

RFC 2046 §5.1.4 (alternative: the last form we can show), RFC 2387 (related), RFC 1847 (signed), RFC 3462 (report).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from webmail.structure import Part

MAX_FORMS = 20
TEXTS = ("text/plain", "text/html")
INLINE_IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_UNSHOWN = (
    "application/pgp-signature",
    "application/pkcs7-signature",
    "application/x-pkcs7-signature",
    "message/delivery-status",
    "text/rfc822-headers",
)
_CALENDARS = ("text/calendar", "application/ics")


@dataclass(frozen=True, slots=True)
class Form:
    """One text of the message, in the forms it has."""

    html: Part | None = None
    text: Part | None = None


@dataclass(frozen=True, slots=True)
class Body:
    """What to show of a message."""

    forms: tuple[Form, ...] = ()
    calendar: Part | None = None
    report: Part | None = None
    """The machine-readable half of a delivery report (RFC 3464)."""
    attachments: tuple[Part, ...] = ()
    inline: tuple[Part, ...] = ()
    """Images that the HTML may name by cid:."""


def choose(root: Part) -> Body:
    """Read the tree."""
    forms = tuple(_forms(root))[:MAX_FORMS]
    shown = {id(part) for form in forms for part in (form.html, form.text) if part is not None}
    leaves = [part for part in _leaves(root) if id(part) not in shown]
    has_html = any(form.html for form in forms)
    inline = tuple(part for part in leaves if part.content_id and part.kind in INLINE_IMAGES) if has_html else ()
    calendar = next((part for part in leaves if part.kind == "text/calendar"), None)
    report = next((part for part in leaves if part.kind == "message/delivery-status"), None)
    attachments = tuple(part for part in leaves if not _is_silent(part, calendar))
    return Body(forms, calendar, report, attachments, inline)


def _is_silent(part: Part, calendar: Part | None) -> bool:
    """Parts that have their own place on the page, or none."""
    if calendar is not None and part.kind in _CALENDARS:
        return True
    return part.kind in _UNSHOWN


def _forms(root: Part) -> Iterator[Form]:
    """Texts to show, in order; of alternatives both forms, so that a person can switch."""
    stack = [root]
    while stack:
        part = stack.pop()
        if part.kind == "multipart/alternative":
            if form := _alternatives(part):
                yield form
        elif part.kind in ("multipart/signed", "multipart/related") and part.children:
            stack.append(part.children[0])
        elif part.is_multipart:
            stack.extend(reversed(part.children))
        elif is_text(part):
            yield Form(html=part) if part.kind == "text/html" else Form(text=part)


def _alternatives(part: Part) -> Form | None:
    # RFC 2046 §5.1.4: the sender puts the form it likes best last.
    found: dict[str, Part] = {}
    stack = list(reversed(part.children))
    while stack:
        child = stack.pop()
        if child.is_multipart:
            stack.extend(reversed(child.children))
        elif is_text(child):
            found.setdefault(child.kind, child)
    return Form(found.get("text/html"), found.get("text/plain")) if found else None


def is_text(part: Part) -> bool:
    """A text part that nobody meant as a file."""
    return part.kind in TEXTS and part.disposition != "attachment" and not (part.filename and part.disposition)


def _leaves(root: Part) -> Iterator[Part]:
    """Leaf parts in order; an attached message is one leaf, whatever it holds."""
    stack = [root]
    while stack:
        part = stack.pop()
        if part.is_multipart:
            stack.extend(reversed(part.children))
        else:
            yield part
