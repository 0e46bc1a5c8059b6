"""The set-up wizard: the first pages of a fresh installation, and not there afterwards.

What was answered so far travels in the signed form cookie; the administrator's password is sealed in it, since a signature hides
nothing. Nothing is written before the last step, which is one transaction.
"""

import time
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, abort, make_response, redirect, render_template, request, url_for
from flask import session as form_session
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from server.accounts.account import Account
from server.accounts.errors import AccountError, AddressInvalid, DomainInvalid, PasswordWeak
from server.admin import setup as facade
from server.admin.setup import Plan
from server.log import get_logger
from webmail import sealed_form, session, setup_state
from webmail.i18n import N_
from webmail.session import desk

blueprint = Blueprint("setup", __name__, url_prefix="/mail/setup")
log = get_logger("webmail.setup")

KEY, LOG_KEY = "setup", "setup_log"
FIELD_LIMIT = 320
STEPS = (
    ("start", N_("Language")),
    ("names", N_("Domain and host name")),
    ("administrator", N_("Administrator")),
    ("summary", N_("Summary")),
    ("done", N_("Set up")),
)
STEP_WORDS = {
    "domain": N_("The domain is served here"),
    "hostname": N_("The host name is stored"),
    "administrator": N_("The administrator’s account is made"),
}


@dataclass(frozen=True, slots=True)
class Answers:
    """What the wizard knows so far; empty where it has not asked yet."""

    code_right: bool = False
    domain: str = ""
    hostname: str = ""
    local_part: str = ""
    name: str = ""
    sealed: str = ""


def _answers() -> Answers:
    stored = form_session.get(KEY)
    if not isinstance(stored, dict):
        return Answers()
    texts = {k: str(stored.get(k, ""))[:2_000] for k in ("domain", "hostname", "local_part", "name", "sealed")}
    return Answers(code_right=stored.get("code_right") is True, **texts)


def _keep(**changes: Any) -> None:
    known = _answers()
    form_session[KEY] = {k: changes.get(k, getattr(known, k)) for k in Answers.__slots__}


def _text(name: str) -> str:
    return request.form.get(name, "").strip()[:FIELD_LIMIT]


def _page(step: str, *, status: int = 200, **values: Any) -> Response:
    order = [name for name, _title in STEPS]
    page = render_template(
        f"setup/{step}.html",
        step=step,
        steps=STEPS,
        at=order.index(step),
        known=_answers(),
        back=request.path,
        **values,
    )
    return make_response(page, status)


def _allowed() -> bool:
    return not setup_state.code_needed(desk.settings) or _answers().code_right


@blueprint.route("/", methods=["GET", "POST"])
def start() -> BaseResponse:
    """Language, and the code from the terminal where strangers could be first."""
    needed = setup_state.code_needed(desk.settings)
    if request.method == "GET":
        return _page("start", code_needed=needed and not _answers().code_right, problem="")
    if needed and not _answers().code_right:
        if not setup_state.code_matches(desk.settings, _text("code")):
            # No throttle is needed: 32^12 codes, and a wrong one costs a round trip.
            log.warning("setup_code_wrong", peer=request.remote_addr)
            return _page("start", code_needed=True, problem=_("That is not the code on the terminal."), status=403)
        _keep(code_right=True)
    return redirect(url_for("setup.names"))


@blueprint.route("/names", methods=["GET", "POST"])
def names() -> BaseResponse:
    """Mail domain and host name."""
    if not _allowed():
        return redirect(url_for("setup.start"))
    if request.method == "GET":
        return _page("names", domain=_answers().domain, hostname=_answers().hostname, problems={})
    domain, hostname = _text("domain"), _text("hostname")
    problems: dict[str, str] = {}
    for key, value, check in (("domain", domain, facade.check_domain), ("hostname", hostname, facade.check_hostname)):
        try:
            _keep(**{key: check(value)})
        except DomainInvalid:
            problems[key] = _("Write a name such as example.org, with a dot and without spaces.")
    if problems:
        return _page("names", domain=domain, hostname=hostname, problems=problems, status=400)
    return redirect(url_for("setup.administrator"))


@blueprint.route("/administrator", methods=["GET", "POST"])
def administrator() -> BaseResponse:
    """The first person, who may do everything."""
    known = _answers()
    if not _allowed() or not known.domain:
        return redirect(url_for("setup.names"))
    if request.method == "GET":
        return _page("administrator", local_part=known.local_part, name=known.name, problems={})
    local_part, name, password = _text("local_part"), _text("name"), request.form.get("password", "")
    problems = _administrator_problems(local_part, known.domain, password)
    if problems:
        return _page("administrator", local_part=local_part, name=name, problems=problems, status=400)
    _keep(local_part=local_part, name=name, sealed=sealed_form.seal(password, KEY))
    return redirect(url_for("setup.summary"))


def _administrator_problems(local_part: str, domain: str, password: str) -> dict[str, str]:
    if password != request.form.get("again", ""):
        return {"again": _("The two passwords differ.")}
    if len(password) > FIELD_LIMIT:
        return {"password": _("The password is too long.")}
    try:
        facade.check_administrator(local_part, domain, password)
    except AddressInvalid:
        return {"local_part": _("Write the part before the @: letters, digits, dots and dashes.")}
    except PasswordWeak:
        return {"password": _("Use 8 characters or more.")}
    return {}


@blueprint.route("/summary", methods=["GET", "POST"])
def summary() -> BaseResponse:
    """Everything once more; the button applies it."""
    known = _answers()
    if not _allowed() or not known.sealed:
        return redirect(url_for("setup.administrator"))
    if request.method == "GET":
        return _page("summary", problem="")
    password = sealed_form.unseal(known.sealed, KEY)
    if password is None:
        return redirect(url_for("setup.administrator"))
    started, steps = time.monotonic(), []

    def note(step: str) -> None:
        steps.append((step, round((time.monotonic() - started) * 1000)))

    plan = Plan(known.domain, known.hostname, known.local_part, known.name, password)
    try:
        account = desk.directory.write_now(lambda w: facade.apply(w, plan, note))
    except AccountError:
        log.warning("setup_failed", step=len(steps))
        return _page(
            "summary", problem=_("Somebody set this installation up meanwhile, or a name was refused."), status=409
        )
    return _applied(account, steps)


def _applied(account: Account, steps: list[tuple[str, int]]) -> BaseResponse:
    setup_state.forget_code(desk.settings)
    log.info("set_up", account=account.id, peer=request.remote_addr)
    response = make_response(redirect(url_for("setup.done")))
    session.open_for(account, response, stay=False)
    form_session[LOG_KEY] = steps
    return response


@blueprint.get("/done")
def done() -> BaseResponse:
    """The log of steps, once, for the one who set it up."""
    steps = form_session.get(LOG_KEY)
    if not isinstance(steps, list):
        abort(404)
    return _page(
        "done", log=[(STEP_WORDS.get(name, name), ms) for name, ms in steps], hostname=desk.directory.hostname()
    )
