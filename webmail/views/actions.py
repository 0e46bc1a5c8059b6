"""What is done to messages: one address per verb, answered with what was done and how to take it back."""

from typing import Any

from flask import Blueprint, jsonify, request
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as BaseResponse

from webmail import actions, mail_views, mailbox_list
from webmail.actions import Done, Refused, Wish
from webmail.connection import Mail, lease
from webmail.imap_command import BadArgument
from webmail.jinja_filters import mailbox_label
from webmail.mailbox_list import Mailbox

blueprint = mail_views.attach(Blueprint("actions", __name__, url_prefix="/mail"))
MAX_GROUPS = 50


@blueprint.post("/act/<verb>")
def act(verb: str) -> BaseResponse:
    """Do `verb` to messages.

    The body is JSON: `{"messages": [{"mailbox", "uidvalidity", "uids"}], "target"}`; search results may name several mailboxes.
    The answer holds the words of the toast and the requests that undo it.
    """
    wishes = _wishes(verb)
    with lease(mail_views.session(), wishes[0].mailbox) as mail:
        mailboxes = mailbox_list.load(mail) if verb not in actions.FLAGS else []
        done = [actions.perform(mail, mailboxes, one) for one in wishes]
        label = _target_label(mail, mailboxes, done)
    backs = [one.undo for one in done if one.undo is not None]
    return jsonify(
        said=said(verb, sum(one.count for one in done), label, forever=any(one.forever for one in done)),
        undo=[_as_json(back) for back in backs] if len(backs) == len(done) else [],
        target=done[0].target,
    )


def _wishes(verb: str) -> list[Wish]:
    body = request.get_json(silent=True)
    groups = body.get("messages") if isinstance(body, dict) else None
    if not isinstance(groups, list) or not 0 < len(groups) <= MAX_GROUPS:
        raise BadRequest
    target = body.get("target", "") if isinstance(body, dict) else ""
    try:
        return [_wish(verb, group, target if isinstance(target, str) else "") for group in groups]
    except (Refused, BadArgument, TypeError, ValueError, KeyError) as error:
        raise BadRequest from error


def _wish(verb: str, group: Any, target: str) -> Wish:
    mailbox, uidvalidity, uids = group["mailbox"], group["uidvalidity"], group["uids"]
    if not isinstance(mailbox, str) or not isinstance(uidvalidity, int) or not isinstance(uids, list):
        raise Refused
    if not all(isinstance(uid, int) for uid in uids):
        raise Refused
    own = group.get("target", target)
    return actions.checked(verb, mailbox, uidvalidity, uids, own if isinstance(own, str) else "")


def _as_json(wish: Wish) -> dict[str, object]:
    return {
        "verb": wish.verb,
        "mailbox": wish.mailbox,
        "uidvalidity": wish.uidvalidity,
        "uids": list(wish.uids),
        "target": wish.target,
    }


def _target_label(_mail: Mail, mailboxes: list[Mailbox], done: list[Done]) -> str:
    found = mailbox_list.by_name(mailboxes, done[0].target)
    return mailbox_label(found) if found is not None else done[0].target


def said(verb: str, count: int, label: str, *, forever: bool) -> str:
    """What the toast says."""
    if forever:
        return str(ngettext("%(num)s message deleted for good", "%(num)s messages deleted for good", count))
    sentences = {
        "archive": ngettext("%(num)s message archived", "%(num)s messages archived", count),
        "delete": ngettext("%(num)s message moved to Trash", "%(num)s messages moved to Trash", count),
        "junk": ngettext("%(num)s message marked as junk", "%(num)s messages marked as junk", count),
        "notjunk": ngettext("%(num)s message is not junk", "%(num)s messages are not junk", count),
        "read": ngettext("%(num)s message marked read", "%(num)s messages marked read", count),
        "unread": ngettext("%(num)s message marked unread", "%(num)s messages marked unread", count),
        "star": ngettext("%(num)s message starred", "%(num)s messages starred", count),
        "unstar": ngettext("Star removed from %(num)s message", "Star removed from %(num)s messages", count),
        "undo": _("Undone"),
    }
    moved = ngettext("%(num)s message moved to %(folder)s", "%(num)s messages moved to %(folder)s", count, folder=label)
    return str(sentences.get(verb, moved))
