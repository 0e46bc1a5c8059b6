"""Settings, mail programs: what a program gets by POP3, and what becomes of mail that it fetched or deleted."""

import time

from flask import Blueprint, flash, g, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from server.accounts import pop3_choice
from server.accounts.pop3_choice import INBOX, MOST_DAYS, Choice, ChoiceInvalid, Deleted
from webmail import rail
from webmail.i18n import N_
from webmail.jinja_filters import mailbox_label
from webmail.session import desk

blueprint = Blueprint("programs", __name__, url_prefix="/mail/settings/programs")

DELETED_WORDS = (
    (Deleted.REMOVED, N_("Delete it here too"), N_("At once and for good, as POP3 means it")),
    (Deleted.TRASH, N_("Move it to the trash"), N_("You can still get it back on these pages")),
    (Deleted.ARCHIVE, N_("Move it to the archive"), N_("The program forgets it, and everything stays here")),
)
DAYS_DIGITS = 4


@blueprint.route("", methods=["GET", "POST"])
def pop3() -> BaseResponse:
    """The page; its form saves all of it."""
    standing = desk.directory.read_now(lambda r: pop3_choice.of(r, g.session.account_id))
    if request.method == "GET":
        return _page(standing)
    choice, problems = _wanted(standing)
    if not problems:
        try:
            now = int(time.time())
            desk.directory.write_now(lambda w: pop3_choice.put(w, g.session.account_id, choice, now=now))
        except ChoiceInvalid:
            # Days and mailbox are checked before; this is left.
            problems["label"] = _("A label is one word of letters without accents, such as ToDo.")
    if problems:
        return _page(choice, problems, status=400)
    flash(_("Saved."), "done")
    return redirect(url_for("programs.pop3"))


def _wanted(standing: Choice) -> tuple[Choice, dict[str, str]]:
    """What the form asks for, and what is wrong with it."""
    form, problems = request.form, dict[str, str]()
    mailbox = form.get("mailbox", INBOX)
    if mailbox != standing.mailbox and mailbox not in _names():
        mailbox, problems["mailbox"] = INBOX, _("This folder is not there any more.")
    days: int | None = None
    written = form.get("days", "").strip()
    if written:
        is_number = written.isascii() and written.isdigit() and len(written) <= DAYS_DIGITS
        if is_number and 1 <= int(written) <= MOST_DAYS:
            days = int(written)
        else:
            problems["days"] = _("A number of days from 1 to %(most)s, or nothing.", most=MOST_DAYS)
    deleted = form.get("deleted", "")
    becomes = Deleted(deleted) if deleted in set(Deleted) else Deleted.REMOVED
    return Choice(mailbox, form.get("label", "").strip(), becomes, days), problems


def _names() -> dict[str, str]:
    """The folders there are, with what they are called here: POP3 shows no virtual mailbox, and nobody else's."""
    real = (box for box in rail.current().mailboxes if box.selectable and not box.virtual and not box.owner)
    found = {box.name: mailbox_label(box) for box in real}
    return found or {INBOX: _("Inbox")}


def _page(choice: Choice, problems: dict[str, str] | None = None, *, status: int = 200) -> BaseResponse:
    folders = _names()
    if choice.mailbox not in folders:
        # It stands there so that saving something else does not change it unseen.
        folders[choice.mailbox] = choice.mailbox
    return make_response(
        render_template(
            "settings/programs.html",
            section="programs",
            choice=choice,
            days=request.form.get("days", choice.days or "") if problems else choice.days or "",
            folders=folders,
            deleted_words=DELETED_WORDS,
            most=MOST_DAYS,
            problems=problems or {},
        ),
        status,
    )
