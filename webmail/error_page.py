"""Errors as people read them: one title and one remedy for each status, as a page, a partial or JSON. Never an exception's text."""

from flask import Response, jsonify, make_response, render_template, request
from flask_babel import gettext as _

from webmail.i18n import N_

WORDS: dict[int, tuple[str, str]] = {
    400: (
        N_("That request cannot be read"),
        N_("Go back and try again. If a link brought you here, it was cut or is too old."),
    ),
    401: (N_("You are signed out"), N_("Sign in again to go on.")),
    403: (N_("That is not open to you"), N_("Ask the administrator of this installation.")),
    404: (N_("There is nothing here"), N_("It was moved or deleted, or the address is mistyped.")),
    405: (
        N_("That request cannot be read"),
        N_("Go back and try again. If a link brought you here, it was cut or is too old."),
    ),
    409: (N_("Somebody was faster"), N_("It was changed meanwhile. Load the page again.")),
    413: (N_("That is too large"), N_("Send it in parts, or as a link.")),
    421: (N_("This server has another name"), N_("Open it by the name its administrator gave you.")),
    429: (N_("Too many tries"), N_("Wait a moment, then try again.")),
    500: (
        N_("Something broke on our side"),
        N_(
            "Nothing you did was lost that had been confirmed. Try again; if it stays, give the administrator the number below."
        ),
    ),
    502: (N_("The mail server does not answer"), N_("It may be starting. Try again in a moment; nothing is lost.")),
    503: (N_("The mail server does not answer"), N_("It may be starting. Try again in a moment; nothing is lost.")),
}
NOT_YOURS = (
    N_("You may not do that in this folder"),
    N_("It belongs to somebody else, who decides what you may do there."),
)
"""What the server means by NOPERM (RFC 5530) and READ-ONLY: the rights on a shared mailbox are its owner's to give."""
EXPIRED = (
    N_("This page is too old"),
    N_("It was open for long, or you signed in elsewhere meanwhile. Load it again, then repeat what you did."),
)


def answer(code: int, title: str, remedy: str, *, number: str | None = None) -> Response:
    """One shape for a page, for a partial and for a script that wants JSON."""
    if request.headers.get("Accept", "").startswith("application/json"):
        return make_response(jsonify(error=_(title), remedy=_(remedy), id=number), code)
    template = "errors/partial.html" if "HX-Request" in request.headers else "errors/page.html"
    return make_response(render_template(template, code=code, title=_(title), remedy=_(remedy), number=number), code)
