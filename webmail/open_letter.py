"""A message as the reading pane shows it: each text in its form, attachments, cards, what was blocked.

Calls `letter_html` for what has HTML, so that the frame's own request finds the document made already.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from flask import request

from webmail import delivery_report, image_type, invitation, letter_html, mail_views, message, plain_text
from webmail.body import Form
from webmail.connection import Mail
from webmail.delivery_report import Failure
from webmail.envelope import Person
from webmail.invitation import Invitation
from webmail.letter_html import Shown
from webmail.message import Letter
from webmail.plain_text import Block
from webmail.structure import Part

LONG_TEXT = 3 * 2**20
PREVIEW_OCTETS = 4 * 2**20
_PREVIEWED = ("image/png", "image/jpeg", "image/gif", "image/webp")


@dataclass(frozen=True, slots=True)
class Text:
    """One text of the message: a frame, or blocks of plain text."""

    index: int
    height: int = 0
    framed: bool = False
    coloured: bool = False
    cut: bool = False
    fallback: bool = False
    """HTML that could not be made safe in time, shown as text."""
    has_both: bool = False
    blocks: Sequence[Block] = ()


@dataclass(frozen=True, slots=True)
class Attached:
    """One attachment as the grid shows it."""

    part: Part
    icon: str
    hue: str
    preview: bool


@dataclass(frozen=True, slots=True)
class Opened:
    """Everything the template needs."""

    letter: Letter
    texts: Sequence[Text]
    attachments: Sequence[Attached]
    blocked: int = 0
    trackers: int = 0
    images_shown: bool = False
    invitation: Invitation | None = None
    failures: Sequence[Failure] = field(default_factory=tuple)
    reply_elsewhere: Person | None = None
    plain: bool = False
    marks_seen: bool = True
    """Whether to mark it as read: it is unread, and the mark would stay."""

    @property
    def attachment_octets(self) -> int:
        return sum(one.part.decoded_size for one in self.attachments)


def opened(mail: Mail, letter: Letter) -> Opened:
    """Prepare a message for its page, by the wishes of the request: `plain=1`, `images=1`."""
    plain = request.args.get("plain") == "1"
    wishes = mail_views.session().preferences
    consent = wishes.images == "always" or (request.args.get("images") == "1" and wishes.images != "never")
    texts: list[Text] = []
    blocked: list[str] = []
    trackers = 0
    shown_inline: set[str] = set()
    for index, form in enumerate(letter.body.forms):
        made = shown(mail, letter, index, consent=consent) if form.html and not (plain and form.text) else None
        if made is not None and made.safe is not None:
            safe = made.safe
            blocked += safe.remote
            trackers += safe.trackers
            shown_inline.update(safe.shown_inline)
            texts.append(
                Text(
                    index,
                    safe.height,
                    framed=True,
                    coloured=safe.coloured,
                    cut=safe.cut,
                    has_both=form.text is not None,
                )
            )
            continue
        texts.append(_plain(mail, letter, index, form, made))
    hidden = {part.path for part in letter.body.inline if part.content_id in shown_inline}
    parts = [part for part in letter.body.attachments if part.path not in hidden]
    return Opened(
        letter=letter,
        texts=texts,
        attachments=[attached(part) for part in parts],
        blocked=len(dict.fromkeys(blocked)) if not consent else 0,
        trackers=trackers,
        images_shown=consent,
        invitation=_invitation(mail, letter),
        failures=_failures(mail, letter),
        reply_elsewhere=reply_elsewhere(letter),
        plain=plain,
        marks_seen=mail.keeps_seen and not letter.fetched.has("\\Seen"),
    )


def shown(mail: Mail, letter: Letter, index: int, *, consent: bool) -> Shown:
    """The document of one text, from the cache or newly made."""
    cache = mail_views.letters()
    day = mail_views.consent_day() if consent else ""
    key = letter_html.key(mail_views.session().account_id, letter.mailbox, letter.uidvalidity, letter.uid, index, day)
    found = cache.get(key)
    if found is None:
        sign = mail_views.signer() if consent else None
        found = letter_html.make(mail, letter, letter.body.forms[index], mail_views.sanitiser(), sign=sign)
        cache.put(key, found)
    return found


def _plain(mail: Mail, letter: Letter, index: int, form: Form, made: Shown | None) -> Text:
    if made is not None:
        return Text(index, blocks=plain_text.render(made.text), fallback=True)
    part = form.text
    if part is None:
        return Text(index)
    text = message.part_text(mail, letter, part)
    is_flowed = part.parameters.get("format", "").lower() == "flowed"
    blocks = plain_text.render(text, flowed=is_flowed, delsp=part.parameters.get("delsp", "").lower() == "yes")
    return Text(index, blocks=blocks, cut=len(text) > plain_text.MAX_TEXT, has_both=form.html is not None)


def _invitation(mail: Mail, letter: Letter) -> Invitation | None:
    part = letter.body.calendar
    if part is None or part.size > invitation.MAX_CALENDAR:
        return None
    return invitation.read(message.part_text(mail, letter, part))


def _failures(mail: Mail, letter: Letter) -> list[Failure]:
    part = letter.body.report
    if part is None:
        return []
    return delivery_report.read(message.part_octets(mail, letter, part, limit=delivery_report.MAX_REPORT))


def reply_elsewhere(letter: Letter) -> Person | None:
    """Where replies would go, when that is another domain than the sender's (and no mailing list explains it)."""
    envelope = letter.fetched.envelope
    if letter.is_list or not envelope.reply_to or not envelope.from_:
        return None
    answer, sender = envelope.reply_to[0], envelope.from_[0]
    ours, theirs = (_domain(person.email) for person in (sender, answer))
    return None if _related(ours, theirs) else answer


def _domain(email: str) -> str:
    return email.rpartition("@")[2].casefold()


def _related(one: str, other: str) -> bool:
    return (
        one == other
        or one.endswith(f".{other}")
        or other.endswith(f".{one}")
        or one.split(".")[-2:] == other.split(".")[-2:]
    )


_KINDS = (
    ("image/", "image", "petrol"),
    ("application/pdf", "file-text", "coral"),
    ("audio/", "file-music", "violet"),
    ("video/", "file-video", "violet"),
    ("text/calendar", "calendar", "blue"),
    ("text/", "file-text", "slate"),
    ("message/", "mail", "blue"),
)  # icons: image file-text file-music file-video calendar mail file-archive file-spreadsheet file-chart-column file
_ENDINGS = {
    "pdf": ("file-text", "coral"),
    "zip": ("file-archive", "amber"),
    "gz": ("file-archive", "amber"),
    "7z": ("file-archive", "amber"),
    "xlsx": ("file-spreadsheet", "green"),
    "xls": ("file-spreadsheet", "green"),
    "csv": ("file-spreadsheet", "green"),
    "ods": ("file-spreadsheet", "green"),
    "pptx": ("file-chart-column", "amber"),
    "docx": ("file-text", "blue"),
    "doc": ("file-text", "blue"),
    "odt": ("file-text", "blue"),
}


def attached(part: Part) -> Attached:
    """Icon and colour by the ending of the name, else by the type (T029: only lists of ours decide)."""
    ending = part.filename.rpartition(".")[2].lower()
    icon, hue = _ENDINGS.get(ending) or next(
        ((icon, hue) for prefix, icon, hue in _KINDS if part.kind.startswith(prefix)), ("file", "slate")
    )
    is_previewed = part.kind in _PREVIEWED and part.decoded_size <= PREVIEW_OCTETS
    return Attached(part, icon, hue, is_previewed)


def preview(octets: bytes) -> image_type.Picture | None:
    """The picture that may be shown beside the text, or None (T044)."""
    picture = image_type.sniff(octets)
    return picture if picture is not None and picture.showable else None
