"""From the composer to IMAP and submission and back: begin, keep, send, drop. The shell around `draft`.

Invariants: a draft is replaced by appending the new one before the old one is removed, so a crash leaves two, never none; a
letter is put into Sent only after submission took it, and its draft is removed only after that.
"""

import hashlib
import io
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import quote, unquote

from flask_babel import format_date, format_time
from flask_babel import gettext as _

from server.accounts.account import aliases_of
from server.mail import build, html_text, message_id
from webmail import draft as drafts
from webmail import jinja_filters, mail_views, mailbox_list, message, page, submission
from webmail.connection import Mail, MailRefused, lease
from webmail.draft import Draft, DraftInvalid, Letter, Mode, Original, Source, Stamp
from webmail.envelope import words
from webmail.imap_command import BadArgument
from webmail.mail_error import MailUnavailable
from webmail.message import Gone
from webmail.session import WebSession, desk
from webmail.submission import NotSent, Refusal
from webmail.uploads import Upload, UploadRefused, Uploads

ORIGINAL_FIELD = "X-Posthouse-Original"
"""In drafts only: which message is answered, so that it is marked when the draft is sent from another device."""
TEXT_LIMIT = 500_000
CLEAN_SECONDS = 20.0
"""A long letter may take this long; its writer would rather wait than lose how it looks."""
Place = tuple[int, int]
"""UIDVALIDITY and UID of a draft."""


@dataclass(frozen=True, slots=True)
class Begun:
    """What the composer opens with. `lacking` names files that found no room; then the draft they are in stays as it is."""

    draft: Draft
    place: Place | None = None
    files: tuple[Upload, ...] = ()
    lacking: tuple[str, ...] = ()


def own_addresses(session: WebSession) -> list[str]:
    """The addresses this person may write from, the account's own first."""
    aliases = desk.directory.read_now(lambda r: aliases_of(r, session.account_id))
    return [session.address, *(one for one in aliases if not one.startswith("@"))]


def uploads(session: WebSession) -> Uploads:
    return Uploads(desk.settings, session.account_id)


def begin(session: WebSession, original: Original) -> Begun:
    """A reply or forward of a message. Raises Gone."""
    with lease(session, original.mailbox) as mail:
        letter = message.open_letter(mail, original.mailbox, original.uidvalidity, original.uid)
        source = _source(mail, letter, original.mode)
        draft = replace(
            drafts.answer(source, original.mode, own_addresses(session), session.address), original=original
        )
        if original.mode != "forward":
            return Begun(draft)
        return _with_files(session, mail, letter, Begun(draft))


def _source(mail: Mail, letter: message.Letter, mode: Mode) -> Source:
    envelope = letter.fetched.envelope
    return Source(
        sender=letter.sender,
        reply_to=envelope.reply_to,
        to=envelope.to,
        cc=envelope.cc,
        subject=envelope.subject,
        message_id=(message_id.parse_all(envelope.message_id) or [""])[0],
        references=message_id.parse_all(words(letter.headers.get("References"))),
        body=_body(mail, letter),
        introduction=_introduction(letter, mode),
    )


def _introduction(letter: message.Letter, mode: Mode) -> str:
    envelope = letter.fetched.envelope
    when = _when(envelope.sent_at or letter.fetched.arrived or page.now())
    if mode != "forward":
        return str(_("On %(when)s %(name)s wrote:", when=when, name=letter.sender.label))
    lines = [
        str(_("Forwarded message")),
        f"{_('From')}: {drafts.written(letter.sender)}",
        f"{_('Date')}: {when}",
        f"{_('Subject')}: {envelope.subject}",
        f"{_('To')}: {', '.join(map(drafts.written, envelope.to))}",
        *([f"{_('Cc')}: {', '.join(map(drafts.written, envelope.cc))}"] if envelope.cc else []),
    ]
    return "\n".join(lines)


def _when(moment: datetime) -> str:
    """24 Nov 2026, 09:42 on the writer's clock."""
    return f"{format_date(jinja_filters.local(moment).date(), _('d MMM y'))}, {format_time(moment, 'HH:mm')}"


def _body(mail: Mail, letter: message.Letter) -> str:
    """All texts of a message as HTML of our allow-list, whatever they were."""
    made = []
    for form in letter.body.forms:
        if form.html is not None:
            made.append(clean(message.part_text(mail, letter, form.html)).strip())
        elif form.text is not None:
            made.append(drafts.text_as_html(message.part_text(mail, letter, form.text)[:TEXT_LIMIT].rstrip()))
    return "<div><br></div>".join(made)


def clean(html: str) -> str:
    """HTML made safe in the sanitiser's own process, for the editor and for what leaves it (T034); its words when that fails."""
    safe = mail_views.sanitiser().reduce(html, seconds=CLEAN_SECONDS) if html else ""
    return safe if safe is not None else drafts.text_as_html(html_text.to_text(html)[:TEXT_LIMIT])


def _with_files(session: WebSession, mail: Mail, letter: message.Letter, begun: Begun) -> Begun:
    """Copies of the attachments (pictures in the text too) as uploads of the new letter."""
    shelf = uploads(session)
    parts = {part.path: part for part in (*letter.body.attachments, *letter.body.inline)}
    files, lacking = [], []
    for part in parts.values():
        name = part.filename or "file"
        try:
            files.append(shelf.put(name, part.kind, io.BytesIO(message.part_octets(mail, letter, part))))
        except UploadRefused:
            lacking.append(name)
    ids = tuple(one.id for one in files)
    return replace(begun, draft=replace(begun.draft, files=ids), files=tuple(files), lacking=tuple(lacking))


def load(session: WebSession, place: Place) -> Begun:
    """Open a draft again. Raises Gone."""
    with lease(session) as mail:
        mailbox = _mailbox(mail, "drafts")
        letter = message.open_letter(mail, mailbox, *place)
        block = message.header_block(mail, mailbox, *place)
        envelope = letter.fetched.envelope
        typed = drafts.unfinished(words(block.get(drafts.UNFINISHED_FIELD)))
        draft = Draft(
            sender=letter.sender.email or session.address,
            to=(*map(drafts.written, envelope.to), *typed["to"]),
            cc=(*map(drafts.written, envelope.cc), *typed["cc"]),
            bcc=(*map(drafts.written, envelope.bcc), *typed["bcc"]),
            subject=envelope.subject,
            body=_body(mail, letter),
            in_reply_to=(message_id.parse_all(words(block.get("In-Reply-To"))) or [""])[0],
            references=tuple(message_id.parse_all(words(block.get("References")))),
            original=_read_original(words(block.get(ORIGINAL_FIELD))),
        )
        begun = _with_files(session, mail, letter, Begun(draft, place))
        return replace(begun, place=None) if begun.lacking else begun


def keep(session: WebSession, draft: Draft, place: Place | None, writing_id: str) -> Place | None:
    """Put a draft into Drafts in place of its older state; where it lies now. Raises DraftInvalid."""
    extra = [(ORIGINAL_FIELD, _write_original(draft.original))] if draft.original else []
    raw = drafts.saved(draft, _stamp(session, draft, writing_id, extra), clean)
    with lease(session) as mail:
        mailbox = _mailbox(mail, "drafts")
        return _put(mail, mailbox, raw, place)


def _put(mail: Mail, mailbox: str, raw: bytes, place: Place | None) -> Place | None:
    """A draft in place of its older state: in one step where the server can, which works at a full quota too."""
    names = ("\\Draft", "\\Seen")
    if place is not None and mail.has("REPLACE"):
        with suppress(Gone, MailRefused):  # the older state is gone: what is written now must not be lost with it
            message.select(mail, mailbox, place[0])
            return mail.append(mailbox, raw, names=names, over=place[1])
    made = mail.append(mailbox, raw, names=names)
    _remove(mail, mailbox, place)
    return made


def drop(session: WebSession, place: Place | None, files: Sequence[str]) -> None:
    """Throw a draft away with its files."""
    with lease(session) as mail:
        _remove(mail, _mailbox(mail, "drafts"), place)
    for identifier in files:
        uploads(session).drop(identifier)


def send(session: WebSession, draft: Draft, place: Place | None, writing_id: str) -> list[Refusal]:
    """Send a letter once; the recipients who were refused while others were taken. Raises DraftInvalid, NotSent."""
    if draft.sender.casefold() not in {one.casefold() for one in own_addresses(session)}:
        raise DraftInvalid("sender", "foreign", draft.sender)
    letter = drafts.letter(draft, _stamp(session, draft, writing_id, ()), clean)
    account = session.account_id
    state = desk.directory.write_now(lambda w: submission.claim(w, account, writing_id))
    if state == "sent":
        return []
    if state == "under-way":
        raise NotSent("under-way", temporary=True)
    try:
        refused = submission.send(
            desk.settings, session.address, session.token, letter.sender.addr_spec, letter.recipients, letter.raw
        )
    except BaseException:
        desk.directory.write_now(lambda w: submission.settle(w, account, writing_id, sent=False))
        raise
    desk.directory.write_now(lambda w: submission.settle(w, account, writing_id, sent=True))
    _afterwards(session, draft, letter, place)
    return refused


def _afterwards(session: WebSession, draft: Draft, letter: Letter, place: Place | None) -> None:
    """Copy into Sent, mark the original, remove the draft. The letter is on its way: none of it may call that in question."""
    try:
        with lease(session) as mail:
            mail.append(_mailbox(mail, "sent"), letter.copy, names=("\\Seen",))
            _remove(mail, _mailbox(mail, "drafts"), place)
            _mark(mail, draft.original)
    except (MailRefused, MailUnavailable) as error:
        mail_views.log.warning("sent_copy_failed", account=session.account_id, reason=str(error))
    for identifier in draft.files:
        uploads(session).drop(identifier)


def _mark(mail: Mail, original: Original | None) -> None:
    if original is None:
        return
    with suppress(Gone, MailRefused, BadArgument):
        message.select(mail, original.mailbox, original.uidvalidity)
        # $Forwarded: RFC 5788 and the IANA registry of IMAP keywords.
        mail.store([original.uid], ["$Forwarded" if original.mode == "forward" else "\\Answered"], add=True)


def _remove(mail: Mail, mailbox: str, place: Place | None) -> None:
    if place is None:
        return
    with suppress(Gone, MailRefused, BadArgument):
        message.select(mail, mailbox, place[0])
        mail.delete([place[1]])


def _mailbox(mail: Mail, role: str) -> str:
    """The mailbox of a special use, made when the server has none."""
    found = mailbox_list.by_role(mailbox_list.load(mail), role)
    if found is not None:
        return found.name
    name = role.capitalize()
    mail.create(name)
    return name


def _stamp(session: WebSession, draft: Draft, writing_id: str, extra: Sequence[tuple[str, str]]) -> Stamp:
    shelf = uploads(session)
    files = []
    for identifier in draft.files:
        upload = shelf.get(identifier)
        if upload is None:
            raise DraftInvalid("files", "gone")
        files.append(build.Attachment(upload.name, upload.kind, shelf.octets(upload)))
    domain = draft.sender.rpartition("@")[2] or "localhost"
    # T091: known before the first try, and the same at every further one, so that whoever gets two copies can tell.
    unique = hashlib.sha256(f"{session.account_id} {writing_id}".encode()).hexdigest()[:32]
    return Stamp(page.now(), message_id.make(domain, unique), session.name, files, extra)


def _write_original(original: Original) -> str:
    return f"{original.mode} {original.uidvalidity} {original.uid} {quote(original.mailbox, safe='')}"


def _read_original(value: str) -> Original | None:
    parts = value.split(" ")
    if len(parts) != 4 or not (parts[1].isdigit() and parts[2].isdigit()):
        return None
    mode: Mode | None = next((m for m in ("reply", "all", "forward") if m == parts[0]), None)
    return Original(mode, unquote(parts[3]), int(parts[1]), int(parts[2])) if mode else None
