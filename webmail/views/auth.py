"""Sign-in, sign-out, and the language of the sign-in page."""

from flask import Blueprint, Response, flash, g, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response as BaseResponse

from server.accounts import second_factor
from server.accounts.account import Account
from server.accounts.code_check import Way
from server.accounts.errors import AuthenticationFailed, Throttled
from server.accounts.signed_in import SignedIn
from server.accounts.token import PREFIX
from server.accounts.written_code import TEXT_LIMIT
from server.log import get_logger
from server.seal import SealError
from webmail import i18n, page, parting, preferences, session, threshold
from webmail.guard import own_path
from webmail.session import desk
from webmail.threshold import Wish

blueprint = Blueprint("auth", __name__, url_prefix="/mail")
log = get_logger("webmail.auth")

NAME_LIMIT = 320
PASSWORD_LIMIT = 1_024


@blueprint.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> BaseResponse:
    """The card; a right password opens a session and leads to where the visitor wanted to go."""
    target = own_path(request.values.get("next")) or url_for("root_mail")
    if request.method == "GET":
        return redirect(target) if g.session else _card()
    name = request.form.get("name", "").strip()[:NAME_LIMIT]
    password = request.form.get("password", "")
    if not name or not password:
        return _card(name=name, problem="empty", status=400)
    try:
        signed = _check(name, password)
    except AuthenticationFailed:
        log.warning("sign_in_refused", peer=request.remote_addr)
        return _card(name=name, problem="wrong", status=403)
    except Throttled as error:
        return _card(name=name, problem="throttled", seconds=error.seconds, status=429)
    wish = Wish(target, request.form.get("stay") == "yes", request.form.get("time_zone", "")[:64])
    if not signed.code_due:
        return _open(signed.account, wish, by="password")
    if threshold.recognised(signed.account):
        return _open(signed.account, wish, by="password, remembered device")
    response = make_response(redirect(url_for("auth.code")))
    threshold.enter(response, signed, wish)
    return response


@blueprint.route("/sign-in/code", methods=["GET", "POST"])
def code() -> BaseResponse:
    """The second page, for those with a second factor: a code of the authenticator program, or a recovery code."""
    if g.session:
        return redirect(url_for("root_mail"))
    found = threshold.waiting()
    if found is None:
        if request.method == "POST":
            flash(_("That took too long. Sign in again."), "bad")
        return redirect(url_for("auth.sign_in"))
    account, wish = found
    if request.method == "GET":
        return _code_card(account)
    typed = request.form.get("code", "").strip()[:TEXT_LIMIT]
    if not typed:
        return _code_card(account, problem="empty", status=400)
    try:
        way = desk.codes.check_now(account, typed, peer=request.remote_addr or "")
    except AuthenticationFailed:
        return _code_card(account, problem="wrong", status=403)
    except Throttled as error:
        return _code_card(account, problem="throttled", seconds=error.seconds, status=429)
    except SealError:
        log.exception("second_factor_key_unusable", account=account.id)
        return _code_card(account, problem="broken", status=503)
    response = _open(account, wish, by=f"password, {way.value}")
    threshold.leave(response)
    if request.form.get("remember") == "yes":
        threshold.remember(account, response)
    if way is Way.RECOVERY:
        left = desk.directory.read_now(lambda r: second_factor.standing(r, account.id))
        flash(
            ngettext(
                "A recovery code is used up now; %(num)s is left.",
                "A recovery code is used up now; %(num)s are left.",
                left.codes_left if left else 0,
            ),
            "done",
        )
    return response


def _open(account: Account, wish: Wish, *, by: str) -> Response:
    """Open the session of somebody who has shown all that is asked for."""
    desk.authenticator.arrived(account, request.remote_addr or "")
    _remember_zone(account, wish.zone)
    response = make_response(redirect(wish.target))
    session.open_for(account, response, stay=wish.stay)
    if g.session:
        parting.take_down(g.session.token_id)  # the former session of this browser
    log.info("signed_in", account=account.id, peer=request.remote_addr, by=by)
    return response


def _check(name: str, password: str) -> SignedIn:
    if len(password) > PASSWORD_LIMIT or password.startswith(PREFIX):
        # A token is not a password of the web: whoever holds one has a session already.
        raise AuthenticationFailed
    return desk.authenticator.password_now(name, password, service="web", peer=request.remote_addr or "")


def _code_card(account: Account, *, problem: str = "", seconds: int = 0, status: int = 200) -> Response:
    response = make_response(
        render_template(
            "signin_code.html",
            account=account,
            problem=problem,
            seconds=seconds,
            recovery=request.values.get("way") == "recovery",
            remember=request.form.get("remember") == "yes",
            back=url_for("auth.code", way=request.values.get("way") if "way" in request.values else None),
        ),
        status,
    )
    if seconds:
        response.headers["Retry-After"] = str(seconds)
    return response


def _remember_zone(account: Account, zone: str) -> None:
    """Take the browser's time zone on the first sign-in; later changes are the person's own."""
    current = desk.directory.read_now(lambda r: preferences.load(r, account.id))
    wanted = preferences.changed(current, time_zone=zone)
    if not current.time_zone and wanted != current:
        desk.directory.write_now(lambda w: preferences.save(w, account.id, wanted))


def _card(*, name: str = "", problem: str = "", seconds: int = 0, status: int = 200) -> Response:
    page = render_template(
        "signin.html",
        host=desk.directory.hostname(),
        name=name,
        problem=problem,
        seconds=seconds,
        next=own_path(request.values.get("next")) or "",
        stay=request.form.get("stay") == "yes",
    )
    response = make_response(page, status)
    if seconds:
        response.headers["Retry-After"] = str(seconds)
    return response


@blueprint.post("/sign-out")
def sign_out() -> BaseResponse:
    """End this session; the token is worth nothing afterwards."""
    response = make_response(redirect(url_for("auth.sign_in")))
    session.close(g.session, response)
    parting.take_down(g.session.token_id)
    flash(_("You are signed out."), "done")
    return response


@blueprint.post("/language")
def language() -> BaseResponse:
    """Choose the language of the pages before sign-in."""
    wanted = request.form.get("language", "")
    response = make_response(redirect(_back()))
    if wanted in preferences.LANGUAGES:
        response.set_cookie(
            i18n.COOKIE,
            wanted,
            max_age=i18n.COOKIE_SECONDS,
            secure=session.is_secure(),
            httponly=True,
            samesite="Lax",
        )
    return response


@blueprint.post("/look")
def look() -> BaseResponse:
    """A wish about the page's look, from a switch that has shown it already; kept for the person, or for the browser."""
    wishes: dict[str, object] = {k: request.form[k] for k in ("theme", "density", "reading_pane") if k in request.form}
    wanted = preferences.changed(page.look(), **wishes)
    if g.session and wanted != g.session.preferences:
        desk.directory.write_now(lambda w: preferences.save(w, g.session.account_id, wanted))
    response = Response(status=204)
    page.keep_theme(response, wanted.theme)
    return response


def _back() -> str:
    return own_path(request.form.get("back")) or url_for("auth.sign_in", next=own_path(request.form.get("next")))
