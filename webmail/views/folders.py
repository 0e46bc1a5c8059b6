"""Folders of one's own: make, rename, delete.

The mail of a folder that is deleted goes to Trash first, so that nothing is lost by one press.
"""

from flask import Blueprint, jsonify, request
from flask_babel import gettext
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as BaseResponse

from webmail import actions, mail_views, mailbox_list
from webmail.connection import Mail, lease
from webmail.envelope import shown
from webmail.mail_error import MailRefused
from webmail.mailbox_list import Mailbox
from webmail.message import Gone

blueprint = mail_views.attach(Blueprint("folders", __name__, url_prefix="/mail"))
MAX_NAME = 200


def _(text: str, **values: object) -> str:
    return str(gettext(text, **values))


@blueprint.post("/folders")
def change() -> BaseResponse:
    """One change: `{"do": "create"|"rename"|"delete", "mailbox", "name"}`."""
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise BadRequest
    wanted, mailbox, name = (str(body.get(key, "")) for key in ("do", "mailbox", "name"))
    with lease(mail_views.session()) as mail:
        mailboxes = mailbox_list.load(mail)
        if wanted == "create":
            return _create(mail, mailboxes, name)
        box = mailbox_list.by_name(mailboxes, mailbox)
        if box is None or box.virtual or box.role in mailbox_list.ROLES:
            raise Gone
        if box.owner:
            return _cannot(_("This folder belongs to somebody else."))
        if wanted == "rename":
            return _rename(mail, mailboxes, box, name)
        if wanted == "delete":
            return _delete(mail, mailboxes, box)
    raise BadRequest


def problem(mailboxes: list[Mailbox], name: str) -> str:
    """Why a folder may not be called so; empty when it may."""
    clean = shown(name)
    if not clean or clean != name or any(not piece.strip() for piece in name.split("/")):
        return _("Give the folder a name.")
    if len(name) > MAX_NAME:
        return _("That name is too long.")
    if any(character in name for character in "*%\\"):
        return _("A name cannot have * % or \\ in it.")
    if any(mailbox.name.casefold() == name.casefold() for mailbox in mailboxes):
        return _("There is a folder of that name.")
    return ""


def _create(mail: Mail, mailboxes: list[Mailbox], name: str) -> BaseResponse:
    if words := problem(mailboxes, name):
        return _cannot(words)
    try:
        mail.create(name)
    except MailRefused:
        return _cannot(_("The mail server does not accept that name."))
    return jsonify(said=_("Folder %(name)s made", name=name), mailbox=name)


def _rename(mail: Mail, mailboxes: list[Mailbox], box: Mailbox, name: str) -> BaseResponse:
    if words := problem([one for one in mailboxes if one.name != box.name], name):
        return _cannot(words)
    if name != box.name:
        try:
            mail.rename(box.name, name)
        except MailRefused:
            return _cannot(_("The mail server does not accept that name."))
    return jsonify(said=_("Folder renamed to %(name)s", name=name), mailbox=name)


def _delete(mail: Mail, mailboxes: list[Mailbox], box: Mailbox) -> BaseResponse:
    inside = [one for one in mailboxes if one.name.startswith(box.name + (box.delimiter or "/"))]
    if inside:
        return _cannot(_("There are folders in it. Delete or move those first."))
    moved = 0
    if box.selectable:
        uidvalidity = mail.select(box.name)
        uids = mail.search(["ALL"])
        if uids:
            moved = actions.perform(mail, mailboxes, actions.Wish("delete", box.name, uidvalidity, tuple(uids))).count
    mail.remove_mailbox(box.name)
    said = _("Folder %(name)s deleted", name=box.label)
    return jsonify(
        said=said if not moved else _("Folder %(name)s deleted, its mail is in Trash", name=box.label), mailbox=""
    )


def _cannot(words: str) -> BaseResponse:
    answer = jsonify(error=words)
    answer.status_code = 409
    return answer
