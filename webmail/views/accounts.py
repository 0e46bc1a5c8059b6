"""Outside accounts: the list, and a page per source with its state, its ledger and what can be done. Adding is `add_account`."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response as BaseResponse

from fetcher.account import TLS_CHOICES, Source, SourceInvalid
from webmail import sources
from webmail.i18n import N_

blueprint = Blueprint("accounts", __name__, url_prefix="/mail/accounts")

TLS_WORDS = {
    "implicit": N_("TLS from the first byte"),
    "starttls": N_("STARTTLS"),
    "none": N_("None (own network only)"),
}
COLOUR_WORDS = {
    "coral": N_("Coral"),
    "amber": N_("Amber"),
    "olive": N_("Olive"),
    "green": N_("Green"),
    "petrol": N_("Petrol"),
    "blue": N_("Blue"),
    "violet": N_("Violet"),
    "rose": N_("Rose"),
    "slate": N_("Slate"),
}
MAX_OFFSET = 10_000_000
EDITABLE = ("name", "address", "mailbox", "colour", "host", "tls", "username")


@blueprint.get("/")
def index() -> BaseResponse:
    """The list; asked for by htmx it is the list alone."""
    return _answer("accounts/list.html", "accounts/index.html", all=sources.mine())


@blueprint.get("/<int:source_id>")
def show(source_id: int) -> BaseResponse:
    """One source; asked for by htmx only what moves."""
    source = sources.one(source_id)
    offset, search = request.args.get("offset", 0, type=int), sources.text(request.args, "q")
    offset = min(max(0, offset), MAX_OFFSET)
    page = sources.page_of(source, offset=offset, search=search)
    return _answer("accounts/live.html", "accounts/source.html", source=source, page=page, offset=offset, search=search)


def _answer(partial: str, whole: str, **values: Any) -> BaseResponse:
    template = partial if "HX-Request" in request.headers else whole
    return make_response(
        render_template(
            template, section="accounts", words=sources, tls_words=TLS_WORDS, story_words=sources.STORY_WORDS, **values
        )
    )


@blueprint.route("/<int:source_id>/edit", methods=["GET", "POST"])
def edit(source_id: int) -> BaseResponse:
    """Name, colour, folder, server and password."""
    source = sources.one(source_id)
    if request.method == "GET":
        return _edit_page(source, {f: getattr(source, f) for f in (*EDITABLE, "port", "leave")}, {})
    form = request.form
    values: dict[str, Any] = {name: sources.text(form, name) for name in EDITABLE}
    values |= {"port": sources.port(sources.text(form, "port")), "leave": form.get("leave") != "no"}
    if values["colour"] not in sources.COLOURS or values["tls"] not in TLS_CHOICES:
        values |= {"colour": source.colour} if values["colour"] not in sources.COLOURS else {"tls": source.tls}
    try:
        sources.change(source, values, form.get("password") or None)
    except SourceInvalid as error:
        return _edit_page(source, values, sources.problem(error), status=400)
    flash(_("Saved."), "done")
    return redirect(url_for("accounts.show", source_id=source.id))


def _edit_page(source: Source, values: dict[str, Any], problems: dict[str, str], *, status: int = 200) -> BaseResponse:
    page = render_template(
        "accounts/edit.html",
        section="accounts",
        source=source,
        values=values,
        problems=problems,
        words=sources,
        tls_words=TLS_WORDS,
        colour_words=COLOUR_WORDS,
    )
    return make_response(page, status)


def _act(source_id: int, action: Callable[[Source], Any], said: str) -> BaseResponse:
    action(sources.one(source_id))
    flash(said, "done")
    return redirect(url_for("accounts.show", source_id=source_id))


@blueprint.post("/<int:source_id>/collect")
def collect(source_id: int) -> BaseResponse:
    return _act(source_id, sources.collect, _("Collecting now."))


@blueprint.post("/<int:source_id>/pause")
def pause(source_id: int) -> BaseResponse:
    return _act(source_id, sources.pause, _("Paused. Nothing is collected until you go on."))


@blueprint.post("/<int:source_id>/resume")
def resume(source_id: int) -> BaseResponse:
    return _act(source_id, sources.resume, _("Collecting again."))


@blueprint.post("/<int:source_id>/retry")
def retry(source_id: int) -> BaseResponse:
    """Try what was left at the provider once more."""
    number = sources.retry_refused(sources.one(source_id))
    flash(ngettext("One message is tried again.", "%(num)s messages are tried again.", number), "done")
    return redirect(url_for("accounts.show", source_id=source_id))


@blueprint.post("/<int:source_id>/remove")
def remove(source_id: int) -> BaseResponse:
    """Stop collecting for good; collected mail stays."""
    sources.remove(sources.one(source_id))
    flash(_("Removed. What was collected stays in your mailbox."), "done")
    return redirect(url_for("accounts.index"))


@blueprint.post("/collect-all")
def collect_all() -> BaseResponse:
    """Every source of this person, now."""
    for source in sources.mine():
        sources.collect(source)
    if "HX-Request" in request.headers:
        return make_response("", 204)
    flash(_("Collecting now."), "done")
    return redirect(url_for("accounts.index"))
