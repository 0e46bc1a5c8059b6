"""A message: the reading pane, a letter of a conversation, its source, its header, its way here, and on paper."""

from datetime import datetime

from flask import Blueprint, Response, make_response, render_template, request
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as BaseResponse

from webmail import document, letter_html, mail_views, mailbox_list, message, message_list, plain_text, rail, route
from webmail.connection import lease
from webmail.envelope import Person
from webmail.i18n import language_tag
from webmail.jinja_filters import long_time
from webmail.letter_html import Shown
from webmail.message_list import Wish
from webmail.open_letter import opened
from webmail.sanitize_link import host_of, web_address

blueprint = mail_views.attach(Blueprint("message", __name__, url_prefix="/mail"))
MAX_RAW_SHOWN = 2 * 2**20


@blueprint.get("/message/<int:uidvalidity>/<int:uid>/<path:mailbox>")
def show(uidvalidity: int, uid: int, mailbox: str) -> BaseResponse:
    """The reading pane; one letter of it (`part=letter`); or, without a script, the whole page around it."""
    partial = mail_views.is_partial()
    with lease(mail_views.session(), mailbox) as mail:
        letter = message.open_letter(mail, mailbox, uidvalidity, uid)
        view = opened(mail, letter)
        if partial and request.args.get("part") == "letter":
            return make_response(render_template("_partials/letter.html", view=view, alone=False))
        current = rail.load(mail)
        others = message.companions(mail, letter, _conversation_mailboxes(current, mailbox))
        if partial:
            return make_response(render_template("_partials/reading.html", view=view, others=others))
        box = mailbox_list.by_name(current.mailboxes, mailbox) or mailbox_list.Mailbox(mailbox)
        wanted = Wish(role=box.role)
        found = message_list.page(mail, mailbox, wanted)
    return make_response(
        render_template("mailbox.html", box=box, wish=wanted, page=found, view=view, others=others, words=())
    )


def _conversation_mailboxes(current: rail.Rail, mailbox: str) -> list[str]:
    sent = mailbox_list.by_role(current.mailboxes, "sent")
    return [mailbox, *([sent.name] if sent else [])]


@blueprint.get("/raw/<int:uidvalidity>/<int:uid>/<path:mailbox>")
def raw(uidvalidity: int, uid: int, mailbox: str) -> BaseResponse:
    """The source, as text to read or as a file to keep (T035: never as what it claims to be)."""
    with lease(mail_views.session(), mailbox) as mail:
        octets = message.raw(mail, mailbox, uidvalidity, uid)
    download = request.args.get("download") == "1"
    answer = Response(octets if download else octets[:MAX_RAW_SHOWN])
    answer.headers["Content-Type"] = "message/rfc822" if download else "text/plain; charset=utf-8"
    answer.headers["Content-Disposition"] = f'attachment; filename="message-{uid}.eml"' if download else "inline"
    answer.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return answer


@blueprint.get("/headers/<int:uidvalidity>/<int:uid>/<path:mailbox>")
def headers(uidvalidity: int, uid: int, mailbox: str) -> BaseResponse:
    """Every header field, and the hops with their delays."""
    with lease(mail_views.session(), mailbox) as mail:
        block = message.header_block(mail, mailbox, uidvalidity, uid)
    fields = [(field.name, block_text(field.value)) for field in block.fields[:400]]
    hops = route.hops(block.all("Received"))
    return make_response(render_template("_partials/headers.html", fields=fields, hops=hops))


def block_text(value: bytes) -> str:
    """A header value for reading, at most a screenful."""
    return value.decode("utf-8", "replace")[:4_000]


@blueprint.get("/print/<int:uidvalidity>/<int:uid>/<path:mailbox>")
def printed(uidvalidity: int, uid: int, mailbox: str) -> BaseResponse:
    """The message as one document to print, behind the same two walls."""
    with lease(mail_views.session(), mailbox) as mail:
        letter = message.open_letter(mail, mailbox, uidvalidity, uid)
        content = "".join(
            _on_paper(letter_html.make(mail, letter, form, mail_views.sanitiser())) for form in letter.body.forms
        )
    envelope = letter.fetched.envelope
    moment: datetime | None = envelope.sent_at or letter.fetched.arrived
    fields = [
        ("From", ", ".join(_full(person) for person in envelope.from_)),
        ("To", ", ".join(_full(person) for person in envelope.to)),
        ("Cc", ", ".join(_full(person) for person in envelope.cc)),
        ("Date", long_time(moment)),
    ]
    text = document.printed(content, title=envelope.subject, fields=fields, language=language_tag())
    answer = Response(text)
    answer.headers.update(document.headers(request.host_url.rstrip("/")))
    return answer


def _on_paper(shown: Shown) -> str:
    if shown.safe is not None:
        return shown.safe.html
    return "".join(f'<div class="text">{block.markup}</div>' for block in plain_text.render(shown.text))


def _full(person: Person) -> str:
    return f"{person.name} <{person.email}>" if person.name else person.email


@blueprint.get("/leave")
def leave() -> BaseResponse:
    """Asks before a link whose text names another place than it leads to (T022)."""
    target = web_address(request.args.get("to", ""))
    if not target:
        raise BadRequest
    said = request.args.get("said", "")[:200]
    return make_response(render_template("leave.html", target=target, host=host_of(target), said=said))
