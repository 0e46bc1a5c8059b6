"""From the composer to IMAP and submission and back: begin, keep, send, drop. The shell around `draft`.

Invariants: a draft is replaced by appending the new one before the old one is removed, so a crash leaves two, never none; a
letter is put into Sent only after submission took it, and its draft is removed only after that.
"""

import io
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from urllib.parse import quote, unquote

from flask_babel import format_datetime
from flask_babel import gettext as _

from server.accounts.account import aliases_of
from server.mail import build, message_id
from webmail import draft as drafts
from webmail import mail_views, mailbox_list, message, page, sanitize, submission
from webmail.connection import Mail, MailRefused, lease
from webmail.draft import Draft, DraftInvalid, Letter, Mode, Original, Source, Stamp
from webmail.envelope import Person, words
from webmail.mail_error import MailUnavailable
from webmail.message import Gone
from webmail.session import WebSession, desk
from webmail.submission import NotSent, Refusal
from webmail.uploads import Upload, Uploads

ORIGINAL_FIELD = "X-Posthouse-Original"
"""In drafts only: which message is answered, so that it is marked when the draft is sent from another device."""
TEXT_LIMIT = 500_000
Place = tuple[int, int]
"""UIDVALIDITY and UID of a draft."""


def own_addresses(session: WebSession) -> list[str]:
    """The addresses this person may write from, the account's own first."""
    aliases = desk.directory.read_now(lambda r: aliases_of(r, session.account_id))
    return [session.address, *(one for one in aliases if not one.startswith("@"))]


def uploads(session: WebSession) -> Uploads:
    return Uploads(desk.settings, session.account_id)


def begin(session: WebSession, original: Original) -> Draft:
    """A reply or forward of a message. Raises Gone, UploadRefused."""
    with lease(session, original.mailbox) as mail:
        letter = message.open_letter(mail, original.mailbox, original.uidvalidity, original.uid)
        source = _source(mail, letter, original.mode)
        own = own_addresses(session)
        begun = replace(drafts.answer(source, original.mode, own, session.address), original=original)
        if original.mode != "forward":
            return begun
        return replace(begun, files=tuple(one.id for one in _files_of(session, mail, letter)))


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
    moment = envelope.sent_at or letter.fetched.arrived or page.now()
    when = format_datetime(moment, "long")
    if mode != "forward":
        return str(_("On %(when)s %(name)s wrote:", when=when, name=letter.sender.label))
    lines = [
        str(_("Forwarded message")),
        f"{_('From')}: {drafts.written(letter.sender)}",
        f"{_('Date')}: {when}",
        f"{_('Subject')}: {envelope.subject}",
        f"{_('To')}: {', '.join(map(drafts.written, envelope.to))}",
    ]
    return "\n".join(lines)


def _body(mail: Mail, letter: message.Letter) -> str:
    """All texts of a message as HTML of our allow-list, whatever they were."""
    made = []
    for form in letter.body.forms:
        if form.html is not None:
            made.append(clean(message.part_text(mail, letter, form.html)))
        elif form.text is not None:
            made.append(drafts.text_as_html(message.part_text(mail, letter, form.text)[:TEXT_LIMIT]))
    return "<div><br></div>".join(made)


def clean(html: str) -> str:
    """HTML made safe in the sanitiser's own process, for the editor and for what leaves it (T034); as text when it takes too long."""
    safe = mail_views.sanitiser().sanitise(html, sanitize.Reading())
    return safe.html if safe is not None else drafts.text_as_html(html[:TEXT_LIMIT])


def _files_of(session: WebSession, mail: Mail, letter: message.Letter) -> list[Upload]:
    """Copies of the attachments (pictures in the text too) as uploads of the new letter."""
    shelf = uploads(session)
    parts = {part.path: part for part in (*letter.body.attachments, *letter.body.inline)}
    return [
        shelf.put(part.filename or "file", part.kind, io.BytesIO(message.part_octets(mail, letter, part)))
        for part in parts.values()
    ]


def load(session: WebSession, place: Place) -> Draft:
    """Open a draft again. Raises Gone."""
    with lease(session) as mail:
        mailbox = _mailbox(mail, "drafts")
        uidvalidity = place[0] or mail.select(mailbox)
        letter = message.open_letter(mail, mailbox, uidvalidity, place[1])
        block = message.header_block(mail, mailbox, uidvalidity, place[1])
        envelope = letter.fetched.envelope
        return Draft(
            sender=letter.sender.email or session.address,
            to=tuple(map(drafts.written, envelope.to)),
            cc=tuple(map(drafts.written, envelope.cc)),
            bcc=tuple(map(drafts.written, envelope.bcc)),
            subject=envelope.subject,
            body=_body(mail, letter),
            in_reply_to=(message_id.parse_all(words(block.get("In-Reply-To"))) or [""])[0],
            references=tuple(message_id.parse_all(words(block.get("References")))),
            original=_read_original(words(block.get(ORIGINAL_FIELD))),
            files=tuple(one.id for one in _files_of(session, mail, letter)),
        )


def keep(session: WebSession, draft: Draft, place: Place | None) -> Place | None:
    """Put a draft into Drafts in place of its older state; where it lies now. Raises DraftInvalid."""
    extra = [(ORIGINAL_FIELD, _write_original(draft.original))] if draft.original else []
    raw = drafts.saved(draft, _stamp(session, draft, extra), clean)
    with lease(session) as mail:
        mailbox = _mailbox(mail, "drafts")
        made = mail.append(mailbox, raw, names=("\\Draft", "\\Seen"))
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
    letter = drafts.letter(draft, _stamp(session, draft, []), clean)
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
            mail.append(_mailbox(mail, "sent"), letter.raw, names=("\\Seen",))
            _remove(mail, _mailbox(mail, "drafts"), place)
            _mark(mail, draft.original)
    except (MailRefused, MailUnavailable) as error:
        mail_views.log.warning("sent_copy_failed", account=session.account_id, reason=str(error))
    for identifier in draft.files:
        uploads(session).drop(identifier)


def _mark(mail: Mail, original: Original | None) -> None:
    if original is None:
        return
    with suppress(Gone, MailRefused):
        message.select(mail, original.mailbox, original.uidvalidity)
        # $Forwarded: RFC 5788 and the IANA registry of IMAP keywords.
        mail.store([original.uid], ["$Forwarded" if original.mode == "forward" else "\\Answered"], add=True)


def _remove(mail: Mail, mailbox: str, place: Place | None) -> None:
    if place is None:
        return
    with suppress(Gone, MailRefused):
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


def _stamp(session: WebSession, draft: Draft, extra: Sequence[tuple[str, str]]) -> Stamp:
    shelf = uploads(session)
    files = []
    for identifier in draft.files:
        upload = shelf.get(identifier)
        if upload is None:
            raise DraftInvalid("files", "gone")
        files.append(build.Attachment(upload.name, upload.kind, shelf.octets(upload)))
    domain = draft.sender.rpartition("@")[2] or "localhost"
    return Stamp(page.now(), message_id.make(domain, secrets.token_hex(16)), session.name, files, extra)


def person(session: WebSession) -> Person:
    return Person(session.name, session.address)


def _write_original(original: Original) -> str:
    return f"{original.mode} {original.uidvalidity} {original.uid} {quote(original.mailbox, safe='')}"


def _read_original(value: str) -> Original | None:
    parts = value.split(" ")
    if len(parts) != 4 or not (parts[1].isdigit() and parts[2].isdigit()):
        return None
    mode: Mode | None = next((m for m in ("reply", "all", "forward") if m == parts[0]), None)
    return Original(mode, unquote(parts[3]), int(parts[1]), int(parts[2])) if mode else None
