"""Writing: the composer's window, its drafts, its files, and sending."""

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from flask import Blueprint, jsonify, render_template, request
from flask_babel import format_time
from flask_babel import gettext as _
from werkzeug.exceptions import BadRequest, NotFound
from werkzeug.wrappers import Response as BaseResponse

from server.mail import message_id
from webmail import correspondents, mail_views, page, writing
from webmail.draft import SUBJECT_LIMIT, Draft, DraftInvalid, Original, text_as_html
from webmail.mail_error import MailRefused
from webmail.submission import WRITING_ID_LIMIT, NotSent
from webmail.uploads import UploadRefused
from webmail.writing import Begun, Place

blueprint = mail_views.attach(Blueprint("compose", __name__, url_prefix="/mail/compose"))
FIELD_LIMIT = 200
BODY_LIMIT = 2 * 2**20
JSON_LIMIT = 4 * BODY_LIMIT
"""Octets of a letter without its files; a character may take several."""
SUGGESTIONS = 8
_MODES = ("reply", "all", "forward")


@blueprint.get("")
def compose() -> str:
    """The composer: empty, from a mailto link, as an answer, or a draft again; a piece of a page for scripts."""
    session = mail_views.session()
    begun = _begun()
    context = {
        "draft": begun.draft,
        "place": begun.place,
        "files": begun.files,
        "senders": writing.own_addresses(session),
        "limit": writing.uploads(session).limit,
        "title": _title(begun.draft, begun.place),
        "trouble": _lacking(begun.lacking),
    }
    name = "_partials/composer.html" if mail_views.is_partial() else "compose.html"
    return render_template(name, **context)


def _title(draft: Draft, place: Place | None) -> str:
    if draft.original is None:
        return str(_("Draft") if place else _("New message"))
    return str(_("Forward") if draft.original.mode == "forward" else _("Reply"))


def _lacking(names: Sequence[str]) -> str:
    return str(_("There was no room for %(names)s: it is not attached.", names=", ".join(names))) if names else ""


def _begun() -> Begun:
    session = mail_views.session()
    if "reply" in request.args:
        return writing.begin(session, _original(request.args["reply"], request.args.get("mode", "reply")))
    if "draft" in request.args:
        return writing.load(session, _place(request.args["draft"]))
    # T085: a mailto link fills these and nothing else; it is shown before it is sent.
    to, cc = (tuple(filter(None, map(str.strip, request.args.get(name, "").split(",")))) for name in ("to", "cc"))
    body = text_as_html(request.args["body"][:BODY_LIMIT]) if request.args.get("body") else ""
    subject = request.args.get("subject", "")[:SUBJECT_LIMIT]
    return Begun(Draft(session.address, to[:FIELD_LIMIT], cc[:FIELD_LIMIT], (), subject, body))


def _original(text: str, mode: str) -> Original:
    parts = text.split("/", 2)
    if len(parts) != 3 or mode not in _MODES:
        raise NotFound
    return Original(mode, parts[2], *_place("/".join(parts[:2])))  # type: ignore[arg-type]  # one of _MODES


def _place(text: str) -> Place:
    parts = text.split("/")
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() and len(part) <= 10 for part in parts):
        raise NotFound
    return int(parts[0]), int(parts[1])


@blueprint.post("/draft")
def keep() -> BaseResponse:
    """Keep what is written so far; answers where it lies and when it was kept."""
    body = _json()
    draft, place = _draft(body)
    try:
        kept = writing.keep(mail_views.session(), draft, place, _writing_id(body))
    except DraftInvalid as error:
        return _invalid(error)
    return jsonify(draft=list(kept) if kept else None, said=_("Saved %(time)s", time=format_time(page.now(), "HH:mm")))


@blueprint.post("/discard")
def discard() -> BaseResponse:
    """Throw it away."""
    draft, place = _draft(_json())
    writing.drop(mail_views.session(), place, draft.files)
    return jsonify(said=_("Draft thrown away"))


@blueprint.post("/send")
def send() -> BaseResponse:
    """Send it. 422 names the field that is wrong, 409 says why nobody got it."""
    body = _json()
    draft, place = _draft(body)
    try:
        refused = writing.send(mail_views.session(), draft, place, _writing_id(body))
    except DraftInvalid as error:
        return _invalid(error)
    except NotSent as error:
        return _answer(409, error=_not_sent(error))
    if refused:
        names = ", ".join(one.address for one in refused)
        return jsonify(said=_("Sent, but not to %(names)s: %(why)s", names=names, why=refused[0].text))
    return jsonify(said=_("Message sent"))


@blueprint.post("/upload")
def upload() -> BaseResponse:
    """Take a file; its octets are the body, its name and type are in the address."""
    name = request.args.get("name", "file")
    shelf = writing.uploads(mail_views.session())
    try:
        kept = shelf.put(name, request.args.get("type", ""), request.stream)
    except UploadRefused as error:
        if error.reason == "many":
            return _answer(
                413,
                error=_(
                    "There are too many files in letters that were not sent. Send or throw away one of them first."
                ),
            )
        megabytes = shelf.limit // 2**20
        return _answer(
            413,
            error=_("%(name)s is too large: a letter takes %(limit)s MB of files at most.", name=name, limit=megabytes),
        )
    return jsonify(id=kept.id, name=kept.name, size=kept.size)


@blueprint.post("/upload/<identifier>/drop")
def drop(identifier: str) -> BaseResponse:
    writing.uploads(mail_views.session()).drop(identifier)
    return jsonify()


@blueprint.get("/people")
def people() -> BaseResponse:
    """Suggestions for a recipient field, from mail written and received before."""
    query = request.args.get("q", "").strip()[:FIELD_LIMIT]
    session = mail_views.session()
    known = _known(session.token_id, lambda: correspondents.gather(session))
    found = correspondents.matching(known, query, SUGGESTIONS)
    return jsonify([{"name": one.name, "email": one.email} for one in found])


_REMEMBERED: "OrderedDict[int, tuple[float, list[Any]]]" = OrderedDict()
_REMEMBER_SECONDS = 300.0
_REMEMBER_SESSIONS = 200
_lock = threading.Lock()


def _known(key: int, gather: Any) -> list[Any]:
    now = time.monotonic()
    with _lock:
        entry = _REMEMBERED.get(key)
    if entry is not None and entry[0] > now:
        return entry[1]
    found = gather()
    with _lock:
        _REMEMBERED[key] = (now + _REMEMBER_SECONDS, found)
        while len(_REMEMBERED) > _REMEMBER_SESSIONS:
            _REMEMBERED.popitem(last=False)
    return list(found)


def _json() -> dict[str, Any]:
    request.max_content_length = JSON_LIMIT
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise BadRequest
    return body


def _writing_id(body: dict[str, Any]) -> str:
    """What the browser calls this letter, from the first save to the sending."""
    found = body.get("writing_id")
    if not isinstance(found, str) or not 8 <= len(found) <= WRITING_ID_LIMIT:
        raise BadRequest
    return found


def _draft(body: dict[str, Any]) -> tuple[Draft, Place | None]:
    original = body.get("original")
    place = body.get("draft")
    return (
        Draft(
            sender=_text(body, "sender", FIELD_LIMIT * 2),
            to=_texts(body, "to"),
            cc=_texts(body, "cc"),
            bcc=_texts(body, "bcc"),
            subject=_text(body, "subject", 4_000),
            body=_text(body, "body", BODY_LIMIT),
            in_reply_to=(message_id.parse_all(f"<{_text(body, 'in_reply_to', 998)}>") or [""])[0],
            references=tuple(message_id.parse_all(" ".join(f"<{one}>" for one in _texts(body, "references")))),
            original=_original(original, _text(body, "mode", 10)) if isinstance(original, str) and original else None,
            files=_texts(body, "files"),
        ),
        (place[0], place[1])
        if isinstance(place, list) and len(place) == 2 and all(isinstance(n, int) for n in place)
        else None,
    )


def _text(body: dict[str, Any], name: str, limit: int) -> str:
    value = body.get(name, "")
    if not isinstance(value, str) or len(value) > limit:
        raise BadRequest
    return value


def _texts(body: dict[str, Any], name: str) -> tuple[str, ...]:
    values = body.get(name, [])
    if (
        not isinstance(values, list)
        or len(values) > FIELD_LIMIT
        or not all(isinstance(v, str) and len(v) < 2_000 for v in values)
    ):
        raise BadRequest
    return tuple(values)


def _answer(status: int, **values: str) -> BaseResponse:
    answer = jsonify(**values)
    answer.status_code = status
    return answer


def _invalid(error: DraftInvalid) -> BaseResponse:
    sentences = {
        ("to", "empty"): _("Name at least one recipient."),
        ("to", "many"): _("That is more recipients than one letter may have."),
        ("subject", "long"): _("The subject is too long."),
        ("sender", "foreign"): _("You cannot write from this address here."),
        ("sender", "address"): _("You cannot write from this address here."),
        ("files", "gone"): _("A file is no longer here; attach it again."),
    }
    fallback = _("%(text)s is not an address that mail can be sent to.", text=error.text)
    return _answer(422, error=sentences.get((error.field, error.reason), fallback), field=error.field, text=error.text)


def _not_sent(error: NotSent) -> str:
    if error.refusals:
        first = error.refusals[0]
        return str(_("Not sent: %(address)s was refused (%(why)s).", address=first.address, why=first.text))
    sentences = {
        "under-way": _("It is being sent already."),
        "unreachable": _("The mail server does not answer. Your letter is kept as a draft; try again in a moment."),
        "signed-out": _("Your session has ended. Sign in again; your letter is kept as a draft."),
    }
    return str(sentences.get(error.reason) or _("Not sent: the mail server said: %(why)s", why=error.reason))


@blueprint.errorhandler(MailRefused)
def _refused(error: MailRefused) -> BaseResponse:
    """A draft that does not fit is told as such; the rest as for every page of mail."""
    if request.method == "POST" and error.code in ("OVERQUOTA", "LIMIT", "TOOBIG"):
        return _answer(409, error=_("Your mailbox is full: the draft could not be kept."))
    raise error
