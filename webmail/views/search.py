"""Search: the page of results, and the suggestions of the search box."""

from typing import Any

from flask import Blueprint, make_response, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from webmail import mail_views, query, rail, search
from webmail.connection import lease
from webmail.jinja_filters import today
from webmail.mailbox_list import Mailbox
from webmail.message_list import Page, Wish

blueprint = mail_views.attach(Blueprint("search", __name__, url_prefix="/mail"))
SUGGESTED_ROWS = 5
SUGGESTED_MAILBOXES = 3


@blueprint.get("/search")
def show() -> BaseResponse:
    """Results as rows of the list."""
    text = request.args.get("q", "")[: query.MAX_QUERY]
    chosen = request.args.get("in", "")
    wanted = query.parse(text, today())
    offset = min(max(request.args.get("offset", 0, type=int), 0), search.MOST_ROWS)
    with lease(mail_views.session()) as mail:
        current = rail.load(mail)
        places = search.scope(current.mailboxes, wanted, chosen)
        limit = min(offset + search.MAX_ROWS, search.MOST_ROWS)
        found = search.run(mail, places, wanted, limit=limit) if wanted.tokens or wanted.mailbox else None
    rows = found.rows[offset:] if found else ()
    page = Page("", 0, rows, found.total if found else 0)
    has_more = found is not None and len(found.rows) == limit < min(found.total, search.MOST_ROWS)
    scope: dict[str, Any] = {"in": chosen} if chosen else {}
    more = url_for("search.show", q=text, offset=limit, **scope) if has_more else ""
    template = "search.html"
    if mail_views.is_partial():
        template = "_partials/rows.html" if request.args.get("part") == "rows" else "_partials/list.html"
    return make_response(
        render_template(
            template,
            box=Mailbox("", role="search"),
            wish=Wish(conversations=False),
            page=page,
            words=wanted.words,
            q=text,
            chosen=chosen,
            found=found,
            more=more,
        )
    )


OPERATORS = (
    ("from:", "user-round", lambda: _("who wrote it")),
    ("to:", "user-round", lambda: _("who received it")),
    ("subject:", "text-cursor-input", lambda: _("words of the subject")),
    ("has:attachment", "paperclip", lambda: _("any file attached")),
    ("is:unread", "mail", lambda: _("not read yet")),
    ("is:starred", "star", lambda: _("with a star")),
    ("larger:5M", "file", lambda: _("at least this size")),
    ("newer_than:30d", "calendar", lambda: _("days, weeks, months, years")),
    ("before:2026-01-01", "calendar", lambda: _("arrived before that day")),
    ("in:Archive", "folder", lambda: _("only that folder")),
)  # icons: user-round text-cursor-input paperclip mail star file calendar folder


@blueprint.get("/suggest")
def suggest() -> BaseResponse:
    """Operators that fit what is being typed, and a few results of the inbox."""
    text = request.args.get("q", "")[: query.MAX_QUERY]
    last = text.rsplit(" ", 1)[-1].lower()
    fitting = [one for one in OPERATORS if one[0].startswith(last)] if last else list(OPERATORS)
    wanted = query.parse(text, today())
    rows: tuple[object, ...] = ()
    if wanted.tokens and len(text.strip()) > 1:
        with lease(mail_views.session(), "INBOX") as mail:
            rows = search.run(mail, [Mailbox("INBOX", role="inbox")], wanted, limit=SUGGESTED_ROWS).rows
    return make_response(
        render_template(
            "_partials/suggest.html", operators=fitting[:4], rows=rows, q=text, last=last, words=wanted.words
        )
    )
