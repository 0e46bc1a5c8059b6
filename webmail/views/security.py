"""Settings, security: how it stands with the second factor, app passwords, and what happened lately."""

from datetime import UTC, datetime

from flask import Blueprint, Response, flash, g, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from server.accounts import app_password, second_factor, security_event
from server.accounts.security_event import Kind
from server.accounts.token import Token
from webmail import proof
from webmail.i18n import N_
from webmail.session import desk

blueprint = Blueprint("security", __name__, url_prefix="/mail/settings/security")

EVENT_WORDS = {
    Kind.FACTOR_ON: N_("Two-step sign-in was turned on"),
    Kind.FACTOR_OFF: N_("Two-step sign-in was turned off"),
    Kind.FACTOR_OFF_BY_ADMINISTRATOR: N_("The administrator turned two-step sign-in off"),
    Kind.RECOVERY_CODE_USED: N_("A recovery code was used"),
    Kind.RECOVERY_CODES_NEW: N_("New recovery codes were made"),
    Kind.APP_PASSWORD_MADE: N_("An app password was made"),
    Kind.APP_PASSWORD_ENDED: N_("An app password was ended"),
    Kind.DEVICE_REMEMBERED: N_("A device is remembered, which needs no code"),
}
SERVICE_WORDS = {"imap": "IMAP", "pop3": "POP3", "smtp": "SMTP"}


@blueprint.get("")
def index() -> BaseResponse:
    """The page."""
    return _page()


@blueprint.post("/app-passwords")
def make_app_password() -> BaseResponse:
    """Make an app password and show it, this once; wants the password."""
    name = " ".join(request.form.get("name", "").split())[: app_password.NAME_LIMIT]
    try:
        made = _made(name)
    except proof.Unproven as unproven:
        return _page(problems=unproven.problems, name=name, status=unproven.status)
    return _page(fresh=made, fresh_name=name)


def _made(name: str) -> str:
    if not name or not name.isprintable():
        raise proof.Unproven("name", _("Give it a name, such as that of the program or the phone."), 400)
    account, peer = proof.password(), request.remote_addr or ""
    made = desk.directory.write_now(lambda w: app_password.make(w, account.id, name, peer=peer))
    if made is None:
        raise proof.Unproven("name", _("There are too many. End one that you do not use."), 409)
    return made


@blueprint.post("/app-passwords/<int:token_id>/end")
def end_app_password(token_id: int) -> BaseResponse:
    """End an app password; another person's id does nothing."""
    peer = request.remote_addr or ""
    if desk.directory.write_now(lambda w: app_password.revoke(w, g.session.account_id, token_id, peer=peer)):
        flash(_("That app password is worth nothing any more."), "done")
    return redirect(url_for("security.index"))


def _page(*, status: int = 200, **values: object) -> Response:
    standing = desk.directory.read_now(lambda r: second_factor.standing(r, g.session.account_id))
    apps = desk.directory.read_now(lambda r: app_password.list_for(r, g.session.account_id))
    events = desk.directory.read_now(lambda r: security_event.recent(r, g.session.account_id))
    shown = {"problems": {}, "name": "", "fresh": "", "fresh_name": ""} | values
    return make_response(
        render_template(
            "settings/security.html",
            section="security",
            standing=standing,
            since=datetime.fromtimestamp(standing.created, UTC) if standing else None,
            apps=[_app(token) for token in apps],
            events=[(EVENT_WORDS[one.kind], one.peer, datetime.fromtimestamp(one.at, UTC)) for one in events],
            **shown,
        ),
        status,
    )


def _app(token: Token) -> dict[str, object]:
    return {
        "id": token.id,
        "name": token.label,
        "peer": token.peer,
        "service": SERVICE_WORDS.get(token.service, ""),
        "created": datetime.fromtimestamp(token.created, UTC),
        "last_used": datetime.fromtimestamp(token.last_used, UTC) if token.last_used else None,
    }
