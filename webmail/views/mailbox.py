"""The list of a mailbox: the page, the list alone, further rows, and the rail."""

from flask import Blueprint, make_response, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from webmail import mail_views, mailbox_list, message_list, rail
from webmail.connection import Mail, lease
from webmail.mailbox_list import Mailbox
from webmail.message import Gone
from webmail.message_list import Cursor, Page, Wish

blueprint = mail_views.attach(Blueprint("mailbox", __name__, url_prefix="/mail"))


def wish(role: str = "") -> Wish:
    """Filter and order of the request; what is not in their lists is the default."""
    chosen, order = request.args.get("filter", ""), request.args.get("order", "")
    return Wish(
        filter=chosen if chosen in message_list.FILTERS else "all",
        order=order if order in message_list.ORDERS else "newest",
        role=role,
    )


@blueprint.get("/box/<path:mailbox>")
def show(mailbox: str) -> BaseResponse:
    """The whole page, or the part of it that a script asks for."""
    mail_views.warm()
    part = request.args.get("part", "list") if mail_views.is_partial() else "page"
    with lease(mail_views.session(), mailbox) as mail:
        if part == "rows":
            return _rows(mail, mailbox)
        current = rail.load(mail)
        box = mailbox_list.by_name(current.mailboxes, mailbox)
        if box is None or not box.selectable:
            raise Gone
        wanted = wish(box.role)
        found = message_list.page(mail, mailbox, wanted, Cursor.parse(request.args.get("cursor", "")))
    template = "mailbox.html" if part == "page" else "_partials/list.html"
    return make_response(render_template(template, box=box, wish=wanted, page=found, words=()))


def _rows(mail: Mail, mailbox: str) -> BaseResponse:
    role = request.args.get("role", "")
    wanted = wish(role if role in mailbox_list.ROLES else "")
    found: Page = message_list.page(mail, mailbox, wanted, Cursor.parse(request.args.get("cursor", "")))
    box = Mailbox(mailbox, role=wanted.role)
    return make_response(render_template("_partials/rows.html", box=box, wish=wanted, page=found, words=()))


@blueprint.get("/rail")
def rail_only() -> BaseResponse:
    """The rail alone, after folders or counts have changed."""
    with lease(mail_views.session()) as mail:
        rail.load(mail)
    return make_response(render_template("_partials/rail.html", current=request.args.get("current", "")))
