"""Asking once more who somebody is, before what matters: the password, and the code where there is a second factor (security.md T065).

A session that was left open, or taken, must not be enough to change how its owner signs in.
"""

from collections.abc import Mapping

from flask import g, request
from flask_babel import gettext as _
from flask_babel import ngettext

from server.accounts.account import Account
from server.accounts.errors import AuthenticationFailed, Throttled
from server.accounts.token import PREFIX
from server.accounts.written_code import TEXT_LIMIT
from server.log import get_logger
from server.seal import SealError
from webmail.session import desk

PASSWORD_LIMIT = 1_024

log = get_logger("webmail.proof")


class Unproven(Exception):
    """What the form says, by field, and the status of the answer."""

    def __init__(self, field: str, words: str, status: int = 403) -> None:
        super().__init__(field)
        self.problems: Mapping[str, str] = {field: words}
        self.status = status


def password() -> Account:
    """Check the field `password`; raises Unproven."""
    typed = request.form.get("password", "")
    if not typed:
        raise Unproven("password", _("Type your password."), 400)
    if len(typed) > PASSWORD_LIMIT or typed.startswith(PREFIX):
        raise Unproven("password", _("That is not your password."))
    try:
        return desk.authenticator.password_now(
            g.session.address, typed, service="web", peer=request.remote_addr or ""
        ).account
    except AuthenticationFailed:
        raise Unproven("password", _("That is not your password.")) from None
    except Throttled as error:
        raise Unproven("password", _wait(error), 429) from None


def code(account: Account) -> None:
    """Check the field `code` against the second factor; raises Unproven."""
    typed = _typed_code()
    try:
        desk.codes.check_now(account, typed, peer=request.remote_addr or "")
    except AuthenticationFailed:
        raise Unproven("code", _("That code is wrong, too old, or used already. Type the next one.")) from None
    except Throttled as error:
        raise Unproven("code", _wait(error), 429) from None
    except SealError as error:
        log.exception("second_factor_key_unusable", account=account.id)
        raise Unproven("code", _("Codes cannot be checked now. Your administrator has to see to it."), 503) from error


def first_code(account: Account, key: bytes) -> int:
    """Check the field `code` against a key that is to be turned on; returns the step that is used up. Raises Unproven."""
    typed = _typed_code()
    try:
        return desk.codes.first_step(account, key, typed, peer=request.remote_addr or "")
    except AuthenticationFailed:
        raise Unproven(
            "code", _("That code does not fit. Is the clock of your phone right? Type the one it shows now.")
        ) from None
    except Throttled as error:
        raise Unproven("code", _wait(error), 429) from None


def _typed_code() -> str:
    typed = request.form.get("code", "").strip()[:TEXT_LIMIT]
    if not typed:
        raise Unproven("code", _("Type the code."), 400)
    return typed


def _wait(error: Throttled) -> str:
    words: str = ngettext(
        "Too many tries. Wait a second, then try again.",
        "Too many tries. Wait %(num)s seconds, then try again.",
        error.seconds,
    )
    return words
