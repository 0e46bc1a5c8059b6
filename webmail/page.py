"""What every page's frame needs: addresses of built files, the look the visitor wants, the hour of the landscape."""

from datetime import UTC, datetime
from functools import lru_cache

from flask import Flask, g, request, url_for
from flask_babel import format_date, format_datetime, format_decimal, format_time, format_timedelta, get_timezone
from flask_babel import gettext as _
from flask_wtf.csrf import generate_csrf
from markupsafe import Markup
from werkzeug.wrappers import Response

from webmail import preferences
from webmail.assets import CurrentManifest
from webmail.preferences import Preferences
from webmail.session import is_secure

THEME_COOKIE = "posthouse_theme"
COOKIE_SECONDS = 365 * 24 * 3600
HUES = ("coral", "amber", "olive", "green", "petrol", "blue", "violet", "rose", "slate")
_ICON_SIZES = {14: "s", 18: "l", 20: "xl"}
DAWN, DAY, DUSK, NIGHT = 6, 8, 17, 19
"""First hours of the four pictures, where no sunrise is known."""


def init_app(app: Flask, manifest: CurrentManifest) -> None:
    """Give templates `asset`, `svg_icon`, `look`, `scene_hour`, `initials` and `hue`."""

    def asset(name: str) -> str:
        found = g.get("assets")
        if found is None:
            # Once a request: a page names two hundred icons.
            found = g.assets = (url_for("static", filename=""), manifest.get())
        prefix, files = found
        return str(prefix + files.path(name))

    def svg_icon(name: str, size: int = 16, kind: str = "") -> Markup:
        return _icon(asset("icons.svg"), name, size, kind)

    app.jinja_env.globals.update(
        asset=asset,
        svg_icon=svg_icon,
        look=look,
        scene_hour=scene_hour,
        initials=initials,
        hue=hue,
        csrf_field=csrf_field,
        format_now=format_now,
        format_date=format_date,
        format_time=format_time,
        format_datetime=format_datetime,
        format_timedelta=format_timedelta,
        now=now,
    )
    app.jinja_env.filters["number"] = format_decimal
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True


@lru_cache(maxsize=1_000)
def _icon(sprite: str, name: str, size: int, kind: str) -> Markup:
    words = " ".join(filter(None, ("ico", _ICON_SIZES.get(size, ""), kind)))
    return Markup('<svg class="{}" aria-hidden="true" focusable="false"><use href="{}#i-{}"/></svg>').format(
        words, sprite, name
    )


def look() -> Preferences:
    """The wishes of the person, or of the browser before sign-in."""
    session = g.get("session")
    if session is not None:
        wishes: Preferences = session.preferences
        return wishes
    return preferences.changed(preferences.DEFAULTS, theme=request.cookies.get(THEME_COOKIE, ""))


def keep_theme(response: Response, theme: str) -> None:
    """So that the sign-in page of this browser keeps the look."""
    response.set_cookie(
        THEME_COOKIE, theme, max_age=COOKIE_SECONDS, secure=is_secure(), httponly=True, samesite="Lax", path="/mail"
    )


def scene_hour() -> str:
    """Which picture the hour asks for; the script mends it by the visitor's own clock."""
    if look().theme == "dark":
        return "night"
    return hour_name(datetime.now(get_timezone()).hour)


def hour_name(hour: int) -> str:
    """Dawn, day, dusk or night."""
    if DAY <= hour < DUSK:
        return "day"
    if DUSK <= hour < NIGHT:
        return "dusk"
    return "dawn" if DAWN <= hour < DAY else "night"


def csrf_field() -> Markup:
    """The hidden field that every form with `method=post` carries."""
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(generate_csrf())


def format_now() -> str:
    """Day and time as the pill on the landscape shows them; the script keeps it going."""
    return str(format_datetime(format=_("EEEE, d MMMM · HH:mm")))


def now() -> datetime:
    """The time in UTC, for 'three hours ago'."""
    return datetime.now(UTC)


def initials(name: str) -> str:
    """One or two letters for an avatar: of first and last word, or one character of a Chinese name."""
    words = [word for word in name.replace("@", " ").replace(".", " ").split() if word[0].isalnum()]
    if not words:
        return "?"
    if ord(words[0][0]) > 0x2E7F:
        return words[0][0]
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()


def hue(text: str) -> str:
    """A colour that stays with an address: the same on every page, after every restart."""
    total = 0
    for octet in text.casefold().encode():
        total = (total * 31 + octet) & 0xFFFFFFFF
    return HUES[total % len(HUES)]
