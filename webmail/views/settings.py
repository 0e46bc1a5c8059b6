"""Settings: how the pages look and behave (general), and where the person is signed in (devices)."""

from datetime import UTC, datetime
from zoneinfo import available_timezones

from flask import Blueprint, flash, g, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from server.accounts import remembered_device
from server.accounts import token as tokens
from server.db.transaction import Writer
from webmail import page, parting, preferences, session, threshold
from webmail.i18n import N_
from webmail.session import KIND, desk

blueprint = Blueprint("settings", __name__, url_prefix="/mail/settings")

THEME_WORDS = (("system", N_("As the device")), ("light", N_("Light")), ("dark", N_("Dark")))
DENSITY_WORDS = (("comfortable", N_("Comfortable")), ("compact", N_("Compact")))
PANE_WORDS = (("right", N_("At the right")), ("below", N_("Below")), ("off", N_("Off")))
IMAGE_WORDS = (
    ("ask", N_("Ask each time")),
    ("always", N_("Always show")),
    ("never", N_("Never show")),
)
ACCENT_WORDS = {
    "petrol": N_("Petrol"),
    "blue": N_("Blue"),
    "violet": N_("Violet"),
    "rose": N_("Rose"),
    "coral": N_("Coral"),
    "amber": N_("Amber"),
    "olive": N_("Olive"),
    "green": N_("Green"),
    "slate": N_("Slate"),
}
DEVICE_ICONS = {"iPhone": "smartphone", "Android": "smartphone", "iPad": "tablet"}  # icons: smartphone tablet laptop


@blueprint.route("/", methods=["GET"])
def index() -> BaseResponse:
    return redirect(url_for("settings.general"))


@blueprint.route("/general", methods=["GET", "POST"])
def general() -> BaseResponse:
    """Language, time zone, theme, density, reading pane, images, shortcuts."""
    if request.method == "POST":
        form = request.form
        names = ("language", "time_zone", "theme", "accent", "density", "images", "reading_pane")
        wishes: dict[str, object] = {name: form[name] for name in names if name in form}
        if form.get("form") == "general":
            # An unticked box is not sent at all, so only the whole form says something about it.
            wishes["shortcuts"] = form.get("shortcuts") == "yes"
        wanted = preferences.changed(g.session.preferences, **wishes)
        desk.directory.write_now(lambda w: preferences.save(w, g.session.account_id, wanted))
        flash(_("Saved."), "done")
        response = make_response(redirect(url_for("settings.general")))
        page.keep_theme(response, wanted.theme)
        return response
    values = {
        "themes": THEME_WORDS,
        "densities": DENSITY_WORDS,
        "panes": PANE_WORDS,
        "images": IMAGE_WORDS,
        "accents": ACCENT_WORDS,
        "zones": _zones(),
    }
    return make_response(
        render_template("settings/general.html", section="general", wishes=g.session.preferences, **values)
    )


def _zones() -> list[str]:
    """Zones that people know by name; the rest of the database is history and aliases."""
    regions = ("Africa/", "America/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/")
    return ["UTC", *sorted(zone for zone in available_timezones() if zone.startswith(regions))]


@blueprint.get("/devices")
def devices() -> BaseResponse:
    """Every session of this person."""
    found = desk.directory.read_now(lambda r: tokens.list_for(r, g.session.account_id))
    rows = [_device(token) for token in found if token.kind == KIND]
    rows.sort(key=lambda row: not row["this"])
    this = threshold.this_device(g.session.account_id)
    known = desk.directory.read_now(lambda r: remembered_device.list_for(r, g.session.account_id))
    remembered = [_remembered(device, this=device.id == this) for device in known]
    return make_response(
        render_template("settings/devices.html", section="devices", devices=rows, remembered=remembered)
    )


def _remembered(device: remembered_device.Device, *, this: bool) -> dict[str, object]:
    return {
        "id": device.id,
        "label": device.label or _("Unknown device"),
        "peer": device.peer,
        "icon": _icon(device.label),
        "last_used": datetime.fromtimestamp(device.last_used, UTC),
        "expires": datetime.fromtimestamp(device.expires, UTC),
        "this": this,
    }


def _icon(label: str) -> str:
    return next((name for mark, name in DEVICE_ICONS.items() if mark in label), "laptop")


def _device(token: tokens.Token) -> dict[str, object]:
    return {
        "id": token.id,
        "label": token.label or _("Unknown device"),
        "peer": token.peer,
        "icon": _icon(token.label),
        "created": datetime.fromtimestamp(token.created, UTC),
        "last_used": datetime.fromtimestamp(token.last_used, UTC),
        "this": token.id == g.session.token_id,
    }


@blueprint.post("/devices/<int:token_id>/end")
def end_device(token_id: int) -> BaseResponse:
    """End one session; another person's id does nothing."""
    if desk.directory.write_now(lambda w: tokens.revoke(w, g.session.account_id, token_id)):
        parting.take_down(token_id)
    if token_id == g.session.token_id:
        response = make_response(redirect(url_for("auth.sign_in")))
        session.forget(response)
        return response
    flash(_("That device is signed out."), "done")
    return redirect(url_for("settings.devices"))


@blueprint.post("/devices/remembered/<int:device_id>/forget")
def forget_device(device_id: int) -> BaseResponse:
    """Ask one browser for a code again; another person's id does nothing."""
    if desk.directory.write_now(lambda w: remembered_device.forget(w, g.session.account_id, device_id)):
        flash(_("That device has to give a code again."), "done")
    return redirect(url_for("settings.devices"))


@blueprint.post("/devices/end-others")
def end_others() -> BaseResponse:
    """End every session but this one, and remember no other device."""
    this = threshold.this_device(g.session.account_id)

    def change(w: Writer) -> list[int]:
        remembered_device.forget_all(w, g.session.account_id, keep=this)
        return session.end_others(w, g.session.account_id, g.session.token_id)

    for token_id in desk.directory.write_now(change):
        parting.take_down(token_id)
    flash(_("All other devices are signed out."), "done")
    return redirect(url_for("settings.devices"))
