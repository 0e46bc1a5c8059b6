"""Settings, security: turning the second factor on and off, and its recovery codes.

Invariants: nothing is on before a code has proved that it works; the key and the recovery codes are in one answer each, and in no
address, log or store but as the server keeps them; every change wants the password, and the code where there is one; the session
gets a new token (security.md T059), and all others end when the second factor comes on, as they have not shown it.
"""

from collections.abc import Callable, Sequence

from flask import Blueprint, Response, flash, g, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from server.accounts import app_password, one_time, remembered_device, second_factor
from server.accounts.account import Account
from server.db.transaction import Writer
from server.log import get_logger
from server.seal import SealError
from webmail import parting, proof, qr_code, sealed_form, session
from webmail.session import desk

blueprint = Blueprint("two_step", __name__, url_prefix="/mail/settings/security/two-step")
log = get_logger("webmail.two_step")


def _is_on() -> bool:
    return desk.directory.read_now(lambda r: second_factor.is_on(r, g.session.account_id))


@blueprint.route("", methods=["GET", "POST"])
def turn_on() -> BaseResponse:
    """What changes, the key to take over, and the code that proves it."""
    if _is_on():
        return redirect(url_for("security.index"))
    if request.method == "GET":
        return _key_page(second_factor.new_key())
    text = sealed_form.unseal(request.form.get("key", ""), _purpose())
    if text is None:
        flash(_("That took too long. Begin again."), "bad")
        return redirect(url_for("two_step.turn_on"))
    key = bytes.fromhex(text)
    try:
        account = proof.password()
        step = proof.first_code(account, key)
        done = desk.directory.write_now(lambda w: _turn_on(w, account, key, step))
    except proof.Unproven as unproven:
        return _key_page(key, problems=unproven.problems, status=unproven.status)
    except SealError:
        log.exception("second_factor_key_unusable", account=g.session.account_id)
        words = _("Codes cannot be checked now. Your administrator has to see to it.")
        return _key_page(key, problems={"code": words}, status=503)
    if done is None:
        return redirect(url_for("security.index"))
    codes, ended = done
    for token_id in ended:
        parting.take_down(token_id)
    return _codes_page(codes, new=True)


def _turn_on(w: Writer, account: Account, key: bytes, step: int) -> tuple[list[str], list[int]] | None:
    codes = second_factor.turn_on(w, desk.keyring, account.id, key, step=step, peer=request.remote_addr or "")
    return None if codes is None else (codes, session.end_others(w, account.id, g.session.token_id))


@blueprint.route("/off", methods=["GET", "POST"])
def turn_off() -> BaseResponse:
    """Password and code, and the second factor is off."""

    def act(account: Account) -> BaseResponse:
        desk.directory.write_now(lambda w: _turn_off(w, account))
        response = make_response(redirect(url_for("security.index")))
        _renew(response)
        flash(_("Two-step sign-in is off."), "done")
        return response

    return _prove(act, way="off")


def _turn_off(w: Writer, account: Account) -> None:
    second_factor.turn_off(w, account.id, peer=request.remote_addr or "")
    remembered_device.forget_all(w, account.id)


@blueprint.route("/recovery-codes", methods=["GET", "POST"])
def recovery_codes() -> BaseResponse:
    """Password and code, and there are ten new recovery codes; the former ones are worth nothing."""

    def act(account: Account) -> BaseResponse:
        peer = request.remote_addr or ""
        return _codes_page(desk.directory.write_now(lambda w: second_factor.renew_codes(w, account.id, peer=peer)))

    return _prove(act, way="codes")


def _prove(act: Callable[[Account], BaseResponse], *, way: str) -> BaseResponse:
    """Ask for password and code, then act."""
    if not _is_on():
        return redirect(url_for("security.index"))
    problems, status = {}, 200
    if request.method == "POST":
        try:
            account = proof.password()
            proof.code(account)
            return act(account)
        except proof.Unproven as unproven:
            problems, status = dict(unproven.problems), unproven.status
    page = render_template("settings/two_step_prove.html", section="security", way=way, problems=problems)
    return make_response(page, status)


def _key_page(key: bytes, *, problems: object = None, status: int = 200) -> Response:
    address = one_time.address_of(key, account=g.session.address, issuer=desk.directory.hostname())
    apps = desk.directory.read_now(lambda r: app_password.list_for(r, g.session.account_id))
    page = render_template(
        "settings/two_step.html",
        section="security",
        picture=qr_code.svg(address, _("QR code for your authenticator app")),
        spelled=one_time.spelled(key),
        key=sealed_form.seal(key.hex(), _purpose()),
        problems=problems or {},
        apps=len(apps),
    )
    return make_response(page, status)


def _codes_page(codes: Sequence[str], *, new: bool = False) -> Response:
    response = make_response()
    if new:
        # Before the page is made: the forms on it belong to the new session.
        _renew(response)
    response.set_data(
        render_template(
            "settings/two_step_codes.html", section="security", codes=codes, new=new, host=desk.directory.hostname()
        )
    )
    return response


def _renew(response: Response) -> None:
    parting.take_down(session.renew(response))


def _purpose() -> str:
    return f"two-step:{g.session.account_id}"
