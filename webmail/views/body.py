"""The frame's own address: mail HTML behind the second wall, and images by way of the proxy."""

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound, TooManyRequests
from werkzeug.wrappers import Response as BaseResponse

from server.log import get_logger
from webmail import document, letter_html, mail_views, message, page, plain_text, proxy
from webmail.connection import lease
from webmail.i18n import language_tag
from webmail.letter_html import Shown
from webmail.open_letter import shown
from webmail.places import places

log = get_logger("webmail.body")
blueprint = mail_views.attach(Blueprint("body", __name__, url_prefix="/mail"))


@blueprint.get("/body/<int:uidvalidity>/<int:uid>/<path:mailbox>")
def show(uidvalidity: int, uid: int, mailbox: str) -> BaseResponse:
    """One text of a message as a document of its own."""
    index = min(max(request.args.get("form", 0, type=int), 0), 100)
    session = mail_views.session()
    consent = request.args.get("images") == "1" and session.preferences.images != "never"
    consent = consent or session.preferences.images == "always"
    day = mail_views.consent_day() if consent else ""
    made = mail_views.letters().get(letter_html.key(session.account_id, mailbox, uidvalidity, uid, index, day))
    if made is None:
        with lease(session, mailbox) as mail:
            letter = message.open_letter(mail, mailbox, uidvalidity, uid)
            if index >= len(letter.body.forms):
                raise NotFound
            made = shown(mail, letter, index, consent=consent)
    theme = request.args.get("theme", "")
    coloured = made.safe is not None and made.safe.coloured
    chosen = theme if theme in document.THEMES and not coloured else "light"
    answer = Response(document.page(_content(made), language=language_tag(), theme=chosen))
    answer.headers.update(document.headers(request.host_url.rstrip("/")))
    return answer


def _content(made: Shown) -> str:
    if made.safe is not None:
        return made.safe.html
    blocks = plain_text.render(made.text)
    return "".join(f"<pre>{block.markup}</pre>" for block in blocks)


@blueprint.get("/proxy/<token>")
def image(token: str) -> BaseResponse:
    """A remote image that a person asked for. No session: the frame has none; the signature says who and which (T054)."""
    named = proxy.unsign(mail_views.proxy_key(), token, page.now().timestamp())
    if named is None:
        raise NotFound
    account = named[0]
    if not places().enter(account):
        raise TooManyRequests
    try:
        found = mail_views.fetcher().image(*named)
    except proxy.NotFetched as error:
        log.info("image_not_fetched", reason=str(error))
        raise NotFound from error
    finally:
        places().leave(account)
    answer = Response(found.data)
    answer.headers["Content-Type"] = found.kind
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    # The frame is of no origin, so 'same-origin' would keep the picture from it; nobody else has the address.
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    answer.headers["Cache-Control"] = "private, max-age=86400"
    return answer
