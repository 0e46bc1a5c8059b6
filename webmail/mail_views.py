"""What the views of mail share: services of one process, errors of the mail server as answers, and who is asking.

The services are made at first use, after a worker process was forked: processes, locks and sockets do not survive a fork.
"""

import hashlib
import hmac
import threading
from collections.abc import Callable

from flask import Blueprint, Flask, current_app, g, request
from flask.blueprints import BlueprintSetupState
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

from server.log import get_logger
from webmail import compression, error_page, jinja_filters, page, proxy, rail
from webmail.imap_command import BadArgument
from webmail.letter_html import LetterCache
from webmail.mail_error import MailRefused, MailUnavailable, SignInExpired
from webmail.message import Gone
from webmail.proxy import Fetcher
from webmail.sanitize import Reading
from webmail.sanitize_process import Sanitiser
from webmail.session import WebSession

log = get_logger("webmail.mail")
_DONE = "posthouse_mail_views"
_WARM = "posthouse_sanitiser_warm"


def attach(blueprint: Blueprint) -> Blueprint:
    """Make sure that an application which takes this blueprint has filters and error answers for it."""
    blueprint.record_once(_once)
    return blueprint


def _once(state: BlueprintSetupState) -> None:
    app = state.app
    if not isinstance(app, Flask):
        return
    if app.extensions.setdefault(_DONE, state.blueprint) is not state.blueprint:
        return
    jinja_filters.init_app(app)
    compression.init_app(app)
    app.jinja_env.globals.update(
        mail_rail=rail.current,
        origin_of=rail.origin_of,
        source_words=rail.source_words,
    )
    app.register_error_handler(MailUnavailable, _unavailable)
    app.register_error_handler(SignInExpired, _expired)
    app.register_error_handler(MailRefused, _refused)
    app.register_error_handler(Gone, _gone)
    app.register_error_handler(BadArgument, _gone)


def _unavailable(error: MailUnavailable) -> BaseResponse:
    log.warning("mail_server_unavailable", reason=str(error), path=request.path)
    return error_page.answer(503, *error_page.WORDS[503])


def _expired(_error: SignInExpired) -> BaseResponse:
    log.info("mail_sign_in_expired", account=session().account_id)
    answer = error_page.answer(401, *error_page.WORDS[401])
    answer.headers["HX-Redirect"] = "/mail/sign-in"
    return answer


def _refused(error: MailRefused) -> BaseResponse:
    if error.code in ("NONEXISTENT", "TRYCREATE"):
        return error_page.answer(404, *error_page.WORDS[404])
    if error.code in ("NOPERM", "READ-ONLY"):
        return error_page.answer(403, *error_page.NOT_YOURS)
    log.warning("mail_server_refused", code=error.code, reason=str(error), path=request.path)
    return error_page.answer(409, *error_page.WORDS[409])


def _gone(_error: Exception) -> BaseResponse:
    return error_page.answer(404, *error_page.WORDS[404])


def session() -> WebSession:
    """Who is signed in; the guard has seen to that for every route of mail."""
    found = g.get("session")
    if not isinstance(found, WebSession):
        raise NotFound
    return found


def is_partial() -> bool:
    """Whether a script asks for a piece of a page."""
    return "HX-Request" in request.headers


def _service(name: str, make: Callable[[], object]) -> object:
    extensions = current_app.extensions
    found = extensions.get(name)
    if found is None:
        found = extensions.setdefault(name, make())
    return found


def sanitiser() -> Sanitiser:
    found = _service("posthouse_sanitiser", Sanitiser)
    if not isinstance(found, Sanitiser):
        raise TypeError
    return found


def warm() -> None:
    """Have a sanitiser process ready before the first message is opened; once in a process."""
    if _WARM not in current_app.extensions:
        current_app.extensions[_WARM] = True
        threading.Thread(target=sanitiser().sanitise, args=("<p>", Reading()), daemon=True, name="warm").start()


def letters() -> LetterCache:
    found = _service("posthouse_letters", LetterCache)
    if not isinstance(found, LetterCache):
        raise TypeError
    return found


def fetcher() -> Fetcher:
    found = _service("posthouse_images", Fetcher)
    if not isinstance(found, Fetcher):
        raise TypeError
    return found


def proxy_key() -> bytes:
    """The key of signed image addresses, derived from the one that signs forms."""
    secret = current_app.config["SECRET_KEY"]
    master = secret.encode() if isinstance(secret, str) else bytes(secret)
    return hmac.new(master, b"image proxy", hashlib.sha256).digest()


def signer() -> Callable[[str], str]:
    """Gives the proxy's address of a remote image, for the person who is signed in."""
    key, account, moment = proxy_key(), session().account_id, page.now().timestamp()
    return lambda url: f"/mail/proxy/{proxy.sign(key, account, url, moment)}"


def consent_day() -> str:
    """Changes when signed addresses would."""
    return str(int(page.now().timestamp() // proxy.DAY))
